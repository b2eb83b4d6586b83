//! What an engine takes from a policy document, and what becomes of it when another is loaded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Config, Engine};
use crate::audit::AuditLog;
use crate::document::{DocumentHook, PolicyDocument};
use crate::error::{Error, Result};
use crate::hook::{Action, HookEntry, HookId, HookSet};
use crate::limit::{Limit, LimitSet};
use crate::operation::Kind;

/// What was made of a document before the lock is taken: all that can fail has not.
struct Prepared<'d> {
    document: &'d PolicyDocument,
    audit: Option<Arc<AuditLog>>,
}

impl Engine {
    /// Takes hooks, limits and audit from a document: for an engine that is being made.
    ///
    /// # Errors
    /// `ConfigError` for a document with nothing for data hooks, and where a document was applied before: then
    /// [`Engine::reload`] is meant. Where errors are remembered, this one is too.
    pub fn apply(&self, document: &PolicyDocument) -> Result<()> {
        self.remembering(|| {
            let prepared = prepare(document)?;
            let mut second = false;
            self.change(|config| {
                second = has_document(config);
                if !second {
                    self.replace(config, prepared);
                }
            });
            match second {
                false => Ok(()),
                true => Err(Error::config("the engine has a policy document already: reload it instead")),
            }
        })
    }

    /// Puts a document in the place of the one before, in one step: an operation sees all of the old one or all of
    /// the new one.
    ///
    /// Its hooks stand before the host's. The host's hooks and limits stay, and so do the buckets of limits that both
    /// documents declare alike. The audit stays on where the new document does not speak of it, and keeps its entries
    /// where the size is the same.
    ///
    /// # Errors
    /// `ConfigError` for a document with nothing for data hooks. Then everything is as it was.
    pub fn reload(&self, document: &PolicyDocument) -> Result<()> {
        let prepared = prepare(document)?;
        self.change(|config| self.replace(config, prepared));
        Ok(())
    }

    fn replace(&self, config: &mut Config, prepared: Prepared<'_>) {
        let Prepared { document, audit } = prepared;
        for kind in Kind::ALL {
            let declared = document.hooks().iter().filter(|hook| hook.trigger.kind == kind);
            let mut hooks: Vec<_> = declared.map(|hook| self.entry(hook)).collect();
            let hosts = config.hooks_of(kind).iter().filter(|hook| !hook.from_document);
            hooks.extend(hosts.cloned());
            *config.hooks_of_mut(kind) = HookSet::of(hooks);
        }
        config.limits = limits(&config.limits, document);
        let same_size =
            |new: &AuditLog| config.audit.as_ref().is_some_and(|old| old.capacity() == new.capacity());
        if let Some(new) = audit.filter(|new| !same_size(new)) {
            config.audit = Some(new);
        }
    }

    fn entry(&self, hook: &DocumentHook) -> Arc<HookEntry> {
        Arc::new(HookEntry {
            id: HookId(self.next_id.fetch_add(1, Ordering::Relaxed)),
            trigger: hook.trigger,
            keys: hook.keys.clone(),
            action: Action::Declared(Arc::clone(&hook.declared)),
            rule: Arc::clone(&hook.rule),
            mode: hook.mode,
            from_document: true,
        })
    }
}

fn prepare(document: &PolicyDocument) -> Result<Prepared<'_>> {
    if document.is_bare_for_data() {
        return Err(Error::config(
            "the policy document has nothing for a policy engine: give it hooks, a rate limit on read, write, delete \
             or all, or an audit",
        ));
    }
    let audit = document.audit().map(|audit| AuditLog::new(audit.max_entries)).transpose()?;
    Ok(Prepared { document, audit: audit.map(Arc::new) })
}

fn has_document(config: &Config) -> bool {
    Kind::ALL.into_iter().any(|kind| config.hooks_of(kind).iter().any(|hook| hook.from_document))
        || config.limits.iter().any(|limit| limit.is_of_document())
}

/// The limits of the host, and those of the document: the very ones there were, where an equal one is declared.
fn limits(old: &LimitSet, document: &PolicyDocument) -> LimitSet {
    let (mut known, hosts): (Vec<_>, Vec<_>) = old.iter().cloned().partition(|limit| limit.is_of_document());
    let declared = document.data_limits().map(|(target, declared)| {
        let same = |limit: &Arc<Limit>| limit.target() == *target && limit.declared() == declared;
        match known.iter().position(same) {
            Some(at) => known.swap_remove(at),
            None => Arc::new(Limit::of_document(*target, declared)),
        }
    });
    let declared: Vec<_> = declared.collect();
    hosts.into_iter().chain(declared).collect()
}
