//! The quick start in Rust: agents may not write system keys, and e-mail addresses are redacted on request.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use checkrein::policy::{PolicyAction, PolicyContext, PolicyEngine};
use checkrein::{Connection, Result};

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "./agent_data".to_owned());
    let policy = PolicyEngine::new(Connection::open(folder)?);

    policy.before_write("system/*", |ctx| {
        if ctx.agent_id.is_some() { PolicyAction::Deny } else { PolicyAction::Allow }
    });
    policy.after_read("users/*/email", |ctx| match ctx.get("redact_pii") {
        Some(flag) if flag.is_present() => PolicyAction::modify(b"[REDACTED]"),
        _ => PolicyAction::Allow,
    });

    let agent = PolicyContext::new("write", b"users/alice").with_agent_id("agent_001");
    let careful = PolicyContext::new("read", b"users/alice/email").with("redact_pii", true);
    show(
        "put users/alice/email by agent_001",
        policy.put("users/alice/email", "alice@example.com", Some(&agent)),
    );
    show("put system/config by agent_001", policy.put("system/config", "malicious", Some(&agent)));
    show("put system/config by the operator", policy.put("system/config", "{}", None));
    println!("get users/alice/email, redacted: {}", text(policy.get("users/alice/email", Some(&careful))?));
    println!("get users/alice/email: {}", text(policy.get("users/alice/email", None)?));
    Ok(())
}

fn show(what: &str, result: Result<()>) {
    match result {
        Ok(()) => println!("{what}: allowed"),
        Err(error) => println!("{what}: {}", error.code().as_str()),
    }
}

fn text(value: Option<Vec<u8>>) -> String {
    value.map_or("nothing".to_owned(), |value| String::from_utf8_lossy(&value).into_owned())
}
