"""Runs the conformance vectors through `AsyncPolicyEngine`: the vectors' second run in Python, `python-async`.

It is the runner of `conformance_runner`, over a facade that brings every call to its end in an event loop. A host is
`sync` (hooks, stores and sinks answer at once, but for what a script says) or `later` (each of them is awaited first).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

import anyio.lowlevel
import conformance_runner as runner
import trio

from checkrein import AsyncPolicyEngine, PolicyAction

CAPABILITIES = (runner.CAPABILITIES - {"awaitables"}) | {"awaits"}

Json = dict[str, Any]


class Loop:
    """Brings coroutines to their end; ``cancel`` cancels the one that is at it, as its library does."""

    def __init__(self, library: str) -> None:
        self.library = library
        self._loop = asyncio.new_event_loop() if library == "asyncio" else None
        self._scope: Any = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            if self._loop is not None:
                return self._loop.run_until_complete(coroutine)
            return trio.run(self._scoped, coroutine)
        except asyncio.CancelledError:
            # What the runner takes for "cancelled".
            raise KeyboardInterrupt from None

    async def _scoped(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        with trio.CancelScope() as self._scope:
            return await coroutine
        raise asyncio.CancelledError

    async def cancel(self) -> None:
        if self._loop is not None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        else:
            self._scope.cancel()
        await anyio.lowlevel.checkpoint()
        raise AssertionError("nothing was cancelled")

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()


class Pairs:
    """A scan, as a sync iterator."""

    def __init__(self, loop: Loop, scan: Any) -> None:
        self.loop, self.scan = loop, scan

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return self

    def __next__(self) -> tuple[bytes, bytes]:
        async def following() -> Any:
            return await anext(self.scan, None)

        if (pair := self.loop.run(following())) is None:
            raise StopIteration
        found: tuple[bytes, bytes] = pair
        return found

    def __enter__(self) -> Pairs:
        return self

    def __exit__(self, *raised: object) -> None:
        self.loop.run(self.scan.aclose())


class Facade:
    """An `AsyncPolicyEngine` with the calls of the sync one."""

    def __init__(self, loop: Loop, *args: Any, **options: Any) -> None:
        self.loop, self.engine = loop, AsyncPolicyEngine(*args, **options)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.engine, name)
        if name in ("put", "get", "delete", "get_many", "batch"):
            return lambda *args, **named: self.loop.run(found(*args, **named))
        if name == "scan":
            return lambda *args, **named: Pairs(self.loop, found(*args, **named))
        return found


class AsyncStore:
    """A scripted store whose methods may be awaited; it has the optional ones that the script's store has."""

    def __init__(self, store: Any, world: AsyncWorld) -> None:
        self.store, self.world = store, world
        for name in ("scan", "batch"):
            if hasattr(store, name):
                setattr(self, name, self._method(name))

    @property
    def data(self) -> Any:
        return self.store.data

    def put(self, key: bytes, value: bytes) -> Any:
        return self._method("put")(key, value)

    def get(self, key: bytes) -> Any:
        return self._method("get")(key)

    def delete(self, key: bytes) -> Any:
        return self._method("delete")(key)

    def _method(self, name: str) -> Callable[..., Any]:
        return lambda *args: self.world.answered(lambda: getattr(self.store, name)(*args))


class AsyncWorld(runner.World):
    """One vector at play, through the async API."""

    def __init__(self, vector: Json, library: str, host: str) -> None:
        self.loop, self.later = Loop(library), host == "later"
        super().__init__(vector)

    def make_engine(self, document: Any, **options: Any) -> Any:
        scripted = isinstance(self.store, runner.ScriptedStore)
        store = AsyncStore(self.store, self) if scripted else self.store
        return Facade(self.loop, store, document, **options)

    def listening(self, name: str, next_word: Callable[[], str]) -> Callable[[Any], Any]:
        listen = super().listening(name, next_word)
        return lambda error: self.answered(lambda: listen(error))

    def sinking(self, name: str, next_word: Callable[[], str]) -> Callable[[Any, Any], Any]:
        sink = super().sinking(name, next_word)
        return lambda entry, phase: self.answered(lambda: sink(entry, phase))

    def answered(self, answer: Callable[[], Any]) -> Any:
        """What a script gives, or an awaitable of that; its cancellations are the library's."""

        async def awaited() -> Any:
            await anyio.lowlevel.checkpoint()
            try:
                given = answer()
            except KeyboardInterrupt:
                return await self.loop.cancel()
            return await given if isinstance(given, Awaitable) else given

        if self.later:
            return awaited()
        try:
            return answer()
        except KeyboardInterrupt:
            return self.loop.cancel()

    def answer(self, script: str, key: bytes, value: bytes | None, context: Any) -> Any:
        return self.answered(lambda: self.worded(script, key, value, context))

    def worded(self, script: str, key: bytes, value: bytes | None, context: Any) -> Any:
        word, _, rest = script.partition(":")
        engine = self.engine.engine
        match word:
            case "put":
                name, _, new = rest.partition("=")
                return self.allowing(engine.put(runner.text_bytes(name), runner.text_bytes(new), context))
            case "get":
                return self.allowing(engine.get(runner.text_bytes(rest), context))
            case "scan":
                return self.allowing(walk(engine.scan(runner.text_bytes(rest), context)))
            case "later":
                return self.later_word(rest, key, value, context)
        return super().answer(script, key, value, context)

    async def later_word(self, script: str, key: bytes, value: bytes | None, context: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        given = self.worded(script, key, value, context)
        return await given if isinstance(given, Awaitable) else given

    async def allowing(self, nested: Awaitable[Any]) -> PolicyAction:
        await nested
        return PolicyAction.ALLOW


async def walk(scan: Any) -> None:
    async for _ in scan:
        pass


def lacking(vector: Json) -> str | None:
    """The first capability that the async API lacks for a vector."""
    needs = vector.get("needs", [])
    assert set(needs) <= runner.KNOWN_NEEDS, f"unknown needs {needs}"
    return next((need for need in needs if need not in CAPABILITIES), None)


def run(vector: Json, library: str, host: str) -> None:
    world = AsyncWorld(vector, library, host)
    try:
        runner.play(world)
    finally:
        world.loop.close()
