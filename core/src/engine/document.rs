//! What an engine takes from a policy document, and what becomes of it when another is loaded.

use std::sync::Arc;

use compact_str::CompactString;

use super::{Config, Engine, required};
use crate::audit::{AuditFile, AuditLog, SinkEntry, SinkId, SinkTarget};
use crate::document::{DeclaredAuditFile, DocumentHook, PolicyDocument};
use crate::error::{Error, Result};
use crate::hook::{Action, HookEntry, HookId, HookSet, Mode};
use crate::limit::{Limit, LimitSet};
use crate::operation::Kind;

/// What was made of a document before the lock is taken: all that can fail has not.
struct Prepared<'d> {
    document: &'d PolicyDocument,
    audit: Option<Arc<AuditLog>>,
    /// The audit's file, where it is not the one that is open already.
    file: Option<SinkEntry>,
    required: Arc<[CompactString]>,
}

impl Engine {
    /// Takes hooks, limits and audit from a document: for an engine that is being made.
    ///
    /// # Errors
    /// `ConfigError` for a document with nothing for data hooks, and where a document was applied before: then
    /// [`Engine::reload`] is meant. Where errors are remembered, this one is too.
    pub fn apply(&self, document: &PolicyDocument) -> Result<()> {
        self.remembering(|| {
            let prepared = self.prepare(document)?;
            let mut second = false;
            self.change(|config| {
                second = config.has_document;
                if !second {
                    let _ = self.replace(config, prepared);
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
        let prepared = self.prepare(document)?;
        let mut closing = Vec::new();
        self.change(|config| closing = self.replace(config, prepared));
        closing.iter().try_for_each(|file| file.close())
    }

    /// Gives the files of the old document that the new one does not go on with.
    fn replace(&self, config: &mut Config, prepared: Prepared<'_>) -> Vec<Arc<AuditFile>> {
        let Prepared { document, audit, file, required } = prepared;
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
        // What the engine was made with stays: a document cannot enforce what its engine only tries, nor ask for less.
        config.mode = match self.options.mode {
            Mode::Enforce => document.mode().unwrap_or_default(),
            Mode::Shadow => Mode::Shadow,
        };
        config.required = required;
        config.has_document = true;
        let wanted = document.audit().and_then(|audit| audit.file.as_ref());
        let (kept, gone): (Vec<_>, Vec<_>) = config.sinks.iter().cloned().partition(|sink| {
            sink.declared.is_none() || (file.is_none() && sink.declared.as_deref() == wanted)
        });
        config.set_sinks(kept.into_iter().chain(file).collect());
        let file_of = |sink| match sink {
            SinkEntry { target: SinkTarget::File(file), .. } => Some(file),
            SinkEntry { target: SinkTarget::Host(_), .. } => None,
        };
        gone.into_iter().filter_map(file_of).collect()
    }

    fn entry(&self, hook: &DocumentHook) -> Arc<HookEntry> {
        Arc::new(HookEntry {
            id: HookId(self.next_number()),
            trigger: hook.trigger,
            keys: hook.keys.clone(),
            action: Action::Declared(Arc::clone(&hook.declared)),
            rule: Arc::clone(&hook.rule),
            mode: hook.mode,
            from_document: true,
        })
    }

    fn prepare<'d>(&self, document: &'d PolicyDocument) -> Result<Prepared<'d>> {
        if document.is_bare_for_data() {
            return Err(Error::config(
                "the policy document has nothing for a policy engine: give it hooks, a rate limit on read, write, delete \
             or all, or an audit",
            ));
        }
        let audit = document.audit().map(|audit| AuditLog::new(audit.max_entries)).transpose()?;
        let names = self.options.require_context.iter().chain(document.require_context());
        let required = required(names)?;
        // Last, as it changes the disk.
        let file = match document.audit().and_then(|audit| audit.file.as_ref()) {
            Some(declared) if !self.has_open(declared) => Some(self.open(declared)?),
            _ => None,
        };
        Ok(Prepared { document, audit: audit.map(Arc::new), file, required })
    }

    /// Whether the audit's file is open as it is declared.
    fn has_open(&self, declared: &DeclaredAuditFile) -> bool {
        self.load().sinks.iter().any(|sink| sink.declared.as_deref() == Some(declared))
    }

    fn open(&self, declared: &DeclaredAuditFile) -> Result<SinkEntry> {
        let file = declared.open(self.clock())?;
        Ok(SinkEntry {
            id: SinkId(self.next_number()),
            strict: file.is_strict(),
            target: SinkTarget::File(file),
            declared: Some(Arc::new(declared.clone())),
        })
    }
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
