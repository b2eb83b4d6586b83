"""`AsyncPolicyEngine`: the calls of `PolicyEngine` with `await`.

The decisions are the core's and the steps the native driver's; what is left here is the one `await` between them. It is
plain `await`, so that the engine runs under asyncio and trio alike.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from checkrein import _native
from checkrein._native import (
    Turn,
    _begin_batch,
    _begin_delete,
    _begin_get,
    _begin_get_many,
    _begin_put,
    _begin_scan,
)

if TYPE_CHECKING:
    from checkrein._native import AuditFileHandle, AuditSinkHandle, HookHandle, ListenerHandle
    from checkrein.errors import PolicyViolation
    from checkrein.types import (
        AsyncReadHook,
        AsyncRedisClient,
        AsyncStore,
        AsyncValueHook,
        AuditEntry,
        AuditSink,
        BatchOp,
        BytesLike,
        Context,
        Explanation,
        LimitStatus,
        Store,
    )

    _R = TypeVar("_R", bound=AsyncReadHook)
    _V = TypeVar("_V", bound=AsyncValueHook)
    _L = TypeVar("_L", bound=Callable[[PolicyViolation], object])

__all__ = ["AsyncPolicyEngine", "AsyncScan"]


async def _settled(turn: Turn, awaitable: Awaitable[object]) -> None:
    """Awaits what a turn asks for until it is settled."""
    following: Awaitable[object] | None = awaitable
    while following is not None:
        raised: BaseException | None = None
        answer = None
        try:
            answer = await following
        except BaseException as error:
            raised = error
        # Outside of the handler, so that what follows is not raised "during" it.
        try:
            following = turn.resume(answer) if raised is None else turn.fail(raised)
        finally:
            # What was raised holds this frame: without this they would hold each other.
            raised = None


class AsyncScan:
    """The pairs of a :meth:`AsyncPolicyEngine.scan`, for ``async for``; after an error nothing follows.

    It is lazy: each key is judged when it is asked for. A scan that is closed before its end, or that nobody holds any
    more, ends there, and its audit entry says ``abandoned`` and how many keys it gave. One task at a time may use it.
    """

    __slots__ = ("__weakref__", "_turn")

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def __aiter__(self) -> AsyncScan:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        turn = self._turn
        if (awaitable := turn.proceed()) is not None:
            await _settled(turn, awaitable)
        pair = turn.result()
        if pair is None:
            raise StopAsyncIteration
        given: tuple[bytes, bytes] = pair
        return given

    async def aclose(self) -> None:
        """Ends the scan. Closing twice is no error."""
        self._turn.close()

    async def __aenter__(self) -> AsyncScan:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self._turn.close()


class AsyncPolicyEngine:
    """Stands between a program and its store, as :class:`PolicyEngine` does, with `await`.

    `db` is a `Database`, a `redis.asyncio.Redis`, a `sochdb.Database`, or any object with `put(key, value)`, `get(key)`
    and `delete(key)`, sync or async. Hooks, listeners and sinks may be sync or async. What waits for a disk waits in a
    worker thread. The options are those of :class:`PolicyEngine`. An engine may be shared by tasks and by threads.
    """

    __slots__ = ("__weakref__", "_engine")

    def __init__(
        self,
        db: _native.Database | AsyncStore | Store | AsyncRedisClient,
        document: _native.PolicyDocument | None = None,
        *,
        require_context: Iterable[str] | None = None,
        mode: Literal["enforce", "shadow"] | None = None,
        clock: _native.ManualClock | None = None,
        max_open_operations: int | None = None,
    ) -> None:
        self._engine = _native._engine_over(
            db,
            document,
            require_context=require_context,
            mode=mode,
            clock=clock,
            max_open_operations=max_open_operations,
        )

    def __repr__(self) -> str:
        return repr(self._engine).replace("<PolicyEngine", "<AsyncPolicyEngine", 1)

    async def put(self, key: BytesLike, value: BytesLike, context: Context | None = None) -> None:
        """Sets a key to a value, if hooks and limits allow it; see :meth:`PolicyEngine.put`."""
        turn = _begin_put(self._engine, key, value, context)
        if turn is not None:
            await _settled(turn, turn.first())

    async def get(self, key: BytesLike, context: Context | None = None) -> bytes | None:
        """The value of a key as the hooks leave it, or ``None``."""
        turn = _begin_get(self._engine, key, context)
        if isinstance(turn, Turn):
            await _settled(turn, turn.first())
            value: bytes | None = turn.result()
            return value
        return turn

    async def delete(self, key: BytesLike, context: Context | None = None) -> None:
        """Removes a key, if hooks and limits allow it; one that is not there is no error."""
        turn = _begin_delete(self._engine, key, context)
        if turn is not None:
            await _settled(turn, turn.first())

    async def get_many(self, keys: Iterable[BytesLike], context: Context | None = None) -> list[bytes | None]:
        """The values of several keys, in the order of the keys; see :meth:`PolicyEngine.get_many`."""
        turn = _begin_get_many(self._engine, keys, context)
        if isinstance(turn, list):
            return turn
        await _settled(turn, turn.first())
        values: list[bytes | None] = turn.result()
        return values

    async def batch(
        self, ops: Iterable[BatchOp], context: Context | None = None, atomic: bool = True
    ) -> None:
        """Writes and deletes several keys, all or none; see :meth:`PolicyEngine.batch`."""
        turn = _begin_batch(self._engine, ops, context, atomic)
        if turn is not None:
            await _settled(turn, turn.first())

    def scan(self, prefix: BytesLike, context: Context | None = None) -> AsyncScan:
        """Walks over the keys that begin with a prefix: ``async for key, value in engine.scan(b"users/")``.

        What a scan is, :meth:`PolicyEngine.scan` says. It starts here, under the hooks and limits as they are now. Where
        it is left early, close it: ``async with engine.scan(b"users/") as pairs``, or ``await pairs.aclose()``.
        """
        return AsyncScan(_begin_scan(self._engine, prefix, context))

    @overload
    def before_read(self, keys: str) -> Callable[[_R], _R]: ...
    @overload
    def before_read(self, keys: str, hook: AsyncReadHook) -> HookHandle: ...
    def before_read(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Asks a hook before keys are read: it may allow, deny or log."""
        return self._engine.before_read(keys, *hook, **named)

    @overload
    def after_read(self, keys: str) -> Callable[[_V], _V]: ...
    @overload
    def after_read(self, keys: str, hook: AsyncValueHook) -> HookHandle: ...
    def after_read(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Shows a hook what was read: it may redact (answer with a value) or hide (deny)."""
        return self._engine.after_read(keys, *hook, **named)

    @overload
    def before_write(self, keys: str) -> Callable[[_V], _V]: ...
    @overload
    def before_write(self, keys: str, hook: AsyncValueHook) -> HookHandle: ...
    def before_write(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Asks a hook before keys are written: it may answer anything."""
        return self._engine.before_write(keys, *hook, **named)

    @overload
    def after_write(self, keys: str) -> Callable[[_V], _V]: ...
    @overload
    def after_write(self, keys: str, hook: AsyncValueHook) -> HookHandle: ...
    def after_write(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Tells a hook what was written: it may allow or log."""
        return self._engine.after_write(keys, *hook, **named)

    @overload
    def before_delete(self, keys: str) -> Callable[[_R], _R]: ...
    @overload
    def before_delete(self, keys: str, hook: AsyncReadHook) -> HookHandle: ...
    def before_delete(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Asks a hook before keys are deleted: it may allow, deny or log."""
        return self._engine.before_delete(keys, *hook, **named)

    @overload
    def after_delete(self, keys: str) -> Callable[[_R], _R]: ...
    @overload
    def after_delete(self, keys: str, hook: AsyncReadHook) -> HookHandle: ...
    def after_delete(self, keys: str, *hook: Any, **named: Any) -> Any:
        """Tells a hook what was deleted: it may allow or log."""
        return self._engine.after_delete(keys, *hook, **named)

    def remove(
        self,
        hook: HookHandle
        | ListenerHandle
        | AsyncReadHook
        | AsyncValueHook
        | Callable[[PolicyViolation], object],
    ) -> bool:
        """Removes a hook or listener by its handle, or every registration of a function; says whether there was one."""
        found: Any = hook
        return self._engine.remove(found)

    @overload
    def on_denied(self) -> Callable[[_L], _L]: ...
    @overload
    def on_denied(self, callback: Callable[[PolicyViolation], object]) -> ListenerHandle: ...
    def on_denied(self, *callback: Any, **named: Any) -> Any:
        """Has a callback, sync or async, told of every refusal; what it raises is logged."""
        return self._engine.on_denied(*callback, **named)

    def add_audit_sink(self, sink: AuditSink, *, strict: bool = False) -> AuditSinkHandle:
        """Hands every audit entry to a callable, sync or async; see :meth:`PolicyEngine.add_audit_sink`."""
        return self._engine.add_audit_sink(sink, strict=strict)

    def add_audit_file(
        self,
        path: str | os.PathLike[str],
        *,
        strict: bool = False,
        fsync: Literal["never", "interval", "always"] | None = None,
        hmac_key: BytesLike | None = None,
        rotate_bytes: int | None = None,
    ) -> AuditFileHandle:
        """Writes every audit entry to a file too; see :meth:`PolicyEngine.add_audit_file`.

        A strict one is waited for in a worker thread. Opening the file, and the handle's calls, wait for the disk here.
        """
        return self._engine.add_audit_file(
            path, strict=strict, fsync=fsync, hmac_key=hmac_key, rotate_bytes=rotate_bytes
        )

    def remove_audit_sink(self, handle: AuditSinkHandle | AuditFileHandle) -> bool:
        """Removes a sink of the audit; ``False`` where it is gone already."""
        return self._engine.remove_audit_sink(handle)

    def flush_audit(self) -> None:
        """Makes sure that every entry so far is in the audit's files. Waits for the disk."""
        self._engine.flush_audit()

    def reload(self, document: _native.PolicyDocument) -> None:
        """Replaces what came from a policy document; see :meth:`PolicyEngine.reload`."""
        self._engine.reload(document)

    def explain(
        self,
        operation: Literal["read", "write", "delete"],
        key: BytesLike,
        context: Context | None = None,
    ) -> Explanation:
        """What would be asked about an operation, and the verdict that is foreseen; runs no hook."""
        return self._engine.explain(operation, key, context)

    def add_rate_limit(
        self,
        operation: Literal["read", "write", "delete", "all"],
        *,
        max_per_second: int | None = None,
        max_per_minute: int | None = None,
        max_per_hour: int | None = None,
        scope: str | None = None,
        burst: int | None = None,
        count: Literal["operations", "attempts"] | None = None,
        max_keys: int | None = None,
    ) -> None:
        """Adds a rate limit with buckets of its own; see :meth:`PolicyEngine.add_rate_limit`."""
        self._engine.add_rate_limit(
            operation,
            max_per_second=max_per_second,
            max_per_minute=max_per_minute,
            max_per_hour=max_per_hour,
            scope=scope,
            burst=burst,
            count=count,
            max_keys=max_keys,
        )

    def rate_limit_status(self, operation: str, context: Context | None = None) -> list[LimitStatus]:
        """How every limit that applies to an operation stands for a context; spends nothing."""
        return self._engine.rate_limit_status(operation, context)

    def enable_audit(self, max_entries: int | None = None) -> None:
        """Turns the audit on with room for `max_entries` (10,000 by default)."""
        self._engine.enable_audit(max_entries)

    def disable_audit(self) -> None:
        """Turns the audit off and lets its entries go."""
        self._engine.disable_audit()

    def get_audit_log(
        self,
        limit: int | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        operation: Literal["read", "write", "delete", "scan"] | None = None,
        result: str | None = None,
        keys: str | None = None,
        since: datetime | int | None = None,
    ) -> list[AuditEntry]:
        """The newest `limit` audit entries that pass every filter, oldest first; see :meth:`PolicyEngine.get_audit_log`."""
        return self._engine.get_audit_log(limit, agent_id, session_id, operation, result, keys, since)
