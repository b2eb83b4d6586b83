//! One vector at play: the engine, its store, its hooks and its clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use checkrein::audit::AuditFilter;
use checkrein::clock::{Clock, ManualClock};
use checkrein::document::{Format, PolicyDocument};
use checkrein::error::{Error, Result};
use checkrein::hook::{Answer, Helper, Trigger};
use checkrein::limit::{Count, LimitStatus, RateLimit, RateLimitOptions};
use checkrein::operation::Kind;
use checkrein::policy;
use checkrein::store::Database;
use serde_json::{Map, Value, json};

use crate::context::{public_context, raw_context};
use crate::ears::{Ear, Heard};
use crate::expect::{Got, compare, placeholders};
use crate::script::Script;
use crate::store::ScriptedStore;
use crate::subject::{Deed, Shelf, Subject, Undo, Way};
use crate::vector::{Do, Filter, Limit, Said, Step, Vector};

/// What the wall clock shows at the start.
const START_NS: u64 = 1_700_000_000_000_000_000;

pub(crate) struct World {
    pub(crate) subject: Subject,
    way: Way,
    shelf: Shelf,
    clock: Arc<ManualClock>,
    scripts: HashMap<String, (Trigger, String, Arc<Script>)>,
    ears: HashMap<String, (bool, Arc<Ear>)>,
    undo: Mutex<HashMap<String, Undo>>,
    pub(crate) denied: Heard,
    pub(crate) sunk: Heard,
}

impl World {
    /// Sets a vector up; gives what was not as expected.
    pub(crate) fn new(vector: &Vector, way: Way) -> Result<(Arc<World>, Vec<String>)> {
        let clock = ManualClock::new(START_NS);
        let shelf = match &vector.store {
            None => Shelf::Memory(Database::memory()),
            Some(script) => Shelf::Scripted(Arc::new(ScriptedStore::new(script.clone()))),
        };
        let subject = Subject::new(way, &shelf, Clock::Manual(Arc::clone(&clock)), &vector.options)?;
        let (denied, sunk) = (Heard::default(), Heard::default());
        let heard = |ear: &crate::vector::EarScript, heard| {
            (ear.name.clone(), (ear.strict, Ear::new(ear.clone(), heard)))
        };
        let listeners = vector.listeners.iter().map(|ear| heard(ear, &denied));
        let sinks = vector.sinks.iter().map(|ear| heard(ear, &sunk));
        let ears = listeners.chain(sinks).collect();
        let world = Arc::new_cyclic(|world| {
            let scripts = vector.host_hooks.iter().map(|hook| {
                let script = Arc::new(Script::new(hook.script.clone(), world.clone()));
                (hook.name.clone(), (hook.on, hook.keys.clone(), script))
            });
            World {
                subject,
                way,
                shelf,
                clock,
                scripts: scripts.collect(),
                ears,
                undo: Mutex::default(),
                denied,
                sunk,
            }
        });
        let mut faults = Vec::new();
        let mut check = |what: &str, want: &Option<Value>, got: Result<()>| {
            let want = want.as_ref().map_or_else(|| json!({"ok": true}), |error| json!({"error": error}));
            if let Err(fault) = compare(&want, &got.map_or_else(Got::Error, |()| Got::Ok)) {
                faults.push(format!("{what}: {fault}"));
            }
        };
        for hook in &vector.hooks {
            let deed = match hook.helper.as_str() {
                "deny_all" => Deed::DenyAll,
                "allow_all" => Deed::AllowAll,
                "require_agent_id" => Deed::RequireAgentId,
                "redact_value" => Deed::RedactValue(hook.replacement.clone()),
                _ => Deed::LogAndAllow,
            };
            let added = world.subject.add_hook(hook.on, &hook.keys, deed);
            check(&format!("hook {} {}", hook.on.as_str(), hook.keys), &hook.error, added.map(|_| ()));
        }
        for limit in &vector.limits {
            check(&format!("limit on {}", limit.operation), &limit.error, world.add_rate_limit(limit));
        }
        if let Some((max_entries, error)) = &vector.audit_of_policy {
            check("audit", error, world.subject.enable_audit(usize::try_from(*max_entries).unwrap()));
        }
        for hook in vector.host_hooks.iter().filter(|hook| !hook.spare) {
            check(&format!("hook {}", hook.name), &hook.error, world.add_hook(&hook.name));
        }
        for ear in &vector.listeners {
            world.add_listener(&ear.name);
        }
        for ear in vector.sinks.iter().filter(|ear| !ear.spare) {
            world.add_sink(&ear.name).unwrap();
        }
        Ok((world, faults))
    }

