//! The vectors as they are read.

use checkrein::hook::Trigger;
use serde_json::Value;

use crate::fields::{Fields, keys, ops, pairs};
use crate::script::Word;
use crate::store::StoreScript;

pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) needs: Vec<String>,
    pub(crate) hooks: Vec<PolicyHook>,
    pub(crate) limits: Vec<Limit>,
    pub(crate) audit_of_policy: Option<(u64, Option<Value>)>,
    pub(crate) options: Options,
    /// What making the engine must fail with.
    pub(crate) options_error: Option<Value>,
    pub(crate) host_hooks: Vec<HostHook>,
    pub(crate) store: Option<StoreScript>,
    pub(crate) listeners: Vec<EarScript>,
    pub(crate) sinks: Vec<EarScript>,
    pub(crate) steps: Vec<Step>,
    /// What listeners and sinks must have been told.
    pub(crate) denied: Vec<Value>,
    pub(crate) sunk: Vec<Value>,
    pub(crate) audit: Option<Vec<Value>>,
    /// Needs what only a binding's driver can do.
    pub(crate) for_drivers_only: bool,
}

/// What the engine is made with.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) max_open: Option<u64>,
    pub(crate) require_context: Vec<String>,
    pub(crate) mode: Option<String>,
    pub(crate) document: Option<Value>,
}

/// A listener or a sink: true is `ok`, false is `raise`.
#[derive(Clone)]
pub(crate) struct EarScript {
    pub(crate) name: String,
    pub(crate) strict: bool,
    pub(crate) spare: bool,
    pub(crate) words: Vec<bool>,
}

pub(crate) struct PolicyHook {
    pub(crate) on: Trigger,
    pub(crate) keys: String,
    pub(crate) helper: String,
    pub(crate) replacement: Vec<u8>,
    pub(crate) error: Option<Value>,
}

pub(crate) struct HostHook {
    pub(crate) name: String,
    pub(crate) on: Trigger,
    pub(crate) keys: String,
    pub(crate) script: Vec<Word>,
    pub(crate) spare: bool,
    pub(crate) error: Option<Value>,
}

#[derive(Clone)]
pub(crate) struct Limit {
    pub(crate) operation: String,
    pub(crate) max: [Option<u64>; 3],
    pub(crate) scope: Option<String>,
    pub(crate) burst: Option<u64>,
    pub(crate) count: Option<String>,
    pub(crate) max_keys: Option<u64>,
    pub(crate) error: Option<Value>,
}

pub(crate) struct Step {
    pub(crate) what: Do,
    pub(crate) at_ns: Option<u64>,
    pub(crate) expect: Value,
}

pub(crate) type Said = Vec<(String, Value)>;

pub(crate) enum Do {
    Put(Vec<u8>, Vec<u8>, Said),
    Get(Vec<u8>, Said),
    Delete(Vec<u8>, Said),
    GetMany(Vec<Vec<u8>>, Said),
    Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>, bool, Said),
    Scan(Vec<u8>, Said, Option<usize>),
    Explain(String, Vec<u8>, Said),
    Parse(String, String),
    Reload(Value),
    RemoveListener(String),
    AddSink(String),
    RemoveSink(String),
    Fill(Vec<(Vec<u8>, Vec<u8>)>),
    Stored(Vec<u8>),
    Status(String, Said),
    AddRateLimit(Limit),
    AddHook(String),
    RemoveHook(String),
    EnableAudit(u64),
    DisableAudit,
    ClearRegistrationErrors,
    Close,
    Audit(Filter),
    Helper(String, Vec<u8>, Said),
}

#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) limit: Option<u64>,
    pub(crate) agent_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) result: Option<String>,
    pub(crate) keys: Option<String>,
    pub(crate) since_ns: Option<u64>,
}

pub(crate) fn read_file(name: &str, text: &str) -> Vec<Vector> {
    let mut file = Fields::new(name, serde_json::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}")));
    file.needed_text("about");
    let vectors = file.list("vectors").into_iter().map(vector).collect();
    file.end();
    vectors
}

