"""`AsyncPolicyEngine`, cancelled at every step, closed, left and collected, under asyncio and trio."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from async_host import AsyncStore, audited, cancelled_at

from checkrein import AsyncPolicyEngine, AsyncScan, Database, PolicyViolation, UsageError
from checkrein.policy import deny_all

pytestmark = pytest.mark.anyio


async def test_cancelled_in_a_hook_it_is_refused() -> None:
    store, entered = AsyncStore(), anyio.Event()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()

    @policy.before_write("**")
    async def hook(key: bytes, value: bytes, context: Any) -> None:
        entered.set()
        await anyio.sleep_forever()

    await cancelled_at(lambda: policy.put(b"k", b"v"), entered.wait)
    assert audited(policy) == [("write", "denied", "abandoned", False)] and store.data == {}


async def test_cancelled_in_the_store_it_is_unknown() -> None:
    store = AsyncStore()
    store.gate = anyio.Event()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()
    await cancelled_at(lambda: policy.put(b"k", b"v"), store.entered.wait)
    assert audited(policy) == [("write", "unknown", "abandoned", None)]


async def test_cancelled_in_an_after_hook_it_has_happened() -> None:
    store, entered = AsyncStore(), anyio.Event()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()

    @policy.after_write("**")
    async def hook(key: bytes, value: bytes, context: Any) -> None:
        entered.set()
        await anyio.sleep_forever()

    await cancelled_at(lambda: policy.put(b"k", b"v"), entered.wait)
    assert store.data == {b"k": b"v"}
    assert [(entry[1], entry[3]) for entry in audited(policy)] == [("unknown", True)]


@pytest.mark.parametrize("phase", ["decided", "done"])
async def test_cancelled_in_a_sink(phase: str) -> None:
    store, entered = AsyncStore(), anyio.Event()
    policy = AsyncPolicyEngine(store)

    async def sink(entry: Any, at: Any) -> None:
        if at == phase:
            entered.set()
            await anyio.sleep_forever()

    policy.add_audit_sink(sink, strict=True)
    await cancelled_at(lambda: policy.put(b"k", b"v"), entered.wait)
    if phase == "decided":
        assert store.data == {} and audited(policy) == [("write", "denied", "abandoned", False)]
    else:
        assert store.data == {b"k": b"v"} and [entry[3] for entry in audited(policy)] == [True]


async def test_cancelled_in_a_listener_it_was_refused() -> None:
    policy, entered = AsyncPolicyEngine(Database.memory()), anyio.Event()
    policy.enable_audit()
    policy.before_write("**", deny_all)

    @policy.on_denied()
    async def listener(error: PolicyViolation) -> None:
        entered.set()
        await anyio.sleep_forever()

    await cancelled_at(lambda: policy.put(b"k", b"v"), entered.wait)
    assert [entry[1] for entry in audited(policy)] == ["denied"]


async def test_cancelled_between_the_pairs_of_a_scan() -> None:
    policy, entered = AsyncPolicyEngine(AsyncStore()), anyio.Event()
    policy.enable_audit()
    await policy.batch([("put", b"k%d" % n, b"v") for n in range(5)])

    async def walk() -> None:
        given = 0
        async with policy.scan(b"k") as pairs:
            async for _ in pairs:
                given += 1
                if given == 2:
                    entered.set()
                    await anyio.sleep_forever()

    await cancelled_at(walk, entered.wait)
    entry = policy.get_audit_log(operation="scan")[0]
    assert (entry["reason"], entry["given"]) == ("abandoned", 2)


async def test_cancelled_while_a_scan_asks_its_store() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()
    store.gate = anyio.Event()
    scan = policy.scan(b"")
    await cancelled_at(lambda: anext(scan), store.entered.wait)
    assert audited(policy)[0][2] == "abandoned"
    with pytest.raises(StopAsyncIteration):
        await anext(scan)


async def test_a_timeout_is_a_timeout() -> None:
    store = AsyncStore()
    store.gate = anyio.Event()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()
    with pytest.raises(TimeoutError):
        with anyio.fail_after(0):
            await policy.put(b"k", b"v")
    assert audited(policy) == [("write", "unknown", "abandoned", None)]


async def test_a_hook_may_set_a_timeout_of_its_own() -> None:
    policy = AsyncPolicyEngine(Database.memory())

    @policy.before_write("**")
    async def hook(key: bytes, value: bytes, context: Any) -> None:
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    with pytest.raises(PolicyViolation) as failed:
        await policy.put(b"k", b"v")
    assert isinstance(failed.value.__cause__, TimeoutError)


async def test_a_coroutine_that_is_closed_half_way_is_abandoned() -> None:
    policy = AsyncPolicyEngine(AsyncStore())
    policy.enable_audit()
    coroutine = policy.put(b"k", b"v")
    coroutine.send(None)
    coroutine.close()
    assert audited(policy) == [("write", "unknown", "abandoned", None)]


async def test_scans_that_are_left_early() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    policy.enable_audit()
    await policy.batch([("put", b"k%d" % n, b"v") for n in range(5)])
    policy.disable_audit()
    policy.enable_audit()
    async with aclosing(policy.scan(b"k")) as pairs:
        async for _ in pairs:
            break
    policy.scan(b"k")
    async for _ in policy.scan(b"k"):
        break
    gc.collect()
    assert [(entry["reason"], entry["given"]) for entry in policy.get_audit_log()] == [
        ("abandoned", 1),
        ("abandoned", 0),
        ("abandoned", 1),
    ]
    scan = policy.scan(b"k")
    await scan.aclose()
    await scan.aclose()
    assert isinstance(scan, AsyncScan) and [pair async for pair in scan] == []


async def test_one_task_at_a_time_may_use_a_scan() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    await policy.put(b"k", b"v")
    store.gate, store.entered = anyio.Event(), anyio.Event()
    scan = policy.scan(b"")
    got: list[Any] = []

    async def first() -> None:
        got.append(await anext(scan))

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await store.entered.wait()
        with pytest.raises(UsageError, match="another task"):
            await anext(scan)
        store.gate.set()
    assert got == [(b"k", b"v")]


async def test_cancelled_while_a_thread_is_at_it(tmp_path: Path) -> None:
    with Database.open(tmp_path / "db") as database:
        policy = AsyncPolicyEngine(database)
        policy.enable_audit()
        with anyio.move_on_after(0) as scope:
            await policy.put(b"k", b"v")
        assert scope.cancelled_caught
        assert audited(policy) == [("write", "unknown", "abandoned", None)]
        # The engine goes on, and what the thread gave was dropped.
        await policy.put(b"k", b"w")


async def test_an_engine_in_a_cycle_is_collected() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    policy.before_write("**", lambda key, value, context: policy and None)
    await policy.put(b"k", b"v")
    reference = weakref.ref(policy)
    del policy
    gc.collect()
    assert reference() is None


async def test_an_operation_in_a_cycle_is_collected() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    coroutine = policy.put(b"k", b"v")
    coroutine.send(None)
    held: list[Any] = [coroutine]
    policy.before_read("**", lambda key, value, context: held and None)
    reference = weakref.ref(policy)
    del policy, coroutine
    held.append(held)
    del held
    gc.collect()
    assert reference() is None


def test_tasks_gathers_and_timeouts_of_asyncio_itself() -> None:
    async def main() -> None:
        store = AsyncStore()
        policy = AsyncPolicyEngine(store)
        await asyncio.gather(*(policy.put(b"%d" % n, b"v") for n in range(20)))
        assert len(store.data) == 20
        task = asyncio.create_task(policy.get(b"1"))
        assert await task == b"v"
        store.gate = anyio.Event()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(policy.put(b"k", b"v"), 0.001)

    asyncio.run(main())
