use sochdb_client::policy::{PolicyEngine, PolicyAction, PolicyContext};

let conn = Connection::open("./agent_data")?;
let policy = PolicyEngine::new(conn);

// Block writes to system keys
policy.before_write("system/*", |ctx| {
    if ctx.agent_id.is_some() {
        PolicyAction::Deny
    } else {
        PolicyAction::Allow
    }
});

// Use policy-wrapped operations
let ctx = PolicyContext::new("write", b"users/alice")
    .with_agent_id("agent_001");
policy.put(b"users/alice", b"data", Some(&ctx))?;
