//! Rate limits as fractions of tokens, and when an operation meets them.

use std::collections::BTreeMap;

use num_rational::Ratio;

use super::deciding::{plain, refused};
use super::history::{Asked, Limit, What};
use super::model::{Model, Refused, Run};

struct Bucket {
    tokens: Ratio<i128>,
    at_ns: u64,
}

pub(crate) struct Limiting {
    pub(crate) declared: Limit,
    buckets: BTreeMap<Option<String>, Bucket>,
}

impl Limiting {
    pub(crate) fn new(declared: Limit) -> Self {
        Limiting { declared, buckets: BTreeMap::new() }
    }

    pub(crate) fn take(&mut self, asked: &Asked, tokens: u64, now_ns: u64) {
        self.bucket(asked, now_ns).tokens -= i128::from(tokens);
    }

    /// The most tokens that there ever are.
    pub(crate) fn capacity(&self) -> u64 {
        self.declared.burst.unwrap_or(self.declared.tokens)
    }

    /// Tokens in a nanosecond.
    fn rate(&self) -> Ratio<i128> {
        let period = if self.declared.period == "second" { 1_000_000_000 } else { 60_000_000_000 };
        Ratio::new(i128::from(self.declared.tokens), period)
    }

    /// The bucket that an operation falls to, refilled.
    fn bucket(&mut self, asked: &Asked, now_ns: u64) -> &mut Bucket {
        let capacity = Ratio::from_integer(i128::from(self.capacity()));
        let rate = self.rate();
        let name = asked.who.as_ref().map(ToString::to_string).filter(|_| self.declared.per_agent);
        let bucket = self.buckets.entry(name).or_insert(Bucket { tokens: capacity, at_ns: now_ns });
        let passed = Ratio::from_integer(i128::from(now_ns - bucket.at_ns));
        bucket.tokens = capacity.min(bucket.tokens + rate * passed);
        bucket.at_ns = now_ns;
        bucket
    }

    /// Whole nanoseconds until there are so many tokens.
    pub(crate) fn wait_ns(&mut self, asked: &Asked, tokens: u64, now_ns: u64) -> u128 {
        let missing = Ratio::from_integer(i128::from(tokens)) - self.bucket(asked, now_ns).tokens;
        u128::try_from((missing / self.rate()).ceil().to_integer()).unwrap_or(0)
    }
}

pub(crate) fn describe(limit: &Limit) -> String {
    let per = if limit.per_agent { " per agent_id" } else { "" };
    let burst = limit.burst.filter(|burst| *burst != limit.tokens);
    let burst = burst.map_or(String::new(), |burst| format!(", burst {burst}"));
    let counting = if limit.attempts { ", counting attempts" } else { "" };
    format!("{} {}/{}{per}{burst}{counting}", limit.target, limit.tokens, limit.period)
}

impl Model {
    /// When an operation or a key of a scan starts: attempts are taken, the others looked at.
    pub(crate) fn look_at_limits(&mut self, run: &mut Run<'_>, limits: usize) -> Result<(), Refused> {
        let looked = self.possible(run, limits).and_then(|()| self.take(run, limits, true));
        match looked.and_then(|()| self.look(run, limits, false)) {
            Err(refused) => self.refuse_or_note(run, refused),
            Ok(()) => Ok(()),
        }
    }

    /// Right before the store is asked.
    pub(crate) fn take_limits(&mut self, run: &mut Run<'_>, limits: usize) -> Result<(), Refused> {
        match self.possible(run, limits).and_then(|()| self.take(run, limits, false)) {
            Err(refused) => self.refuse_or_note(run, refused),
            Ok(()) => Ok(()),
        }
    }

    /// A batch that needs more than a limit ever holds.
    fn possible(&self, run: &Run<'_>, limits: usize) -> Result<(), Refused> {
        let mut worst: Option<(usize, u64)> = None;
        for at in 0..limits {
            let parts = self.needs(run, at).div_ceil(self.limits[at].capacity());
            if parts > worst.map_or(1, |(_, parts)| parts) {
                worst = Some((at, parts));
            }
        }
        let Some((at, _)) = worst else { return Ok(()) };
        let what = if matches!(run.asked.what, What::Reads(_)) { "call" } else { "batch" };
        let (tokens, limit) = (self.needs(run, at), describe(&self.limits[at].declared));
        let most = self.limits[at].capacity();
        let why = format!(
            "the {what} needs {tokens} tokens of `{limit}`, which never holds more than {most}: split it"
        );
        // In shadow mode the limit is what would have refused.
        let rule = Some(limit).filter(|_| self.settings.shadow);
        Err(Refused { rule, ..plain("usage", &why) })
    }

    /// Takes of each limit that applies what is needed, of all or none.
    fn take(&mut self, run: &Run<'_>, limits: usize, attempts: bool) -> Result<(), Refused> {
        self.look(run, limits, attempts)?;
        for at in self.applying(run, limits, attempts) {
            let needs = self.needs(run, at);
            self.limits[at].take(run.asked, needs, self.now_ns);
        }
        Ok(())
    }

    fn look(&mut self, run: &Run<'_>, limits: usize, attempts: bool) -> Result<(), Refused> {
        let mut worst = None;
        for at in self.applying(run, limits, attempts) {
            let wait = self.wait_ns(run, at);
            if wait > worst.map_or(0, |(_, wait)| wait) {
                worst = Some((at, wait));
            }
        }
        let Some((at, _)) = worst else { return Ok(()) };
        let all = [self.applying(run, limits, true), self.applying(run, limits, false)].concat();
        let retry_after_ns = all.into_iter().map(|at| self.wait_ns(run, at)).max();
        let limit = describe(&self.limits[at].declared);
        let why = match self.needs(run, at) {
            1 => format!("limit `{limit}` has no token left"),
            needs => format!("limit `{limit}` has fewer than {needs} tokens left"),
        };
        let mut refused = refused("rate_limited", "rate_limited", Some(limit), &why, false);
        refused.failed.retry_after_ns = retry_after_ns;
        Err(refused)
    }

    fn wait_ns(&mut self, run: &Run<'_>, at: usize) -> u128 {
        let needs = self.needs(run, at);
        self.limits[at].wait_ns(run.asked, needs, self.now_ns)
    }

    fn applying(&self, run: &Run<'_>, limits: usize, attempts: bool) -> Vec<usize> {
        let applies = |at: &usize| self.limits[*at].declared.attempts == attempts && self.needs(run, *at) > 0;
        (0..limits).filter(applies).collect()
    }

    /// How many tokens of a limit are needed.
    fn needs(&self, run: &Run<'_>, at: usize) -> u64 {
        let target = self.limits[at].declared.target;
        run.keys.iter().filter(|key| [key.kind.as_str(), "all"].contains(&target)).count() as u64
    }
}
