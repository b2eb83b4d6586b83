//! Random hooks of documents against a model that is written as plainly as it can be.

use checkrein::document::Format;
use checkrein::glob::Glob;
use checkrein::policy::PolicyContext;
use checkrein::{Code, Database, PolicyEngine};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::check;

#[derive(Clone, Debug)]
struct Hook {
    keys: Vec<&'static str>,
    unless: Vec<&'static str>,
    when: Option<(&'static str, Value)>,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Deny,
    Allow,
    Log,
    Replace(&'static str),
}

const PATTERNS: [&str; 7] = ["a/*", "a/x", "**/x", "{a,b}/y", "b/**", "a/[xy]", "c"];
const KEYS: [&str; 6] = ["a/x", "a/y", "b/x", "b/y/x", "c", "d"];

fn hook() -> impl Strategy<Value = Hook> {
    let patterns = |least: usize| prop::collection::vec(prop::sample::select(&PATTERNS[..]), least..6);
    let wanted = prop_oneof![
        Just(json!("present")),
        Just(json!("absent")),
        Just(json!("ag*")),
        Just(json!(["x", "agent"])),
        Just(json!(true)),
        Just(json!(5)),
    ];
    let when = prop::option::of((prop::sample::select(&["agent_id", "flag", "level"][..]), wanted));
    let act = prop_oneof![
        Just(Act::Deny),
        Just(Act::Allow),
        Just(Act::Log),
        prop::sample::select(&["one", "two"][..]).prop_map(Act::Replace),
    ];
    (patterns(1), patterns(0), when, act).prop_map(|(keys, unless, when, act)| Hook {
        keys,
        unless,
        when,
        act,
    })
}

impl Hook {
    fn to_json(&self) -> Value {
        let mut hook = json!({"on": "before_write", "keys": self.keys});
        if !self.unless.is_empty() {
            hook["unless_keys"] = json!(self.unless);
        }
        if let Some((name, wanted)) = &self.when {
            hook["when"] = json!({*name: wanted});
        }
        match self.act {
            Act::Deny => hook["action"] = json!("deny"),
            Act::Allow => hook["action"] = json!("allow"),
            Act::Log => hook["action"] = json!("log"),
            Act::Replace(text) => hook["replace"] = json!(text),
        }
        hook
    }

    fn is_for(&self, key: &str, context: &[(&str, &str)]) -> bool {
        let any = |patterns: &[&str], text: &str| {
            patterns.iter().any(|pattern| Glob::parse(pattern).unwrap().matches(text.as_bytes()))
        };
        let holds = self.when.as_ref().is_none_or(|(name, wanted)| {
            let value = context.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
            let present = value.is_some_and(|value| !value.is_empty() && value != "false");
            match wanted {
                Value::String(word) if word == "present" => present,
                Value::String(word) if word == "absent" => !present,
                Value::Array(list) => {
                    value.is_some_and(|value| list.iter().any(|glob| any(&[glob.as_str().unwrap()], value)))
                }
                Value::String(glob) => value.is_some_and(|value| any(&[glob], value)),
                other => {
                    let text = other.to_string();
                    value == Some(text.as_str())
                }
            }
        });
        any(&self.keys, key) && !any(&self.unless, key) && holds
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_answers_as_the_model(
        hooks in prop::collection::vec(hook(), 1..8),
        agent in prop::option::of(prop::sample::select(&["agent", "x", ""][..])),
        flag in prop::option::of(any::<bool>()),
        level in prop::option::of(4_i64..6),
    ) {
        let text = json!({"version": 1, "hooks": hooks.iter().map(Hook::to_json).collect::<Vec<_>>()}).to_string();
        // Hooks that can never decide are no documents; what is one is the tests' of bad documents.
        let Ok(document) = check(&text, Format::Json) else { return Ok(()) };
        let policy = PolicyEngine::builder(Database::memory()).document(document).try_build().unwrap();
        policy.enable_audit().unwrap();

        let mut said = PolicyContext::new("write", b"");
        let mut plain: Vec<(&str, &str)> = Vec::new();
        if let Some(agent) = agent {
            said = said.with("agent_id", agent);
            plain.push(("agent_id", agent));
        }
        if let Some(flag) = flag {
            said = said.with("flag", flag);
            plain.push(("flag", if flag { "true" } else { "false" }));
        }
        if let Some(level) = level {
            said = said.with("level", level);
            plain.push(("level", if level == 4 { "4" } else { "5" }));
        }
        for key in KEYS {
            let (mut wanted, mut logged) = (Some("value"), false);
            for hook in &hooks {
                if wanted.is_some() && hook.is_for(key, &plain) {
                    match hook.act {
                        Act::Deny => wanted = None,
                        Act::Allow => {}
                        Act::Log => logged = true,
                        Act::Replace(text) => wanted = Some(text),
                    }
                }
            }
            let done = policy.put(key, "value", Some(&said));
            match wanted {
                None => prop_assert_eq!(done.unwrap_err().code(), Code::Denied),
                Some(value) => {
                    prop_assert!(done.is_ok());
                    prop_assert_eq!(policy.get(key, None).unwrap().unwrap(), value.as_bytes());
                }
            }
            let writes = checkrein::AuditFilter::new().limit(usize::MAX).operation(checkrein::operation::Kind::Write);
            let last = policy.audit_log(&writes).unwrap().pop().unwrap();
            prop_assert_eq!(last.logged(), logged);
        }
    }
}
