# Enable audit logging
policy.enable_audit(max_entries=10000)

# Perform operations...
policy.put(b"key", b"value", context={"agent_id": "agent_001"})

# Get recent audit entries
entries = policy.get_audit_log(limit=100)
for entry in entries:
    print(f"{entry['timestamp']}: {entry['operation']} {entry['key']} -> {entry['result']}")

# Filter by agent
agent_entries = policy.get_audit_log(limit=100, agent_id="agent_001")