    fn add_listener(&self, name: &str) {
        let undo = self.subject.add_listener(Arc::clone(&self.ears[name].1));
        self.undo.lock().unwrap().insert(name.to_owned(), undo);
    }

    fn add_sink(&self, name: &str) -> Result<()> {
        let (strict, ear) = &self.ears[name];
        let undo = self.subject.add_sink(Arc::clone(ear), *strict)?;
        self.undo.lock().unwrap().insert(name.to_owned(), undo);
        Ok(())
    }

    pub(crate) fn add_hook(&self, name: &str) -> Result<()> {
        let (on, keys, script) = &self.scripts[name];
        let undo = self.subject.add_hook(*on, keys, Deed::Script(Arc::clone(script)))?;
        self.undo.lock().unwrap().insert(name.to_owned(), undo);
        Ok(())
    }

    /// Removes a hook, a listener or a sink.
    pub(crate) fn remove_hook(&self, name: &str) {
        let undo = self.undo.lock().unwrap().remove(name).unwrap();
        assert!(undo(), "`{name}` was not there");
        assert!(!undo(), "`{name}` was there twice");
    }

    fn add_rate_limit(&self, limit: &Limit) -> Result<()> {
        self.subject.add_rate_limit(&limit.operation, declared(limit)?)
    }

    pub(crate) fn perform(&self, step: &Step) -> Got {
        if let Some(at_ns) = step.at_ns {
            self.clock.advance_ns(at_ns - self.clock.now().monotonic_ns);
        }
        let done = match &step.what {
            Do::Put(key, value, said) => return self.subject.operate(Kind::Write, key, Some(value), said, 0),
            Do::Get(key, said) => return self.subject.operate(Kind::Read, key, None, said, 0),
            Do::Delete(key, said) => return self.subject.operate(Kind::Delete, key, None, said, 0),
            Do::GetMany(keys, said) => return self.subject.get_many(keys, said),
            Do::Batch(ops, atomic, said) => return self.subject.batch(ops, *atomic, said),
            Do::Scan(prefix, said, take) => return self.subject.scan(prefix, said, *take, 0),
            Do::Explain(operation, key, said) => return self.explain(operation, key, said),
            Do::Parse(text, format) => parse(text, format),
            Do::Reload(document) => self.subject.reload(document),
            Do::RemoveListener(name) | Do::RemoveSink(name) => {
                self.remove_hook(name);
                Ok(())
            }
            Do::AddSink(name) => self.add_sink(name),
            Do::Fill(pairs) => self.shelf.fill(pairs.clone()),
            Do::Stored(key) => return self.shelf.holds(key).map_or_else(Got::Error, Got::Value),
            Do::Status(operation, said) => return self.status(operation, said),
            Do::Audit(filter) => return self.sequences(filter),
            Do::Helper(helper, replacement, said) => return self.helper(helper, replacement, said),
            Do::AddRateLimit(limit) => self.add_rate_limit(limit),
            Do::AddHook(name) => self.add_hook(name),
            Do::EnableAudit(max_entries) => self.subject.enable_audit(usize::try_from(*max_entries).unwrap()),
            Do::RemoveHook(name) => {
                self.remove_hook(name);
                Ok(())
            }
            Do::DisableAudit => {
                self.subject.disable_audit();
                Ok(())
            }
            Do::ClearRegistrationErrors => {
                self.subject.clear_registration_errors();
                Ok(())
            }
            Do::Close => match &self.shelf {
                Shelf::Memory(database) => database.close(),
                Shelf::Scripted(_) => panic!("only the database can be closed"),
            },
        };
        done.map_or_else(Got::Error, |()| Got::Ok)
    }

