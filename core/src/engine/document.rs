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
    /// `ConfigError` for a document with nothing for data hooks, and for one that has the audit's file kept in another
    /// way than it is; those of opening another file. Then everything is as it was. `StoreError` where the old
    /// document's file could not write out what it was told: the new document is in force all the same.
    pub fn reload(&self, document: &PolicyDocument) -> Result<()> {
        loop {
            let prepared = self.prepare(document)?;
            let mut replaced = None;
            self.change(|config| replaced = self.replace(config, prepared));
            if let Some(gone) = replaced {
                return gone.into_iter().try_for_each(let_go);
            }
        }
    }

    /// Gives the files of the old document that the new one does not go on with. Nothing, and changes nothing, where
    /// the file that was to be kept is gone by now: another reload came between.
    fn replace(&self, config: &mut Config, prepared: Prepared<'_>) -> Option<Vec<Arc<AuditFile>>> {
        let Prepared { document, audit, file, required } = prepared;
        let wanted = document.audit().and_then(|audit| audit.file.as_ref()).filter(|_| file.is_none());
        let is_wanted =
            |sink: &SinkEntry| sink.declared.as_deref().is_some_and(|known| Some(known) == wanted);
        if wanted.is_some() && !config.sinks.iter().any(is_wanted) {
            return None;
        }
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
        let (kept, gone): (Vec<_>, Vec<_>) =
            config.sinks.iter().cloned().partition(|sink| sink.declared.is_none() || is_wanted(sink));
        config.set_sinks(kept.into_iter().chain(file).collect());
        let file_of = |sink| match sink {
            SinkEntry { target: SinkTarget::File(file), .. } => Some(file),
            SinkEntry { target: SinkTarget::Host(_), .. } => None,
        };
        Some(gone.into_iter().filter_map(file_of).collect())
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
        let declared = document.audit().and_then(|audit| audit.file.as_ref());
        let file = declared.map(|declared| self.open_unless_open(declared)).transpose()?.flatten();
        Ok(Prepared { document, audit: audit.map(Arc::new), file, required })
    }

    /// Opens the audit's file; nothing where it is open as it is declared.
    fn open_unless_open(&self, declared: &DeclaredAuditFile) -> Result<Option<SinkEntry>> {
        let sinks = Arc::clone(&self.load().sinks);
        let mut known = sinks.iter().filter_map(|sink| sink.declared.as_deref());
        match known.find(|known| known.path == declared.path) {
            Some(known) if known == declared => Ok(None),
            Some(_) => Err(Error::config(format!(
                "the audit's file `{}` is open with other settings, which a reload cannot change: give it another path, \
                 or reload a document without it first",
                crate::text::shown_key(declared.path.as_bytes())
            ))),
            None => self.open(declared).map(Some),
        }
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

/// Closes a file that no document asks for any more. Operations that started under the old one are still to be in it:
/// where there are any, the last of them closes it.
fn let_go(file: Arc<AuditFile>) -> Result<()> {
    match Arc::try_unwrap(file) {
        Ok(file) => file.close(),
        Err(shared) => shared.flush(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;
    use crate::engine::EngineOptions;

    /// What came between was not noticed: the document asked for a file, and the engine wrote none.
    #[test]
    fn a_reload_that_was_to_keep_a_file_notices_that_another_one_let_it_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let document = |audit: &str| {
            let text = format!("version: 1\naudit: {audit}\n");
            PolicyDocument::parse(text.as_bytes(), Format::Yaml, "policy.yaml").unwrap()
        };
        let with_file = document(&format!("{{file: {{path: '{}'}}}}", path.display()));
        let engine = Engine::new(EngineOptions::default()).unwrap();
        engine.apply(&with_file).unwrap();
        let prepared = engine.prepare(&with_file).unwrap();
        engine.reload(&document("{}")).unwrap();
        engine.change(|config| assert!(engine.replace(config, prepared).is_none()));
        engine.reload(&with_file).unwrap();
        assert_eq!(engine.load().sinks.len(), 1);
    }
}
