//! One key on its way through the hooks: all of a `get`, one of many in a batch or a scan.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Kind, StoreCall};
use crate::engine::Config;
use crate::hook::{Matched, Phase};

/// One key, what is done to it, and what the hooks made of it.
pub(super) struct Subject<'a> {
    pub(super) kind: Kind,
    pub(super) key: Cow<'a, [u8]>,
    /// What is to be written, or what was read.
    pub(super) value: Option<Cow<'a, [u8]>>,
    /// The places of the hooks that match the key, before and after, in the order of registration.
    pub(super) matched: Matched,
    /// The next of `matched` to be asked.
    pub(super) next: usize,
    pub(super) stage: Stage,
    /// A hook has put another value in the place of the caller's or the store's.
    pub(super) modified: bool,
    /// The hook that did so last, and why it hid a value: for the audit.
    pub(super) changed_by: Option<(Arc<str>, Option<String>)>,
    /// A hook has flagged the audit entry.
    pub(super) logged: bool,
    /// What a shadow hook or engine would have refused it for.
    pub(super) would_deny: Option<Box<WouldDeny>>,
}

/// How far the store is with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has not been asked.
    Unasked,
    /// It was asked and has not replied, or has replied with a failure.
    Asked,
    /// It has done what it was asked for.
    Replied,
    /// The after-hooks have been asked too.
    Finished,
}

/// A refusal that was not enforced.
pub(super) struct WouldDeny {
    pub(super) rule: Option<String>,
    pub(super) reason: String,
}

impl<'a> Subject<'a> {
    /// Built where it stays: it is large.
    #[inline]
    pub(super) fn new(kind: Kind, key: Cow<'a, [u8]>, value: Option<Cow<'a, [u8]>>) -> Self {
        Subject {
            kind,
            key,
            value,
            matched: Matched::new(),
            next: 0,
            stage: Stage::Unasked,
            modified: false,
            changed_by: None,
            logged: false,
            would_deny: None,
        }
    }

    /// What stands in the place of a real one that is elsewhere.
    pub(super) fn none() -> Self {
        Subject::new(Kind::Read, Cow::Borrowed(&[]), None)
    }

    /// Another key is read: what concerned the one before is forgotten, but not what the audit is to tell.
    pub(super) fn turn_to(&mut self, key: Vec<u8>) {
        self.key = Cow::Owned(key);
        self.value = None;
        self.matched.clear();
        self.next = 0;
        self.stage = Stage::Unasked;
        self.modified = false;
        self.changed_by = None;
    }

    pub(super) fn into_owned(self) -> Subject<'static> {
        Subject {
            key: Cow::Owned(self.key.into_owned()),
            value: self.value.map(|value| Cow::Owned(value.into_owned())),
            kind: self.kind,
            matched: self.matched,
            next: self.next,
            stage: self.stage,
            modified: self.modified,
            changed_by: self.changed_by,
            logged: self.logged,
            would_deny: self.would_deny,
        }
    }

    /// Finds the hooks that match.
    pub(super) fn match_hooks(&mut self, config: &Config) {
        config.hooks_of(self.kind).collect(&self.key, &mut self.matched);
    }

    /// Whether a hook of the host is among those that match.
    pub(super) fn asks_host(&self, config: &Config) -> bool {
        let hooks = config.hooks_of(self.kind);
        self.matched.iter().any(|place| hooks.get(*place).is_some_and(|hook| hook.action.asks_host()))
    }

    /// What was read, for the caller.
    #[inline]
    pub(super) fn take_read(&mut self) -> Option<Vec<u8>> {
        if self.kind == Kind::Read { self.value.take().map(Cow::into_owned) } else { None }
    }

    /// Whether a hook that is asked before the store is among those that match.
    #[inline]
    pub(super) fn has_hook_before(&self, config: &Config) -> bool {
        let hooks = config.hooks_of(self.kind);
        let before = |place: &u32| hooks.get(*place).is_some_and(|hook| hook.trigger.phase == Phase::Before);
        self.matched.iter().any(before)
    }

    /// What the audit says of `applied`: nothing for reads, nor while the store has not said.
    pub(super) fn applied(&self) -> Option<bool> {
        match (self.kind, self.stage) {
            (Kind::Read, _) | (_, Stage::Asked) => None,
            (_, Stage::Replied | Stage::Finished) => Some(true),
            (_, Stage::Unasked) => Some(false),
        }
    }

    /// True for writes and deletes that the store has done.
    pub(super) fn did_change(&self) -> bool {
        self.applied() == Some(true)
    }

    /// What to ask the store for.
    pub(super) fn store_call(&self) -> StoreCall<'_> {
        let (key, value) = (&*self.key, self.value.as_deref().unwrap_or_default());
        match self.kind {
            Kind::Read => StoreCall::Get { key },
            Kind::Write => StoreCall::Put { key, value },
            Kind::Delete => StoreCall::Delete { key },
        }
    }
}