    fn status(&self, operation: &str, said: &Said) -> Got {
        match self.subject.status(operation, said) {
            Err(error) => Got::Error(error),
            Ok(limits) => Got::Other(json!({"status": shown(&limits)})),
        }
    }

    fn explain(&self, operation: &str, key: &[u8], said: &Said) -> Got {
        let told = match self.subject.explain(operation, key, said) {
            Ok(told) => told,
            Err(error) => return Got::Error(error),
        };
        let hooks =
            told.hooks.iter().map(|hook| json!([hook.rule, hook.kind, hook.mode.as_str(), hook.answer]));
        Got::Other(json!({"explain": {
            "verdict": told.verdict.as_str(),
            "rule": told.rule,
            "reason": told.reason,
            "mode": told.mode.as_str(),
            "hooks": hooks.collect::<Vec<_>>(),
            "limits": shown(&told.limits),
        }}))
    }

    fn sequences(&self, filter: &Filter) -> Got {
        match filtered(filter).and_then(|filter| self.subject.audit_log(&filter)) {
            Err(error) => Got::Error(error),
            Ok(entries) => {
                let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence()).collect();
                Got::Other(json!({"sequences": sequences}))
            }
        }
    }

    fn helper(&self, helper: &str, replacement: &[u8], said: &Said) -> Got {
        let answer: Answer = match self.way {
            Way::Public => {
                let context = public_context(said);
                match helper {
                    "deny_all" => policy::deny_all(&context),
                    "allow_all" => policy::allow_all(&context),
                    "require_agent_id" => policy::require_agent_id(&context),
                    "redact_value" => policy::redact_value(replacement)(&context),
                    other => panic!("unknown helper `{other}`"),
                }
                .into()
            }
            Way::Stepwise => {
                let helper = match helper {
                    "deny_all" => Helper::DenyAll,
                    "allow_all" => Helper::AllowAll,
                    "require_agent_id" => Helper::RequireAgentId,
                    _ => Helper::RedactValue(replacement.to_vec()),
                };
                helper.answer(&raw_context(said).0)
            }
        };
        let answer = match answer {
            Answer::Allow => "allow".to_owned(),
            Answer::Deny(None) => "deny".to_owned(),
            Answer::Deny(Some(reason)) => format!("deny:{reason}"),
            Answer::Modify(value) => format!("modify:{}", checkrein::text::escaped_key(&value)),
            other => panic!("a helper answered {other:?}"),
        };
        Got::Other(json!({"answer": answer}))
    }

    /// What listeners and sinks were told.
    pub(crate) fn heard(&self) -> [Vec<Value>; 2] {
        [&self.denied, &self.sunk].map(|heard| heard.lock().unwrap().clone())
    }

    /// All entries in the words of the vectors, or nothing while the audit is off.
    pub(crate) fn audit(&self) -> Option<Result<Vec<Value>, Error>> {
        let entries = match self.subject.audit_log(&AuditFilter::new().limit(usize::MAX)) {
            Ok(entries) => entries,
            Err(error) if error.to_string().starts_with("the audit is off") => return None,
            Err(error) => return Some(Err(error)),
        };
        let mut ids: Vec<String> = Vec::new();
        let shown = entries.iter().enumerate().map(|(place, entry)| {
            let mut fields: Map<String, Value> =
                entry.fields().map(|(name, value)| (name.to_owned(), value.into())).collect();
            let id = fields.remove("operation_id").unwrap();
            let id = id.as_str().filter(|id| !id.is_empty()).unwrap().to_owned();
            // The operation's number in the order of first entries.
            let same = ids.iter().position(|known| *known == id).unwrap_or_else(|| {
                ids.push(id);
                ids.len() - 1
            });
            fields.insert("same".to_owned(), (same + 1).into());
            let at_ns = fields.remove("timestamp_ns").unwrap().as_u64().unwrap() - START_NS;
            let timestamp = fields.remove("timestamp").unwrap();
            assert_eq!(timestamp.as_str().unwrap(), rfc3339(at_ns), "the timestamp of an entry");
            let mut leave_out = |name: &str, default: Value| {
                if fields.get(name) == Some(&default) {
                    fields.remove(name);
                }
            };
            leave_out("sequence", (place + 1).into());
            leave_out("surface", "data".into());
            leave_out("logged", false.into());
            if at_ns != 0 {
                fields.insert("at_ns".to_owned(), at_ns.into());
            }
            if let Some(reason) = fields.get_mut("reason") {
                *reason = placeholders(reason.as_str().unwrap()).into();
            }
            Value::Object(fields)
        });
        Some(Ok(shown.collect()))
    }
}

