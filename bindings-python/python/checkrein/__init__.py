"""Checkrein keeps AI agents in check: hooks, rate limits and an audit between an agent and its data.

>>> from checkrein import Database, PolicyAction, PolicyEngine, PolicyViolation
>>> policy = PolicyEngine(Database.memory())
>>> @policy.before_write("system/*")
... def block_system_writes(key, value, context):
...     return PolicyAction.DENY if context.get("agent_id") else PolicyAction.ALLOW
>>> policy.put(b"users/alice", b"data", context={"agent_id": "agent_001"})
"""

from checkrein._native import (
    Database,
    HookHandle,
    ManualClock,
    PolicyAction,
    PolicyEngine,
    __version__,
)
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
    "CheckreinError",
    "ConfigError",
    "Database",
    "HookHandle",
    "ManualClock",
    "PatternError",
    "PolicyAction",
    "PolicyEngine",
    "PolicyViolation",
    "RateLimitExceeded",
    "StoreError",
    "UsageError",
    "__version__",
]
