from sochdb.policy import deny_all, allow_all, require_agent_id, redact_value

# Deny all operations matching pattern
policy.before_write("readonly/*", deny_all)

# Require agent_id in context
policy.before_write("agents/*", require_agent_id)

# Redact values on read
policy.after_read("secrets/*", redact_value(b"[REDACTED]"))
