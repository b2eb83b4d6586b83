"""Worker threads for what would block an event loop: the disk under a ``Database``, a client that has no async one.

It knows asyncio and trio by asking which of them is running, and imports neither.
"""

from __future__ import annotations

import contextvars
import functools
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from checkrein import adapters
from checkrein._native import Database
from checkrein.errors import ConfigError

_T = TypeVar("_T")

MAX_THREADS = 32
"""How many wait for the disk at once; writes of as many tasks can share one commit."""

_executor: ThreadPoolExecutor | None = None


def _forget() -> None:
    # The threads do not go on in the child of a fork.
    global _executor
    _executor = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _threads() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="checkrein")
    return _executor


def _trio() -> Any:
    """The module, where it is what runs this task."""
    if (trio := sys.modules.get("trio")) is None:
        return None
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return None
    return trio


async def run(work: Callable[[], _T]) -> _T:
    """Does the work in a worker thread. Cancelled, it leaves the thread to itself and drops what that gives.

    Under an event loop that is neither asyncio's nor trio's the work is done right here, and the loop waits.
    """
    if (trio := _trio()) is not None:
        done: _T = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
        return done
    if (asyncio := sys.modules.get("asyncio")) is not None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return work()
        result: _T = await loop.run_in_executor(_threads(), work)
        return result
    return work()


class Threaded:
    """A sync store, async: each of its calls is made in a worker thread, in the context of its task."""

    def __init__(self, store: Any) -> None:
        self.store = store

    async def put(self, key: bytes, value: bytes) -> object:
        return await self._call(self.store.put, key, value)

    async def get(self, key: bytes) -> object:
        return await self._call(self.store.get, key)

    async def delete(self, key: bytes) -> object:
        return await self._call(self.store.delete, key)

    async def scan(self, prefix: bytes, after: bytes | None, limit: int) -> object:
        return await self._call(self.store.scan, prefix, after, limit)

    async def batch(self, ops: Sequence[Any]) -> object:
        return await self._call(self.store.batch, ops)

    async def _call(self, method: Callable[..., object], *args: object) -> object:
        return await run(functools.partial(contextvars.copy_context().run, method, *args))


def store_of(db: Any) -> Any:
    """What an async engine is to take for an object: the adapter of a well-known client, else the object itself.

    Raises :class:`checkrein.ConfigError` for a sync client that has an async one, and for what the adapters refuse.
    """
    if isinstance(db, (Database, type)):
        return db
    adapter = adapters.adapt(db)
    if adapter is None:
        return db
    if isinstance(adapter, adapters.RedisStore):
        raise ConfigError(
            f"the `{type(db).__name__}` of `{type(db).__module__}` is a sync client, which would hold up the event loop, "
            "and this is the async engine: give it a `redis.asyncio.Redis`, or take a `PolicyEngine`"
        )
    return adapter if adapter.is_async else Threaded(adapter)
