//! What a policy document of 10,000 hooks costs: reading it in each format, and putting it in the place of another.

#![allow(clippy::expect_used, missing_docs, reason = "a bench may fail")]

use std::hint::black_box;

use checkrein::document::{Format, PolicyDocument};
use checkrein::{Database, PolicyEngine};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const HOOKS: usize = 10_000;

/// Hooks of several forms.
fn hooks() -> Vec<Value> {
    let keys = |n: usize| match n % 5 {
        0 => format!("system{n}/*"),
        1 => format!("users/*/field{n}"),
        2 => format!("*.ext{n}"),
        3 => format!("tenants/t{n}/**"),
        _ => format!("**/tmp{n}/*"),
    };
    let hook = |n: usize| match n % 3 {
        0 => json!({"on": "before_write", "keys": keys(n), "when": {"agent_id": "agent-*"}, "action": "deny",
                    "reason": "not for agents", "name": format!("hook-{n}")}),
        1 => json!({"on": ["before_read", "before_delete"], "keys": [keys(n), format!("other/{n}")],
                    "unless_keys": "**/public/*", "action": "deny"}),
        _ => json!({"on": "after_read", "keys": keys(n), "replace": "[REDACTED]"}),
    };
    (0..HOOKS).map(hook).collect()
}

/// The same document in each format.
fn texts() -> [(Format, String); 3] {
    let hooks = hooks();
    let each = |before: &str, of: fn(&str, &Value) -> String| -> String {
        let lines = |hook: &Value| -> Vec<String> {
            let hook = hook.as_object().expect("a map");
            hook.iter().map(|(key, value)| of(key, value)).collect()
        };
        hooks.iter().map(|hook| format!("{before}{}\n", lines(hook).join("\n"))).collect()
    };
    let yaml = each("  -\n", |key, value| format!("    {key}: {value}"));
    let toml = each("[[hooks]]\n", |key, value| match value.as_object() {
        Some(when) => {
            when.iter().map(|(name, value)| format!("{key}.{name} = {value}")).collect::<Vec<_>>().join("\n")
        }
        None => format!("{key} = {value}"),
    });
    [
        (Format::Yaml, format!("version: 1\nhooks:\n{yaml}")),
        (Format::Json, json!({"version": 1, "hooks": hooks}).to_string()),
        (Format::Toml, format!("version = 1\n{toml}")),
    ]
}

fn documents(c: &mut Criterion) {
    let mut group = c.benchmark_group("a document of 10,000 hooks");
    group.sample_size(10);
    for (format, text) in texts() {
        let read = || PolicyDocument::parse(text.as_bytes(), format, "bench").expect("it is sound");
        group.bench_function(format!("read {} ({} KB)", format.as_str(), text.len() / 1000), |b| {
            b.iter(|| black_box(read()));
        });
        group.bench_function(format!("read {} and apply", format.as_str()), |b| {
            b.iter(|| PolicyEngine::builder(Database::memory()).document(read()).build());
        });
        let policy = PolicyEngine::builder(Database::memory()).document(read()).build();
        let document = read();
        group.bench_function(format!("reload, read from {}", format.as_str()), |b| {
            b.iter(|| policy.reload(&document).expect("it is sound"));
        });
    }
    group.finish();
}

criterion_group!(benches, documents);
criterion_main!(benches);
