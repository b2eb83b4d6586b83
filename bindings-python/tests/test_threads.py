"""Threads, and greenlets where they are installed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from checkrein import Database, PolicyAction, PolicyEngine, PolicyViolation, RateLimitExceeded, UsageError

THREADS = 8


def together(work: Callable[[int], Any]) -> list[Any]:
    """Runs the work on several threads that start at the same moment."""
    barrier = threading.Barrier(THREADS)

    def run(n: int) -> Any:
        barrier.wait()
        return work(n)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_an_engine_is_shared_by_threads(where: str, tmp_path: Path) -> None:
    db = Database.memory() if where == "memory" else Database.open(tmp_path, durability="relaxed")
    with db:
        policy = PolicyEngine(db)
        policy.enable_audit()
        policy.before_write("**", lambda key, value, context: value + context["agent_id"].encode())

        def work(n: int) -> None:
            for i in range(50):
                key = f"{n}/{i}".encode()
                policy.put(key, b"v", {"agent_id": str(n)})
                assert policy.get(key) == b"v" + str(n).encode()

        together(work)
        entries = policy.get_audit_log(limit=10_000)
        assert len(entries) == THREADS * 100
        assert [entry["sequence"] for entry in entries] == list(range(1, THREADS * 100 + 1))


def test_hooks_come_and_go_while_operations_run(policy: PolicyEngine) -> None:
    policy.before_write("k", lambda *args: PolicyAction.DENY)

    def work(n: int) -> None:
        for _ in range(100):
            if n % 2:
                policy.before_write("k", lambda *args: None).remove()
            else:
                with pytest.raises(PolicyViolation):
                    policy.put(b"k", b"v")

    together(work)
    assert policy.get(b"k") is None


def test_a_limit_is_exact_over_threads(policy: PolicyEngine) -> None:
    policy.add_rate_limit("write", max_per_minute=100)

    def work(n: int) -> int:
        passed = 0
        for _ in range(50):
            try:
                policy.put(b"k", b"v")
                passed += 1
            except RateLimitExceeded:
                pass
        return passed

    assert sum(together(work)) == 100


def test_a_hook_that_waits_holds_nothing_up(policy: PolicyEngine) -> None:
    inside, go_on = threading.Event(), threading.Event()

    @policy.before_write("slow")
    def wait(*args: Any) -> None:
        inside.set()
        assert go_on.wait(30)

    thread = threading.Thread(target=policy.put, args=(b"slow", b"v"))
    thread.start()
    assert inside.wait(30)
    policy.before_write("k", lambda *args: None)
    policy.put(b"k", b"v")
    assert policy.get(b"slow") is None
    go_on.set()
    thread.join()
    assert policy.get(b"slow") == b"v"


def test_open_operations_are_bounded() -> None:
    policy = PolicyEngine(Database.memory(), max_open_operations=1)

    @policy.before_write("outer")
    def nested(key: bytes, value: bytes, context: Mapping[str, object]) -> None:
        policy.put(b"inner", b"v")

    policy.before_write("inner", lambda *args: None)
    with pytest.raises(UsageError) as caught:
        policy.put(b"outer", b"v")
    assert caught.value.code == "open_limit"
    policy.put(b"inner", b"v")


def test_another_thread_does_not_stand_in_the_hook(policy: PolicyEngine) -> None:
    depths: list[int] = []

    @policy.before_write("outer")
    def on_a_thread(key: bytes, value: bytes, context: Mapping[str, object]) -> None:
        thread = threading.Thread(target=deep, args=(0,))
        thread.start()
        thread.join()

    def deep(n: int) -> None:
        depths.append(n)
        policy.put(f"inner/{n}".encode(), b"v")

    policy.before_write("inner/*", lambda key, value, context: deep(len(depths)) if len(depths) < 17 else None)
    policy.put(b"outer", b"v")
    assert depths == list(range(17))


def test_greenlets_whose_hooks_wait_are_not_nested(policy: PolicyEngine) -> None:
    greenlet = pytest.importorskip("greenlet")
    main = greenlet.getcurrent()
    policy.before_write("k", lambda *args: main.switch() or None)
    waiting = [greenlet.greenlet(lambda: policy.put(b"k", b"v")) for _ in range(40)]
    for one in waiting:
        one.switch()
    policy.put(b"other", b"v")
    for one in waiting[::-1]:
        one.switch()
    assert all(one.dead for one in waiting)

    depth = 0

    @policy.before_write("deep")
    def again(*args: Any) -> None:
        nonlocal depth
        depth += 1
        policy.put(b"deep", b"v")

    with pytest.raises(UsageError):
        greenlet.greenlet(lambda: policy.put(b"deep", b"v")).switch()
    assert depth == 17