fn parse(text: &str, format: &str) -> Result<()> {
    let read = match format {
        "yaml" => Format::Yaml,
        "json" => Format::Json,
        "toml" => Format::Toml,
        other => panic!("unknown format `{other}`"),
    };
    PolicyDocument::parse(text.as_bytes(), read, &format!("policy.{format}")).map(|_| ())
}

fn shown(limits: &[LimitStatus]) -> Vec<Value> {
    let shown = limits.iter().map(|limit| {
        json!({
            "operation": limit.operation.as_str(),
            "scope": limit.scope,
            "capacity": limit.capacity,
            "remaining": limit.remaining,
            "retry_after_ns": limit.retry_after_ns,
        })
    });
    shown.collect()
}

/// The start, 2023-11-14T22:13:20Z, and so much; within the same month.
fn rfc3339(at_ns: u64) -> String {
    let seconds = (22 * 60 + 13) * 60 + 20 + at_ns / 1_000_000_000;
    let micros = at_ns % 1_000_000_000 / 1_000;
    let (day, hour) = (14 + seconds / 86_400, seconds / 3_600 % 24);
    format!("2023-11-{day:02}T{hour:02}:{:02}:{:02}.{micros:06}Z", seconds / 60 % 60, seconds % 60)
}

/// Built the way a Rust program does where it can be; else through the options of the other languages.
fn declared(limit: &Limit) -> Result<RateLimit> {
    let made = match limit.max {
        [Some(tokens), None, None] => RateLimit::per_second(tokens),
        [None, Some(tokens), None] => RateLimit::per_minute(tokens),
        [None, None, Some(tokens)] => RateLimit::per_hour(tokens),
        [max_per_second, max_per_minute, max_per_hour] => {
            let options = RateLimitOptions {
                max_per_second,
                max_per_minute,
                max_per_hour,
                ..RateLimitOptions::default()
            };
            RateLimit::from_options(&options)?
        }
    };
    let made = limit.scope.iter().fold(made, |made, scope| made.scope(scope.as_str()));
    let made = limit.burst.iter().fold(made, |made, burst| made.burst(*burst));
    let made = limit.max_keys.iter().fold(made, |made, max_keys| made.max_keys(*max_keys));
    Ok(match &limit.count {
        Some(count) => made.count(Count::parse(count)?),
        None => made,
    })
}

fn filtered(filter: &Filter) -> Result<AuditFilter> {
    let mut made = AuditFilter::new();
    if let Some(limit) = filter.limit {
        made = made.limit(usize::try_from(limit).unwrap());
    }
    if let Some(agent) = &filter.agent_id {
        made = made.agent_id(agent.as_str());
    }
    if let Some(session) = &filter.session_id {
        made = made.session_id(session.as_str());
    }
    if let Some(operation) = &filter.operation {
        made = made.operation_named(operation)?;
    }
    if let Some(result) = &filter.result {
        made = made.result_named(result)?;
    }
    if let Some(since_ns) = filter.since_ns {
        made = made.since_ns(START_NS + since_ns);
    }
    match &filter.keys {
        Some(keys) => made.keys_matching(keys),
        None => Ok(made),
    }
}
