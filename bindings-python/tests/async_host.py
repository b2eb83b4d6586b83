"""What the tests of the async engine share: a store, the audit in short, cancelling at a place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel

from checkrein import AsyncPolicyEngine


class AsyncStore:
    """A store over a dict that suspends in every call, and may wait for a gate."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.gate: anyio.Event | None = None
        self.entered = anyio.Event()

    async def pause(self) -> None:
        self.entered.set()
        await anyio.lowlevel.checkpoint()
        if self.gate is not None:
            await self.gate.wait()

    async def put(self, key: bytes, value: bytes) -> None:
        await self.pause()
        self.data[key] = value

    async def get(self, key: bytes) -> bytes | None:
        await self.pause()
        return self.data.get(key)

    async def delete(self, key: bytes) -> bool:
        await self.pause()
        return self.data.pop(key, None) is not None

    async def scan(self, prefix: bytes, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        await self.pause()
        keys = sorted(key for key in self.data if key.startswith(prefix) and (after is None or key > after))
        return [(key, self.data[key]) for key in keys[:limit]]

    async def batch(self, ops: list[Any]) -> None:
        await self.pause()
        for op in ops:
            if op[0] == "put":
                self.data[op[1]] = op[2]
            else:
                self.data.pop(op[1], None)


def audited(engine: AsyncPolicyEngine) -> list[tuple[Any, ...]]:
    return [
        (entry["operation"], entry["result"], entry.get("reason"), entry.get("applied"))
        for entry in engine.get_audit_log(limit=1_000_000)
    ]


async def cancelled_at(
    operation: Callable[[], Awaitable[object]], reached: Callable[[], Awaitable[object]]
) -> None:
    """Cancels an operation once that is reached, and sees that nothing but the cancellation came of it."""
    ended: list[str] = []

    async def run() -> None:
        try:
            await operation()
            ended.append("finished")
        except anyio.get_cancelled_exc_class():
            ended.append("cancelled")
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await reached()
        group.cancel_scope.cancel()
    assert ended == ["cancelled"]


def immediately(coroutine: Any) -> Any:
    """What a coroutine gives that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        return ended.value
    coroutine.close()
    raise AssertionError("it has suspended")
