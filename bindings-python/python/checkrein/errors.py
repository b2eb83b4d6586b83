"""The one error family. Every error that Checkrein raises is a :class:`CheckreinError` with a stable ``code``.

The classes are plain Python classes: they can be raised and subclassed by users, pickled and copied.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CheckreinError",
    "ConfigError",
    "PatternError",
    "PolicyViolation",
    "RateLimitExceeded",
    "StoreError",
    "UsageError",
]


class CheckreinError(Exception):
    """Any error of Checkrein; itself only for a fault in Checkrein (code ``internal``)."""

    _default_code = "internal"

    code: str
    """The stable word for what went wrong, equal in every language."""

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message)
        self.message: str = message
        """What went wrong and what to do."""
        self.code = self._default_code if code is None else code

    def __str__(self) -> str:
        return self.message


class PolicyViolation(CheckreinError):
    """An operation was refused. Raised in a hook, it refuses with that reason.

    The code is ``denied``, ``hook_failed`` (a hook raised, or answered with what is no answer: the exception is the
    ``__cause__``), ``abandoned``, or ``audit_failed`` (a strict sink of the audit failed).
    """

    _default_code = "denied"

    def __init__(
        self,
        reason: str = "",
        *,
        rule: str | None = None,
        operation: str | None = None,
        key: bytes | None = None,
        applied: bool = False,
        code: str | None = None,
        message: str | None = None,
    ) -> None:
        super().__init__(reason, code=code)
        self.reason: str = reason
        """Why: the hook's own words, or a sentence that says what decided."""
        self.rule: str | None = rule
        """The hook (``before_write system/*``) or limit that refused."""
        self.operation: str | None = operation
        """``read``, ``write`` or ``delete``."""
        self.key: bytes | None = key
        """The key that it was for."""
        self.applied: bool = applied
        """True where the operation had already happened when the error arose (after-hooks)."""
        self.message = reason if message is None else message


class RateLimitExceeded(PolicyViolation):
    """A rate limit had no token left; the code is ``rate_limited``."""

    _default_code = "rate_limited"

    def __init__(
        self,
        reason: str = "",
        *,
        retry_after: float = 0.0,
        retry_after_ns: int = 0,
        limit: str = "",
        scope: str = "",
        rule: str | None = None,
        operation: str | None = None,
        key: bytes | None = None,
        applied: bool = False,
        code: str | None = None,
        message: str | None = None,
    ) -> None:
        super().__init__(
            reason, rule=rule, operation=operation, key=key, applied=applied, code=code, message=message
        )
        self.retry_after: float = retry_after
        """Seconds until the operation would pass; rounded up, so that it is never too early."""
        self.retry_after_ns: int = retry_after_ns
        """The same in nanoseconds."""
        self.limit: str = limit
        """The limit, as people read it: ``write 100/minute per agent_id``."""
        self.scope: str = scope
        """``global``, or the context key that the limit is kept for."""


class PatternError(CheckreinError):
    """A pattern does not parse or passes a bound; the code is ``pattern``."""

    _default_code = "pattern"

    def __init__(
        self, message: str = "", *, pattern: str = "", position: int = 0, code: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.pattern: str = pattern
        """The pattern as given."""
        self.position: int = position
        """The byte offset of the fault in the pattern's UTF-8."""


class ConfigError(CheckreinError):
    """A setting is unknown, out of range or contradicts another; the code is ``config``."""

    _default_code = "config"

    problems: list[dict[str, Any]]
    """Of a policy document: what is wrong with it, as dicts of ``line``, ``column`` and ``message``; at most 20."""

    def __init__(self, message: str = "", *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.problems = []


class StoreError(CheckreinError):
    """The store failed; its own exception is the ``__cause__``.

    The code is ``store``, ``store_locked``, ``store_damaged``, ``store_full``, ``store_closed`` or ``store_partial`` (a
    batch that is not atomic ended half-way).
    """

    _default_code = "store"

    def __init__(self, message: str = "", *, applied: int | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.applied: int | None = applied
        """Of a batch that is not atomic: how many of its operations, the first ones, were done."""


class UsageError(CheckreinError):
    """A call that the API does not allow; the code is ``usage``, ``nesting_limit`` or ``open_limit``."""

    _default_code = "usage"
