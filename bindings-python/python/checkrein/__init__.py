"""Checkrein keeps AI agents in check: hooks, rate limits and an audit between an agent and its data.

>>> from checkrein import Database, PolicyAction, PolicyEngine, PolicyViolation
>>> policy = PolicyEngine(Database.memory())
>>> @policy.before_write("system/*")
... def block_system_writes(key, value, context):
...     return PolicyAction.DENY if context.get("agent_id") else PolicyAction.ALLOW
>>> policy.put(b"users/alice", b"data", context={"agent_id": "agent_001"})
"""

from checkrein import audit
from checkrein._native import (
    AuditFileHandle,
    AuditSinkHandle,
    Database,
    HookHandle,
    ListenerHandle,
    ManualClock,
    PolicyAction,
    PolicyDocument,
    PolicyEngine,
    Scan,
    __version__,
    verify_audit,
)
from checkrein._async import AsyncPolicyEngine, AsyncScan
from checkrein.ambient import carry, context
from checkrein.errors import (
    CheckreinError,
    ConfigError,
    PatternError,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
    UsageError,
)

__all__ = [
    "AsyncPolicyEngine",
    "AsyncScan",
    "AuditFileHandle",
    "AuditSinkHandle",
    "CheckreinError",
    "ConfigError",
    "Database",
    "HookHandle",
    "ListenerHandle",
    "ManualClock",
    "PatternError",
    "PolicyAction",
    "PolicyDocument",
    "PolicyEngine",
    "PolicyViolation",
    "RateLimitExceeded",
    "Scan",
    "StoreError",
    "UsageError",
    "__version__",
    "audit",
    "carry",
    "context",
    "load",
    "verify_audit",
]

load = PolicyDocument.load
