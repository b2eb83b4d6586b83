"""The quick start in Python: agents may not write system keys, and e-mail addresses are redacted on request."""

import sys

from checkrein import Database, PolicyAction, PolicyEngine, PolicyViolation

db = Database.open(sys.argv[1] if len(sys.argv) > 1 else "./agent_data")
policy = PolicyEngine(db)


@policy.before_write("system/*")
def block_system_writes(key, value, context):
    return PolicyAction.DENY if context.get("agent_id") else PolicyAction.ALLOW


@policy.after_read("users/*/email")
def redact_emails(key, value, context):
    return b"[REDACTED]" if context.get("redact_pii") else value


def put(what, key, value, context=None):
    try:
        policy.put(key, value, context=context)
        print(f"{what}: allowed")
    except PolicyViolation as refusal:
        print(f"{what}: {refusal.code}")


agent = {"agent_id": "agent_001"}
put("put users/alice/email by agent_001", b"users/alice/email", b"alice@example.com", agent)
put("put system/config by agent_001", b"system/config", b"malicious", agent)
put("put system/config by the operator", b"system/config", b"{}")
print("get users/alice/email, redacted:", policy.get(b"users/alice/email", context={"redact_pii": True}).decode())
print("get users/alice/email:", policy.get(b"users/alice/email").decode())
