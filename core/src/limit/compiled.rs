//! A limit with its buckets, ready to be asked.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::context::Context;
use crate::error::Result;
use crate::text;

use super::bucket::Bucket;
use super::declare::{GLOBAL, RateLimit};
use super::keyed::{Keyed, Place, lock};
use super::rate::Rate;
use super::status::LimitStatus;
use super::target::{Count, Target};

/// A compiled limit: what was declared, and the buckets that belong to it alone.
///
/// Two limits compiled from the same declaration share nothing.
pub struct Limit {
    /// Grows with each limit compiled: the order in which limits are locked.
    id: u64,
    target: Target,
    declared: RateLimit,
    /// It came from a policy document.
    from_document: bool,
    text: String,
    rate: Rate,
    buckets: Buckets,
}

enum Buckets {
    Global(CachePadded<Mutex<Bucket>>),
    Keyed(Box<Keyed>),
}

impl Limit {
    /// Checks a declaration and gives it buckets, all full.
    ///
    /// # Errors
    /// `ConfigError` for all that [`RateLimit::check`] refuses.
    pub fn compile(target: Target, declared: &RateLimit) -> Result<Self> {
        declared.check()?;
        Ok(Self::build(target, declared.clone()))
    }

    fn build(target: Target, declared: RateLimit) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let buckets = if declared.scope == GLOBAL {
            Buckets::Global(CachePadded::default())
        } else {
            Buckets::Keyed(Box::new(Keyed::new(declared.tracked_at_most())))
        };
        Limit {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            target,
            text: describe(target, &declared),
            rate: declared.rate(),
            declared,
            from_document: false,
            buckets,
        }
    }

    /// The same limit with buckets of its own, all full, taking no lock: for the child of a fork.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Limit { from_document: self.from_document, ..Self::build(self.target, self.declared.clone()) }
    }

    /// A limit from a policy document, which goes when another document is loaded. The document has checked the
    /// declaration.
    pub(crate) fn of_document(target: Target, declared: &RateLimit) -> Self {
        Limit { from_document: true, ..Self::build(target, declared.clone()) }
    }

    pub(crate) fn is_of_document(&self) -> bool {
        self.from_document
    }

    /// The limit as people read it: `write 100/minute per agent_id`; with `, burst 20` and `, counting attempts`
    /// where they differ from the default.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.text
    }

    /// What the limit is for.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
    }

    /// When an operation takes its token.
    #[must_use]
    pub fn count(&self) -> Count {
        self.declared.count
    }

    /// `global` or the context key.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.declared.scope
    }

    /// What was declared.
    #[must_use]
    pub fn declared(&self) -> &RateLimit {
        &self.declared
    }

    /// How many keys have a bucket of their own now: those whose bucket is not full, and some whose bucket became
    /// full and was not let go yet. Never more than `max_keys`; 0 for a global limit.
    #[must_use]
    pub fn tracked_keys(&self) -> usize {
        match &self.buckets {
            Buckets::Global(_) => 0,
            Buckets::Keyed(keyed) => keyed.tracked(),
        }
    }

    /// The memory that the limit holds now, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let own = size_of::<Self>() + self.text.capacity() + self.declared.scope.capacity();
        match &self.buckets {
            Buckets::Global(_) => own,
            Buckets::Keyed(keyed) => own + keyed.bytes(),
        }
    }

    /// Lets go of every bucket that is full at `now_ns`, at once. Not needed: each token taken does a little of
    /// this. For a host that wants its memory back while nothing happens.
    pub fn release_idle(&self, now_ns: u64) {
        if let Buckets::Keyed(keyed) = &self.buckets {
            keyed.release_idle(&self.rate, now_ns);
        }
    }

    /// How many tokens the full bucket holds.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.rate.capacity()
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Locks the bucket that a context falls to. `take` says that a token is to be taken, not only looked at.
    #[inline]
    pub(super) fn hold(&self, context: &Context, now_ns: u64, take: bool) -> Held<'_> {
        let place = match &self.buckets {
            Buckets::Global(bucket) => Place::Lone(lock(bucket)),
            Buckets::Keyed(keyed) => keyed.place(context.get(&self.declared.scope), &self.rate, now_ns, take),
        };
        Held { limit: self, now_ns, place }
    }
}

/// A bucket that is locked, at one reading of the clock.
pub(super) struct Held<'a> {
    limit: &'a Limit,
    now_ns: u64,
    place: Place<'a>,
}

impl<'a> Held<'a> {
    pub(super) fn limit(&self) -> &'a Limit {
        self.limit
    }

    /// 0 where so many tokens can be taken at once, else the nanoseconds until they can.
    #[inline]
    pub(super) fn wait_ns(&self, tokens: u64) -> u64 {
        let rate = &self.limit.rate;
        let full_at = self.place.full_at();
        if rate.has(tokens, full_at, rate.units(self.place.clamped(self.now_ns))) {
            return 0;
        }
        until(rate.ready_ns(tokens, full_at), self.now_ns)
    }

    /// Takes the tokens that [`Held::wait_ns`] found.
    #[inline]
    pub(super) fn take(&mut self, tokens: u64) {
        let rate = &self.limit.rate;
        let now_ns = self.place.clamped(self.now_ns);
        let full_at = rate.taken(tokens, self.place.full_at(), rate.units(now_ns));
        self.place.set(rate, full_at, now_ns);
    }

    pub(super) fn is_overflow(&self) -> bool {
        matches!(self.place, Place::Overflow(_))
    }

    pub(super) fn status(&self) -> LimitStatus {
        let rate = &self.limit.rate;
        let full_at = self.place.full_at();
        let now = rate.units(self.place.clamped(self.now_ns));
        LimitStatus {
            limit: self.limit.text.clone(),
            operation: self.limit.target,
            scope: self.limit.declared.scope.clone(),
            count: self.limit.declared.count,
            capacity: rate.capacity(),
            remaining: rate.remaining(full_at, now),
            retry_after_ns: self.wait_ns(1),
            full_after_ns: if Rate::is_full(full_at, now) {
                0
            } else {
                until(rate.full_ns(full_at), self.now_ns)
            },
            overflow: self.is_overflow(),
        }
    }
}

/// Only past 584 years does this not fit.
fn until(then_ns: u128, now_ns: u64) -> u64 {
    u64::try_from(then_ns.saturating_sub(u128::from(now_ns))).unwrap_or(u64::MAX)
}

fn describe(target: Target, declared: &RateLimit) -> String {
    let mut out = format!("{} {}/{}", target.as_str(), declared.tokens, declared.period.as_str());
    if declared.scope != GLOBAL {
        out.push_str(" per ");
        out.push_str(&text::shown_key(declared.scope.as_bytes()));
    }
    if declared.capacity() != declared.tokens {
        out.push_str(&format!(", burst {}", declared.capacity()));
    }
    if declared.count == Count::Attempts {
        out.push_str(", counting attempts");
    }
    out
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limit({})", self.text)
    }
}