fn vector(value: Value) -> Vector {
    let title = value["name"].as_str().unwrap_or("a vector without a name").to_owned();
    let mut fields = Fields::new(&title, value);
    let name = fields.needed_text("name");
    fields.needed_text("says");
    let needs: Vec<String> =
        fields.list("needs").iter().map(|need| need.as_str().unwrap().to_owned()).collect();
    for need in &needs {
        let known = ["awaits", "awaitables", "remembers", "raises", "untyped", "zeros", "replies"];
        assert!(known.contains(&need.as_str()), "{title}: unknown capability `{need}`");
    }
    let untyped = needs.iter().any(|need| need == "untyped");
    let mut policy = Fields::new(&title, fields.take("policy").unwrap_or_else(|| serde_json::json!({})));
    let mut host = Fields::new(&title, fields.take("host").unwrap_or_else(|| serde_json::json!({})));
    let host_hooks: Vec<HostHook> =
        host.list("hooks").into_iter().map(|hook| host_hook(&title, hook)).collect();
    let store = match host.take("store") {
        None => None,
        Some(Value::String(memory)) if memory == "memory" => None,
        Some(script) => Some(StoreScript::read(&title, script)),
    };
    let awaits = needs.iter().any(|need| need == "awaits");
    let mut ears = |what: &str| -> Vec<EarScript> {
        if awaits {
            Vec::new()
        } else {
            host.list(what).into_iter().map(|ear| ear_script(&title, ear)).collect()
        }
    };
    let (listeners, sinks) = (ears("listeners"), ears("sinks"));
    let steps = fields.list("steps").into_iter();
    let read = Vector {
        hooks: policy.list("hooks").into_iter().map(|hook| policy_hook(&title, hook)).collect(),
        limits: policy
            .list("rate_limits")
            .into_iter()
            .map(|value| {
                let mut fields = Fields::new(&title, value);
                let limit = limit(&mut fields);
                fields.end();
                limit
            })
            .collect(),
        audit_of_policy: policy.take("audit").map(|audit| {
            let mut audit = Fields::new(&title, audit);
            let read = (audit.number("max_entries").unwrap(), audit.take("error"));
            audit.end();
            read
        }),
        options: Options {
            max_open: policy.number("max_open_operations"),
            require_context: policy
                .list("require_context")
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect(),
            mode: policy.text("mode"),
            document: fields.take("document"),
        },
        options_error: policy.take("options_error"),
        // A vector that is left out is read as far as it can be.
        steps: if untyped { Vec::new() } else { steps.map(|step| read_step(&title, step)).collect() },
        audit: list_or_bless(fields.take("audit")),
        for_drivers_only: host_hooks.iter().any(|hook| hook.script.contains(&Word::Cancel))
            || store.as_ref().is_some_and(StoreScript::is_for_drivers),
        denied: list_or_bless(fields.take("denied")).unwrap_or_default(),
        sunk: list_or_bless(fields.take("sunk")).unwrap_or_default(),
        name,
        needs,
        host_hooks,
        store,
        listeners,
        sinks,
    };
    policy.end();
    if !awaits {
        host.end();
    }
    fields.end();
    read
}

fn list_or_bless(value: Option<Value>) -> Option<Vec<Value>> {
    value.map(|value| match value {
        Value::Array(list) => list,
        bless => vec![bless],
    })
}

fn policy_hook(title: &str, value: Value) -> PolicyHook {
    let mut hook = Fields::new(title, value);
    let on = Trigger::parse(&hook.needed_text("on")).unwrap();
    let keys = hook.needed_text("keys");
    let replacement = hook.bytes("replace");
    let when = hook.take("when");
    let helper = match (hook.text("action").as_deref(), &when, &replacement) {
        (None, None, Some(_)) => "redact_value",
        (Some("deny"), None, None) => "deny_all",
        (Some("deny"), Some(when), None) if *when == serde_json::json!({"agent_id": "absent"}) => {
            "require_agent_id"
        }
        (Some("allow"), None, None) => "allow_all",
        (Some("log"), None, None) => "log_and_allow",
        other => panic!("{title}: unknown hook {other:?}"),
    };
    let error = hook.take("error");
    hook.end();
    PolicyHook { on, keys, helper: helper.to_owned(), replacement: replacement.unwrap_or_default(), error }
}

fn host_hook(title: &str, value: Value) -> HostHook {
    let mut hook = Fields::new(title, value);
    let read = HostHook {
        name: hook.needed_text("name"),
        on: Trigger::parse(&hook.needed_text("on")).unwrap(),
        keys: hook.needed_text("keys"),
        script: hook.list("script").iter().map(|word| Word::read(word.as_str().unwrap())).collect(),
        spare: hook.take("spare").is_some_and(|spare| spare.as_bool().unwrap()),
        error: hook.take("error"),
    };
    hook.end();
    assert!(!read.script.is_empty(), "{title}: a script needs a word");
    read
}

