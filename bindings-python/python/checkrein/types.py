"""The types that annotations need: of contexts, hooks, stores and plain maps.

Nothing here is needed at run time; any object of the right shape will do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

from checkrein._native import PolicyAction

__all__ = [
    "Answer",
    "AsyncReadHook",
    "AsyncRedisClient",
    "AsyncStore",
    "AsyncValueHook",
    "AuditEntry",
    "AuditLine",
    "AuditProblem",
    "AuditReport",
    "AuditSink",
    "AuditStats",
    "BatchOp",
    "BytesLike",
    "Context",
    "ContextValue",
    "ExplainedHook",
    "Explanation",
    "HookContext",
    "LimitStatus",
    "ReadHook",
    "RedisClient",
    "Store",
    "ValueHook",
]

BytesLike: TypeAlias = bytes | bytearray | memoryview
"""Anything with the buffer protocol is taken; these are the usual ones."""

ContextValue: TypeAlias = str | bool | int | None
Context: TypeAlias = Mapping[str, ContextValue]
"""What a caller may say about who acts; ``None`` is absent."""

HookContext: TypeAlias = Mapping[str, str | bool | int]
"""What a hook sees of it: read-only, and never None."""

Answer: TypeAlias = PolicyAction | bytes | bytearray | memoryview | None
"""What a hook may answer; ``None`` goes on."""

ReadHook: TypeAlias = Callable[[bytes, None, HookContext], Answer]
"""A hook at a trigger without a value: before_read, before_delete, after_delete."""
ValueHook: TypeAlias = Callable[[bytes, bytes, HookContext], Answer]
"""A hook at a trigger with a value: after_read, before_write, after_write."""


AsyncReadHook: TypeAlias = Callable[[bytes, None, HookContext], Answer | Awaitable[Answer]]
"""A :data:`ReadHook` of an async engine: sync or async."""
AsyncValueHook: TypeAlias = Callable[[bytes, bytes, HookContext], Answer | Awaitable[Answer]]
"""A :data:`ValueHook` of an async engine: sync or async."""

BatchOp: TypeAlias = tuple[Literal["put"], BytesLike, BytesLike] | tuple[Literal["delete"], BytesLike]
"""One operation of a batch."""


class Store(Protocol):
    """What an engine needs of a store. The names of the arguments are free.

    It may have two more methods, found by their names: ``scan(prefix, after, limit)`` gives a list of pairs of key and
    value, in the order of the keys' bytes, from the first key greater than ``after`` (``None``: from the beginning), at
    most ``limit``; an empty list is the end. ``batch(ops)`` does all operations of a list like :data:`BatchOp`, or none.
    """

    def put(self, key: bytes, value: bytes, /) -> object:
        """Sets the key to the value; replies nothing, or true."""

    def get(self, key: bytes, /) -> BytesLike | None:
        """The value of the key, or ``None``."""

    def delete(self, key: bytes, /) -> object:
        """Removes the key, if it is there; replies nothing, or whether it was."""


class AsyncStore(Protocol):
    """What an async engine needs of a store: a :class:`Store` whose methods may be async, each by itself."""

    def put(self, key: bytes, value: bytes, /) -> object:
        """Sets the key to the value; replies nothing, or true, or an awaitable that gives one of these."""

    def get(self, key: bytes, /) -> BytesLike | None | Awaitable[BytesLike | None]:
        """The value of the key, or ``None``, or an awaitable that gives one of these."""

    def delete(self, key: bytes, /) -> object:
        """Removes the key, if it is there; replies nothing, or whether it was, or an awaitable that gives it."""


class AsyncRedisClient(Protocol):
    """A ``redis.asyncio.Redis`` or a subclass, in as much as annotations need; the engine tells it by its class."""

    def get_encoder(self) -> Any:
        """What turns keys and values into bytes and back."""

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """A MULTI/EXEC."""

    async def initialize(self) -> Any:
        """Connects."""


class RedisClient(Protocol):
    """A ``redis.Redis`` or a subclass, in as much as annotations need; the engine tells it by its class."""

    def get_encoder(self) -> Any:
        """What turns keys and values into bytes and back."""

    def mget(self, keys: Any, *args: Any) -> Any:
        """The values of several keys."""

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> Any:
        """A MULTI/EXEC."""


class LimitStatus(TypedDict):
    """How a rate limit stands for a context."""

    limit: str
    operation: str
    scope: str
    count: str
    capacity: int
    remaining: int
    retry_after: float
    retry_after_ns: int
    full_after_ns: int
    overflow: bool


class ExplainedHook(TypedDict):
    """A hook that matches, and what it would answer."""

    rule: str
    trigger: str
    keys: str
    kind: str
    mode: str
    answer: str


class Explanation(TypedDict):
    """What would be asked about an operation, and the verdict that is foreseen."""

    operation: str
    verdict: str
    rule: str | None
    reason: str | None
    mode: str
    hooks: list[ExplainedHook]
    limits: list[LimitStatus]


class _AuditEntryAlways(TypedDict):
    sequence: int
    timestamp: str
    timestamp_ns: int
    operation_id: str
    surface: str
    operation: str
    key: str
    result: str
    logged: bool


class AuditEntry(_AuditEntryAlways, total=False):
    """One audited operation; what there is nothing to say of is absent."""

    agent_id: str
    session_id: str
    rule: str
    reason: str
    applied: bool
    given: int
    withheld: int


AuditSink: TypeAlias = Callable[[AuditEntry, Literal["decided", "done"] | None], object]
"""What is handed every audit entry; a strict one twice, with the phase. An entry that is ``decided`` has no
``sequence`` yet."""


class AuditProblem(TypedDict):
    """The first thing in an audit file that does not hold; line 0 is the file as a whole."""

    file: str
    line: int
    what: str


class AuditReport(TypedDict):
    """What a verification found; the counts go up to the first problem."""

    ok: bool
    segments: int
    lines: int
    events: int
    first_sequence: int
    head: str
    repairs: int
    lost: int
    torn_bytes: int
    problem: AuditProblem | None


class AuditLine(TypedDict):
    """A line of an audit file."""

    file: str
    sequence: int | None
    is_event: bool
    text: str


class AuditStats(TypedDict):
    """What an audit file holds, counted; the words of each map come with the most frequent first."""

    segments: int
    lines: int
    entries: int
    decided: int
    events: int
    unreadable: int
    torn_bytes: int
    repairs: int
    lost: int
    uncounted: int
    time_span_ns: tuple[int, int] | None
    results: dict[str, int]
    operations: dict[str, int]
    agents: dict[str, int]
    rules: dict[str, int]
