//! The Rust samples of data-hooks, and checks of what the text beside them claims.

use checkrein::Connection;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // sample: data-hooks 4

    assert_eq!(policy.get(b"users/alice", None)?, Some(b"data".to_vec()));
    let rogue = PolicyContext::new("write", b"system/config").with_agent_id("rogue");
    let refused = policy.put(b"system/config", b"malicious", Some(&rogue)).unwrap_err();
    assert_eq!(refused.code().as_str(), "denied", "{refused}");
    assert!(refused.violation().is_some());
    assert_eq!(policy.get(b"system/config", None)?, None);
    policy.put(b"system/config", b"by the system itself", None)?;
    // The context was made for users/alice; what is judged is what is really written.
    assert!(policy.put(b"system/config", b"x", Some(&ctx)).is_err());

    let table = std::fs::read_to_string(std::env::args().nth(1).unwrap())?;
    let table: std::collections::BTreeMap<String, Vec<String>> = serde_json::from_str(&table)?;
    assert!(!table.is_empty());
    for (pattern, keys) in table {
        let policy = PolicyEngine::new(Connection::memory());
        policy.before_write(&pattern, checkrein::policy::deny_all);
        for key in keys {
            assert!(policy.put(&key, b"x", None).is_err(), "`{pattern}` is said to match `{key}`");
        }
        policy.put(b"nothing/that/they/name.txt", b"x", None)?;
    }
    println!("rust: the samples do what they claim");
    Ok(())
}