fn ear_script(title: &str, value: Value) -> EarScript {
    let mut ear = Fields::new(title, value);
    let flag = |value: Option<Value>| value.is_some_and(|flag| flag.as_bool().unwrap());
    let read = EarScript {
        name: ear.needed_text("name"),
        strict: flag(ear.take("strict")),
        spare: flag(ear.take("spare")),
        words: ear
            .list("script")
            .iter()
            .map(|word| match word.as_str().unwrap() {
                "ok" => true,
                "raise" => false,
                other => panic!("{title}: unknown word `{other}` of a listener or sink"),
            })
            .collect(),
    };
    ear.end();
    assert!(!read.words.is_empty(), "{title}: a script needs a word");
    read
}

fn limit(fields: &mut Fields) -> Limit {
    Limit {
        operation: fields.needed_text("operation"),
        max: ["max_per_second", "max_per_minute", "max_per_hour"].map(|name| fields.number(name)),
        scope: fields.text("scope"),
        burst: fields.number("burst"),
        count: fields.text("count"),
        max_keys: fields.number("max_keys"),
        error: fields.take("error"),
    }
}

fn read_step(title: &str, value: Value) -> Step {
    let mut step = Fields::new(title, value);
    let what = match step.needed_text("do").as_str() {
        "put" => Do::Put(step.bytes("key").unwrap(), step.bytes("value").unwrap(), said(&mut step)),
        "get" => Do::Get(step.bytes("key").unwrap(), said(&mut step)),
        "delete" => Do::Delete(step.bytes("key").unwrap(), said(&mut step)),
        "get_many" => Do::GetMany(keys(&step.list("keys")), said(&mut step)),
        "batch" => {
            let atomic = step.take("atomic").is_none_or(|atomic| atomic.as_bool().unwrap());
            Do::Batch(ops(&step.list("ops")), atomic, said(&mut step))
        }
        "scan" => {
            let take = step.number("take").map(|take| usize::try_from(take).unwrap());
            Do::Scan(step.bytes("prefix").unwrap(), said(&mut step), take)
        }
        "explain" => Do::Explain(step.needed_text("operation"), step.bytes("key").unwrap(), said(&mut step)),
        "parse" => Do::Parse(step.needed_text("document"), step.needed_text("format")),
        "reload" => Do::Reload(step.take("document").unwrap()),
        "remove_listener" => Do::RemoveListener(step.needed_text("name")),
        "add_sink" => Do::AddSink(step.needed_text("name")),
        "remove_sink" => Do::RemoveSink(step.needed_text("name")),
        "fill" => Do::Fill(pairs(&step.list("pairs"))),
        "stored" => Do::Stored(step.bytes("key").unwrap()),
        "status" => Do::Status(step.needed_text("operation"), said(&mut step)),
        "add_rate_limit" => Do::AddRateLimit(limit(&mut step)),
        "add_hook" => Do::AddHook(step.needed_text("name")),
        "remove_hook" => Do::RemoveHook(step.needed_text("name")),
        "enable_audit" => Do::EnableAudit(step.number("max_entries").unwrap()),
        "disable_audit" => Do::DisableAudit,
        "clear_registration_errors" => Do::ClearRegistrationErrors,
        "close" => Do::Close,
        "audit" => Do::Audit(Filter {
            limit: step.number("limit"),
            agent_id: step.text("agent_id"),
            session_id: step.text("session_id"),
            operation: step.text("operation"),
            result: step.text("result"),
            keys: step.text("keys"),
            since_ns: step.number("since_ns"),
        }),
        "helper" => Do::Helper(
            step.needed_text("helper"),
            step.bytes("replacement").unwrap_or_default(),
            said(&mut step),
        ),
        other => panic!("{title}: unknown step `{other}`"),
    };
    let at_ns = step.number("at_ns");
    let expect = step.take("expect").unwrap_or_else(|| serde_json::json!({"ok": true}));
    step.end();
    Step { what, at_ns, expect }
}

fn said(step: &mut Fields) -> Said {
    match step.take("context") {
        None => Vec::new(),
        Some(Value::Object(map)) => map.into_iter().collect(),
        Some(other) => panic!("`{other}` is no context"),
    }
}
