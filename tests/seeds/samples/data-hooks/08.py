from sochdb import PolicyViolation

try:
    policy.put(b"system/config", b"malicious", context={"agent_id": "rogue"})
except PolicyViolation as e:
    print(f"Operation blocked: {e}")
    # Log security event
