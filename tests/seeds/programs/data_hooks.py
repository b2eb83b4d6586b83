"""The Python samples of data-hooks in the order in which they are read, and checks of what the text claims."""

import contextlib
import io
import json
import re
import sys

from checkrein import RateLimitExceeded


def refused(call):
    try:
        call()
    except PolicyViolation as violation:
        return violation
    raise AssertionError("it was not refused")


# sample: data-hooks 1

from checkrein import PolicyViolation

assert policy.get(b"users/alice") == b"data"
violation = refused(lambda: policy.put(b"system/config", b"malicious", context={"agent_id": "rogue"}))
assert violation.code == "denied", violation
assert policy.get(b"system/config") is None
policy.put(b"system/config", b"by the system itself")
policy.put(b"users/alice/email", b"alice@example.com")
assert policy.get(b"users/alice/email") == b"alice@example.com"
assert policy.get(b"users/alice/email", context={"redact_pii": True}) == b"[REDACTED]"
assert db.get(b"users/alice/email") == b"alice@example.com"

with open(sys.argv[1], encoding="utf-8") as file:
    table = json.load(file)
assert table
for pattern, keys in table.items():
    strict = PolicyEngine(Database.memory())
    strict.before_write(pattern, lambda key, value, context: PolicyAction.DENY)
    for key in keys:
        refused(lambda: strict.put(key.encode(), b"x"))
    strict.put(b"nothing/that/they/name.txt", b"x")

# sample: data-hooks 5

statuses = policy.rate_limit_status("write", {"agent_id": "busy"})
assert len(statuses) == 2, statuses
assert len(policy.rate_limit_status("read", {"session_id": "s"})) == 1
try:
    for _ in range(5000):
        policy.put(b"busy", b"x", context={"agent_id": "busy"})
    raise AssertionError("5000 writes of one agent passed a limit of 100 a minute")
except RateLimitExceeded as limited:
    assert limited.retry_after > 0
    assert isinstance(limited, PolicyViolation)
# Another agent has a limit of its own.
policy.put(b"calm", b"x", context={"agent_id": "calm"})

printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    # sample: data-hooks 6
    pass
line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z: write key -> allowed\n"
assert re.fullmatch(line, printed.getvalue()), printed.getvalue()
assert [entry["agent_id"] for entry in agent_entries] == ["agent_001"]

# sample: data-hooks 7

assert "deny_all" in str(refused(lambda: policy.put(b"readonly/a", b"x")))
refused(lambda: policy.put(b"agents/a", b"x"))
policy.put(b"agents/a", b"x", context={"agent_id": "agent_001"})
policy.put(b"secrets/a", b"hunter2")
assert policy.get(b"secrets/a") == b"[REDACTED]"

printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    # sample: data-hooks 8
    pass
assert printed.getvalue().startswith("Operation blocked: "), printed.getvalue()
assert "system/config" in printed.getvalue()
print("python: the samples do what they claim")
