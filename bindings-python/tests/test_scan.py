"""Scans: lazy, closed or let go at any moment, in threads and cycles, and what their hooks may do meanwhile."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from checkrein import (
    Database,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    Scan,
    StoreError,
    UsageError,
)
from checkrein.policy import allow_all, deny_all, redact_value


@pytest.fixture
def filled(policy: PolicyEngine) -> PolicyEngine:
    policy.batch([("put", b"k/%03d" % n, b"v%d" % n) for n in range(600)])
    policy.disable_audit()
    policy.enable_audit()
    return policy


def entry_of(policy: PolicyEngine) -> Any:
    (entry,) = policy.get_audit_log(operation="scan")
    return {name: entry.get(name) for name in ("result", "reason", "given", "withheld")}


def test_a_scan_gives_what_may_be_read_in_order(filled: PolicyEngine) -> None:
    filled.before_read("k/001", deny_all)
    filled.after_read("k/002", redact_value(b"***"))
    pairs = list(filled.scan(b"k/"))
    assert pairs[:3] == [(b"k/000", b"v0"), (b"k/002", b"***"), (b"k/003", b"v3")]
    assert len(pairs) == 599 and pairs == sorted(pairs)
    assert entry_of(filled) == {"result": "redacted", "reason": None, "given": 599, "withheld": 1}


def test_a_scan_is_lazy(filled: PolicyEngine) -> None:
    seen: list[bytes] = []
    filled.before_read("**", lambda key, value, context: seen.append(key))
    scan = filled.scan(b"k/")
    assert seen == []
    next(scan)
    assert seen == [b"k/000"]
    filled.put(b"k/900", b"late")
    assert (b"k/900", b"late") in list(scan)


def end_by_close(scan: list[Scan]) -> None:
    scan[0].close()
    scan[0].close()
    assert list(scan[0]) == []


def end_by_with(scan: list[Scan]) -> None:
    with pytest.raises(ZeroDivisionError), scan[0]:
        raise ZeroDivisionError


def end_by_letting_go(scan: list[Scan]) -> None:
    scan.clear()


@pytest.mark.parametrize("end", [end_by_close, end_by_with, end_by_letting_go])
def test_a_scan_that_is_left_is_audited_as_abandoned(
    filled: PolicyEngine, end: Callable[[list[Scan]], None]
) -> None:
    scan = [filled.scan(b"k/")]
    next(scan[0])
    end(scan)
    assert entry_of(filled) == {"result": "allowed", "reason": "abandoned", "given": 1, "withheld": 0}


def test_a_scan_in_a_cycle_is_collected_with_its_engine() -> None:
    gone: list[weakref.ref[Any]] = []

    def make() -> None:
        policy, held = PolicyEngine(Database.memory()), list[Scan]()
        policy.put(b"k", b"v")
        # The hook holds the scan, the scan the engine, the engine the hook.
        policy.before_read("**", lambda *args: held and None)
        held.append(policy.scan(b""))
        next(held[0])
        gone.extend([weakref.ref(policy), weakref.ref(held[0])])

    make()
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_the_engine_lives_as_long_as_its_scan() -> None:
    policy = PolicyEngine(Database.memory())
    policy.put(b"k", b"v")
    scan = policy.scan(b"")
    del policy
    gc.collect()
    assert list(scan) == [(b"k", b"v")]


def test_a_hook_cannot_go_on_with_its_own_scan(filled: PolicyEngine) -> None:
    scans: list[Scan] = []
    filled.before_read("**", lambda *args: next(scans[0]) and None)
    scans.append(filled.scan(b"k/"))
    with pytest.raises(UsageError, match="the scan is in use"):
        next(scans[0])
    assert list(scans[0]) == [], "it has ended"


def test_a_hook_may_write_and_scan_meanwhile(filled: PolicyEngine) -> None:
    filled.after_read("k/*", lambda key, *args: filled.put(b"seen/" + key, b"1"))
    assert len(list(filled.scan(b"k/"))) == 600
    assert len(list(filled.scan(b"seen/"))) == 600


def test_a_scan_goes_from_thread_to_thread_and_is_used_by_one(filled: PolicyEngine) -> None:
    pairs: list[Any] = []
    inside, over = threading.Event(), threading.Event()

    def hold(*args: Any) -> None:
        inside.set()
        over.wait()

    filled.after_read("k/300", hold)
    scan = filled.scan(b"k/")

    def take(how_many: int) -> None:
        pairs.extend(next(scan) for _ in range(how_many))

    for _ in range(3):
        thread = threading.Thread(target=take, args=(100,))
        thread.start()
        thread.join()
    thread = threading.Thread(target=take, args=(1,))
    thread.start()
    inside.wait()
    for use in (lambda: next(scan), scan.close):
        with pytest.raises(UsageError, match="the scan is in use"):
            use()
    over.set()
    thread.join()
    pairs.extend(scan)
    assert pairs == [(b"k/%03d" % n, b"v%d" % n) for n in range(600)]


def test_many_threads_that_tear_at_one_scan_lose_nothing(filled: PolicyEngine) -> None:
    scan, pairs = filled.scan(b"k/"), list[Any]()

    def take() -> None:
        while True:
            try:
                pairs.append(next(scan))
            except UsageError:
                continue
            except StopIteration:
                return

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(pairs) == [(b"k/%03d" % n, b"v%d" % n) for n in range(600)]


def test_a_keyboard_interrupt_ends_the_scan_and_goes_on_as_itself(filled: PolicyEngine) -> None:
    def interrupt(key: bytes, *args: Any) -> None:
        if key == b"k/002":
            raise KeyboardInterrupt

    filled.after_read("k/*", interrupt)
    scan = filled.scan(b"k/")
    with pytest.raises(KeyboardInterrupt):
        list(scan)
    assert list(scan) == []
    assert entry_of(filled)["reason"] == "abandoned" and entry_of(filled)["given"] == 2


def test_tokens_run_out_after_the_pairs_that_were_given(filled: PolicyEngine) -> None:
    filled.add_rate_limit("read", max_per_hour=3)
    scan = filled.scan(b"k/")
    assert [next(scan)[0] for _ in range(3)] == [b"k/000", b"k/001", b"k/002"]
    with pytest.raises(RateLimitExceeded):
        next(scan)
    assert next(scan, None) is None
    assert entry_of(filled)["given"] == 3


def test_open_scans_are_bounded() -> None:
    policy = PolicyEngine(Database.memory(), max_open_operations=2)
    policy.put(b"k", b"v")
    scans = [policy.scan(b""), policy.scan(b"")]
    with pytest.raises(UsageError, match="may be open at once"):
        list(policy.scan(b""))
    scans.pop().close()
    assert list(policy.scan(b"")) == [(b"k", b"v")]
    assert list(scans[0]) == [(b"k", b"v")]


class Paged:
    """A store of the host that scans."""

    put = delete = staticmethod(lambda *args: None)
    get = staticmethod(lambda key: None)

    def __init__(self, page: Callable[[bytes | None], Any]) -> None:
        self.page = page

    def scan(self, prefix: bytes, after: bytes | None, limit: int) -> Any:
        return self.page(after)


PAGES: dict[str, Callable[[bytes | None], Any]] = {
    "a generator": lambda after: (pair for pair in []),
    "a dict": lambda after: {b"k": b"v"},
    "a key alone": lambda after: [b"k"],
    "three parts": lambda after: [(b"k", b"v", b"w")],
    "a text key": lambda after: [("k", b"v")],
    "a text value": lambda after: [(b"k", "v")],
    "none": lambda after: None,
    "out of the prefix": lambda after: [(b"a", b"v")],
    "twice": lambda after: [(b"k", b"v"), (b"k", b"v")],
    "the page again": lambda after: [(b"k", b"v")],
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_that_is_none_is_a_store_error(page: Callable[[bytes | None], Any]) -> None:
    with pytest.raises(StoreError, match="the store"):
        list(PolicyEngine(Paged(page)).scan(b"k"))


def test_pages_of_lists_tuples_and_buffers_are_taken() -> None:
    pages: dict[Any, Any] = {None: [[bytearray(b"k1"), memoryview(b"v")]], b"k1": ((b"k2", b"w"),), b"k2": ()}
    policy = PolicyEngine(Paged(lambda after: pages[after]))
    assert list(policy.scan(b"k")) == [(b"k1", b"v"), (b"k2", b"w")]


def test_a_store_that_cannot_scan() -> None:
    class Plain:
        put = get = delete = staticmethod(lambda *args: None)

    with pytest.raises(UsageError, match="cannot scan"):
        list(PolicyEngine(Plain()).scan(b""))


def test_bad_arguments_are_refused_at_the_call(filled: PolicyEngine) -> None:
    with pytest.raises(UsageError, match="the prefix is a `str`"):
        filled.scan("k")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="write `agent_id`"):
        filled.scan(b"k", {"agentId": "a"})
    assert entry_of(filled)["result"] == "error"


def test_the_hook_and_the_caller_get_the_same_objects(filled: PolicyEngine) -> None:
    seen: list[Any] = []
    filled.after_read("k/000", lambda key, value, context: seen.extend([key, value]))
    key, value = next(filled.scan(b"k/"))
    assert seen[0] is key and seen[1] is value


def test_a_strict_sink_that_fails_refuses_a_scan(filled: PolicyEngine) -> None:
    def fail(entry: Any, phase: Any) -> None:
        raise OSError("full")

    filled.add_audit_sink(fail, strict=True)
    with pytest.raises(PolicyViolation) as raised:
        next(filled.scan(b"k/"))
    assert raised.value.code == "audit_failed" and isinstance(raised.value.__cause__, OSError)
