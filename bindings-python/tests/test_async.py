"""`AsyncPolicyEngine` under asyncio and trio: hooks, stores, sinks, nesting, contexts, the disk."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import threading
import warnings
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from async_host import AsyncStore, audited, immediately

import checkrein
from checkrein import (
    AsyncPolicyEngine,
    Database,
    ManualClock,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
    UsageError,
)
from checkrein.policy import deny_all, log_and_allow

pytestmark = pytest.mark.anyio


async def test_every_call_with_an_async_store_and_async_hooks() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()
    told: list[tuple[str, bytes]] = []

    @policy.before_write("users/*")
    async def stamp(key: bytes, value: bytes, context: Any) -> bytes:
        await anyio.lowlevel.checkpoint()
        return value + b" by " + context["agent_id"].encode()

    @policy.after_read("users/*")
    async def redact(key: bytes, value: bytes, context: Any) -> PolicyAction | None:
        await anyio.lowlevel.checkpoint()
        return PolicyAction.DENY if key == b"users/secret" else None

    @policy.after_delete("users/*")
    async def gone(key: bytes, value: None, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        told.append(("gone", key))

    assert inspect.iscoroutinefunction(policy.put) and inspect.iscoroutinefunction(stamp)
    said = {"agent_id": "a"}
    await policy.put(b"users/1", b"one", context=said)
    await policy.batch([("put", b"users/2", b"two"), ("put", b"users/secret", b"s")], context=said)
    assert await policy.get(b"users/1") == b"one by a"
    assert await policy.get(b"users/secret") is None
    assert await policy.get_many([b"users/2", b"none"]) == [b"two by a", None]
    pairs = [pair async for pair in policy.scan(b"users/")]
    assert pairs == [(b"users/1", b"one by a"), (b"users/2", b"two by a")]
    await policy.delete(b"users/1")
    assert told == [("gone", b"users/1")] and b"users/1" not in store.data
    assert [entry[:2] for entry in audited(policy)][-2:] == [("scan", "redacted"), ("delete", "allowed")]


async def test_without_anything_to_wait_for_nothing_is_awaited() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    policy.enable_audit()
    policy.add_rate_limit("write", max_per_second=1000)
    policy.before_write("**", lambda key, value, context: value + b"!")
    assert immediately(policy.put(b"k", b"v")) is None
    assert immediately(policy.get(b"k")) == b"v!"
    assert immediately(policy.get_many([b"k", b"l"])) == [b"v!", None]
    assert immediately(policy.batch([("put", b"l", b"v"), ("delete", b"k")])) is None
    scan = policy.scan(b"")
    assert immediately(anext(scan)) == (b"l", b"v!")
    assert immediately(scan.aclose()) is None
    assert immediately(policy.delete(b"l")) is None


async def test_nothing_happens_before_it_is_awaited() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    policy.enable_audit()
    with pytest.warns(RuntimeWarning, match="never awaited"):
        policy.put(b"k", b"v")
        gc.collect()
    assert audited(policy) == [] and await policy.get(b"k") is None


async def test_a_sync_store_and_sync_hooks_do_as_well() -> None:
    class DictStore(dict[bytes, bytes]):
        def put(self, key: bytes, value: bytes) -> None:
            self[key] = value

        def delete(self, key: bytes) -> None:
            self.pop(key, None)

    policy = AsyncPolicyEngine(DictStore())
    policy.before_write("system/*", deny_all)
    await policy.put(b"k", b"v")
    assert await policy.get(b"k") == b"v"
    with pytest.raises(PolicyViolation):
        await policy.put(b"system/k", b"v")
    with pytest.raises(UsageError, match="atomic batch"):
        await policy.batch([("put", b"k", b"v")])
    await policy.batch([("put", b"l", b"v")], atomic=False)
    assert await policy.get(b"l") == b"v"


async def test_an_awaitable_that_gives_an_awaitable_is_no_answer() -> None:
    policy = AsyncPolicyEngine(Database.memory())

    async def inner() -> None:
        return None

    async def outer(key: bytes, value: bytes, context: Any) -> Any:
        return inner()

    policy.before_write("**", outer)
    with pytest.raises(PolicyViolation, match="an awaitable") as refused:
        await policy.put(b"k", b"v")
    assert refused.value.code == "hook_failed"


async def test_what_awaited_hooks_and_stores_raise() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()

    @policy.before_write("broken/*")
    async def broken(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        raise ValueError("inner")

    own = PolicyViolation("mine")

    @policy.before_write("refused/*")
    async def refused(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        raise own

    with pytest.raises(PolicyViolation) as failed:
        await policy.put(b"broken/k", b"v")
    assert isinstance(failed.value.__cause__, ValueError) and failed.value.code == "hook_failed"
    assert failed.value.__context__ in (None, failed.value.__cause__)
    with pytest.raises(PolicyViolation) as denied:
        await policy.put(b"refused/k", b"v")
    assert denied.value is own

    async def wrong(key: bytes) -> Any:
        await anyio.lowlevel.checkpoint()
        return "text"

    store.get = wrong  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="`str`"):
        await policy.get(b"k")
    assert [entry[1] for entry in audited(policy)] == ["error", "denied", "error"]


async def test_listeners_sinks_and_loggers_are_awaited() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    told: list[Any] = []

    @policy.on_denied()
    async def denied(error: PolicyViolation) -> None:
        await anyio.lowlevel.checkpoint()
        told.append(("denied", error.key))

    async def sink(entry: Any, phase: Any) -> None:
        await anyio.lowlevel.checkpoint()
        told.append((phase, entry["key"]))

    async def note(sentence: str) -> None:
        await anyio.lowlevel.checkpoint()
        told.append("noted")

    handle = policy.add_audit_sink(sink, strict=True)
    policy.before_write("system/*", deny_all)
    policy.before_read("**", log_and_allow(note))
    with pytest.raises(PolicyViolation):
        await policy.put(b"system/k", b"v")
    await policy.batch([("put", b"1", b"v"), ("put", b"2", b"v")])
    await policy.get(b"1")
    assert told == [
        ("done", "system/k"),
        ("denied", b"system/k"),
        ("decided", "1"),
        ("decided", "2"),
        ("done", "1"),
        ("done", "2"),
        "noted",
        ("decided", "1"),
        ("done", "1"),
    ]
    assert policy.remove_audit_sink(handle) and policy.remove(denied)


async def test_a_strict_async_sink_that_fails_refuses() -> None:
    store = AsyncStore()
    policy = AsyncPolicyEngine(store)

    async def sink(entry: Any, phase: Any) -> None:
        await anyio.lowlevel.checkpoint()
        if phase == "decided":
            raise OSError("full")

    policy.add_audit_sink(sink, strict=True)
    with pytest.raises(PolicyViolation) as refused:
        await policy.put(b"k", b"v")
    assert refused.value.code == "audit_failed" and store.data == {}


async def test_limits_and_retry_after(clock: ManualClock) -> None:
    policy = AsyncPolicyEngine(AsyncStore(), clock=clock)
    policy.add_rate_limit("write", max_per_minute=2, scope="agent_id")
    for _ in range(2):
        await policy.put(b"k", b"v", context={"agent_id": "a"})
    with pytest.raises(RateLimitExceeded) as limited:
        await policy.put(b"k", b"v", context={"agent_id": "a"})
    clock.advance_ns(limited.value.retry_after_ns)
    await policy.put(b"k", b"v", context={"agent_id": "a"})


async def test_nesting_belongs_to_the_task() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    sync = PolicyEngine(Database.memory())
    both = anyio.Event()
    inside = 0

    @policy.before_write("wide/*")
    async def wide(key: bytes, value: bytes, context: Any) -> None:
        nonlocal inside
        inside += 1
        if inside == 40:
            both.set()
        await both.wait()
        await policy.get(b"k")

    # Forty hooks at once, each of which starts an operation: none is deeper than one.
    async with anyio.create_task_group() as group:
        for n in range(40):
            group.start_soon(policy.put, b"wide/%d" % n, b"v")

    deepest: list[int] = []

    @policy.before_write("deep/*")
    async def deep(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        deepest.append(len(deepest))
        sync.put(key, value)

    @sync.before_write("deep/*")
    def back(key: bytes, value: bytes, context: Any) -> None:
        # A sync hook that starts the async engine's next operation and cannot await it: by hand.
        coroutine = policy.get(b"k")
        immediately(coroutine)

    await policy.put(b"deep/1", b"v")
    assert deepest == [0]

    endless = AsyncPolicyEngine(Database.memory())

    @endless.before_write("**")
    async def again(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        await endless.put(key, value)

    with pytest.raises(UsageError) as nested:
        await endless.put(b"k", b"v")
    assert nested.value.code == "nesting_limit"


async def test_sync_operations_in_async_hooks_count_as_nested() -> None:
    policy, depths = PolicyEngine(Database.memory()), []
    outer = AsyncPolicyEngine(Database.memory())

    @policy.before_write("**")
    def inner(key: bytes, value: bytes, context: Any) -> None:
        depths.append(key)
        policy.put(key + b"+", value)

    @outer.before_write("**")
    async def hook(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        policy.put(key, value)

    with pytest.raises(UsageError):
        policy.put(b"k", b"v")
    alone = len(depths)
    depths.clear()
    with pytest.raises(UsageError):
        await outer.put(b"k", b"v")
    assert len(depths) == alone - 1
    depths.clear()
    with pytest.raises(UsageError):
        policy.put(b"k", b"v")
    assert len(depths) == alone


async def test_a_task_that_outlives_its_hook_is_not_deep() -> None:
    policy = AsyncPolicyEngine(Database.memory())
    left = 40
    done = anyio.Event()

    async with anyio.create_task_group() as group:

        async def worker() -> None:
            await anyio.lowlevel.checkpoint()
            await policy.put(b"k", b"v")

        @policy.before_write("**")
        async def spawn(key: bytes, value: bytes, context: Any) -> None:
            nonlocal left
            left -= 1
            if left:
                # Each is started in the context of the hook before it, and goes on when that has answered.
                group.start_soon(worker)
            else:
                done.set()

        await policy.put(b"k", b"v")
        await done.wait()


def test_hooks_that_answer_with_tasks_are_nested_too() -> None:
    policy = AsyncPolicyEngine(Database.memory())

    @policy.before_write("**")
    def hook(key: bytes, value: bytes, context: Any) -> Awaitable[None]:
        # It runs in a copy of the context as it is now.
        return asyncio.ensure_future(policy.put(key, value))

    async def main() -> None:
        with pytest.raises(UsageError) as nested:
            await policy.put(b"k", b"v")
        assert nested.value.code == "nesting_limit"

    asyncio.run(main())


async def test_the_disk_is_waited_for_in_worker_threads(tmp_path: Path) -> None:
    with Database.open(tmp_path / "db") as database:
        policy = AsyncPolicyEngine(database)
        threads: list[int] = []
        policy.before_write("**", lambda key, value, context: threads.append(threading.get_ident()))

        async def put(n: int) -> None:
            await policy.put(b"k/%03d" % n, b"v")

        async with anyio.create_task_group() as group:
            for n in range(100):
                group.start_soon(put, n)
        # Hooks are called where the loop runs.
        assert set(threads) == {threading.get_ident()}
        assert [key async for key, _ in policy.scan(b"k/")] == [b"k/%03d" % n for n in range(100)]
        assert await policy.get_many([b"k/000", b"none"]) == [b"v", None]
        await policy.batch([("put", b"b", b"1"), ("delete", b"k/000")])
        assert await policy.get(b"b") == b"1" and await policy.get(b"k/000") is None
        await policy.delete(b"b")
    with pytest.raises(StoreError) as closed:
        await policy.get(b"b")
    assert closed.value.code == "store_closed"


async def test_a_strict_audit_file_is_waited_for_in_a_worker_thread(tmp_path: Path) -> None:
    policy = AsyncPolicyEngine(Database.memory())
    handle = policy.add_audit_file(tmp_path / "audit", strict=True, fsync="always")
    await policy.put(b"l", b"v")
    head = handle.head()
    handle.close()
    assert checkrein.verify_audit(tmp_path / "audit", head=head)["ok"]


async def test_ambient_context_belongs_to_the_task() -> None:
    policy = AsyncPolicyEngine(AsyncStore())
    policy.enable_audit()
    seen: dict[bytes, Any] = {}

    @policy.before_write("**")
    async def hook(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        seen[key] = context["agent_id"]

    async def act(n: int) -> None:
        with checkrein.context(agent_id=f"agent-{n}"):
            await anyio.lowlevel.checkpoint()
            await policy.put(b"%d" % n, b"v")

    async with anyio.create_task_group() as group:
        for n in range(50):
            group.start_soon(act, n)
    assert seen == {b"%d" % n: f"agent-{n}" for n in range(50)}
    assert {(entry["key"], entry["agent_id"]) for entry in policy.get_audit_log()} == {
        (str(n), f"agent-{n}") for n in range(50)
    }


async def test_shadow_mode_required_context_and_documents() -> None:
    document = checkrein.PolicyDocument.parse(
        '{"version": 1, "hooks": [{"on": "before_write", "keys": "system/**", "action": "deny"}]}', "json"
    )
    policy = AsyncPolicyEngine(Database.memory(), document, require_context=("agent_id",))
    said = {"agent_id": "a"}
    with pytest.raises(PolicyViolation, match="agent_id"):
        await policy.put(b"k", b"v")
    with pytest.raises(PolicyViolation):
        await policy.put(b"system/k", b"v", context=said)
    assert policy.explain("write", b"system/k", said)["verdict"] == "denied"
    policy.reload(
        checkrein.PolicyDocument.parse(
            '{"version": 1, "hooks": [{"on": "before_write", "keys": "x", "action": "deny"}]}', "json"
        )
    )
    await policy.put(b"system/k", b"v", context=said)
    shadow = AsyncPolicyEngine(Database.memory(), mode="shadow")
    shadow.enable_audit()
    shadow.before_write("**", deny_all)
    await shadow.put(b"k", b"v")
    assert shadow.get_audit_log()[0]["result"] == "would_deny"


async def test_too_many_open_operations() -> None:
    store = AsyncStore()
    store.gate = anyio.Event()
    policy = AsyncPolicyEngine(store, max_open_operations=3)
    policy.before_write("**", deny_all)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(policy.get, b"k")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(UsageError) as full:
            await policy.get(b"k")
        assert full.value.code == "open_limit"
        store.gate.set()
    assert await policy.get(b"k") is None


def test_without_an_event_loop_the_disk_is_waited_for_right_here(tmp_path: Path) -> None:
    with Database.open(tmp_path / "db") as database:
        policy = AsyncPolicyEngine(database)
        immediately(policy.put(b"k", b"v"))
        assert immediately(policy.get(b"k")) == b"v"


def test_one_engine_for_the_loops_of_several_threads(tmp_path: Path) -> None:
    with Database.open(tmp_path / "db") as database:
        policy = AsyncPolicyEngine(database)
        policy.enable_audit()
        policy.add_rate_limit("write", max_per_hour=150)
        refused: list[int] = []

        @policy.before_write("**")
        async def hook(key: bytes, value: bytes, context: Any) -> None:
            await anyio.lowlevel.checkpoint()

        async def put(n: int) -> None:
            try:
                await policy.put(b"%d" % n, b"v")
            except RateLimitExceeded:
                refused.append(n)

        def loop(first: int) -> None:
            async def main() -> None:
                await asyncio.gather(*(put(first + n) for n in range(50)))

            asyncio.run(main())

        threads = [threading.Thread(target=loop, args=(first,)) for first in range(0, 200, 50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 50
        assert sum(1 for _ in database.scan(b"", limit=1000)) == 150
        assert len(policy.get_audit_log(limit=1000)) == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_worker_threads_after_a_fork(tmp_path: Path) -> None:
    async def use(path: Path) -> bytes | None:
        with Database.open(path) as database:
            policy = AsyncPolicyEngine(database)
            await policy.put(b"k", b"v")
            return await policy.get(b"k")

    assert asyncio.run(use(tmp_path / "parent")) == b"v"
    with warnings.catch_warnings():
        # A newer Python warns of any fork beside threads; that is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(use(tmp_path / "child")) == b"v" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
