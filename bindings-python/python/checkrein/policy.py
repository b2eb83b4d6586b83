"""The ready-made hooks, for :class:`checkrein.PolicyEngine`.

They are decided in the core and cost no call into Python; called by hand, in a test, they answer the same. The
actions are :class:`checkrein.PolicyAction`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from checkrein import _native
from checkrein._async import AsyncPolicyEngine
from checkrein._native import PolicyAction, PolicyEngine
from checkrein.errors import ConfigError, PolicyViolation, RateLimitExceeded

__all__ = [
    "AsyncPolicyEngine",
    "PolicyAction",
    "PolicyEngine",
    "PolicyViolation",
    "RateLimitExceeded",
    "allow_all",
    "deny_all",
    "log_and_allow",
    "redact_value",
    "require_agent_id",
]


def deny_all(
    key: bytes, value: bytes | None, context: Mapping[str, str | bool | int | None] | None
) -> PolicyAction:
    """Refuses everything."""
    return _native._answer_of("deny_all", context)


def allow_all(
    key: bytes, value: bytes | None, context: Mapping[str, str | bool | int | None] | None
) -> PolicyAction:
    """Lets everything pass."""
    return _native._answer_of("allow_all", context)


def require_agent_id(
    key: bytes, value: bytes | None, context: Mapping[str, str | bool | int | None] | None
) -> PolicyAction:
    """Refuses where the context has no ``agent_id``, or an empty one."""
    return _native._answer_of("require_agent_id", context)


def redact_value(replacement: bytes | bytearray | memoryview) -> _native.RedactValue:
    """A hook that puts these bytes in the place of the value; fits ``after_read`` and ``before_write``."""
    return _native.RedactValue(replacement)


def log_and_allow(
    logger: logging.Logger
    | logging.LoggerAdapter[logging.Logger]
    | Callable[[str], object]
    | None = None,
) -> _native.LogAndAllow:
    """A hook that tells a logger (at level info) or a function, and lets the operation pass, flagged in the audit.

    The sentence names trigger, key and agent, never a value. The logger is ``checkrein`` unless told otherwise. One
    that fails refuses the operation.
    """
    if logger is None:
        logger = logging.getLogger("checkrein")
    if isinstance(logger, (logging.Logger, logging.LoggerAdapter)):
        return _native.LogAndAllow(logger.info)
    if not callable(logger):
        raise ConfigError(f"the logger is of type `{type(logger).__name__}`: give a `logging.Logger` or a function")
    return _native.LogAndAllow(logger)
