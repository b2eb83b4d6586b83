"""The ambient context: merged, per thread and task, carried along."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import checkrein
from checkrein import PolicyEngine, UsageError


@pytest.fixture
def seen(policy: PolicyEngine) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    policy.before_write("**", lambda key, value, context: told.append(dict(context)))
    return told


def test_it_is_said_for_every_operation_inside(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    with checkrein.context(agent_id="a", run=3):
        policy.put(b"k", b"v")
        policy.batch([("put", b"k", b"v")])
        assert policy.explain("write", b"k")["verdict"] == "unknown"
    policy.put(b"k", b"v")
    assert seen == [{"agent_id": "a", "run": 3}] * 2 + [{}]
    assert [entry.get("agent_id") for entry in policy.get_audit_log()] == ["a", "a", None]


def test_inner_ones_add_and_what_is_given_wins(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    with checkrein.context(agent_id="a", tenant="t"):
        with checkrein.context(agent_id="b", session_id="s", tenant=None):
            policy.put(b"k", b"v")
            policy.put(b"k", b"v", {"agent_id": "c", "session_id": None, "more": True})
        policy.put(b"k", b"v", {})
    assert seen == [
        {"agent_id": "b", "tenant": "t", "session_id": "s"},
        {"agent_id": "c", "tenant": "t", "session_id": "s", "more": True},
        {"agent_id": "a", "tenant": "t"},
    ]


def test_what_cannot_be_is_an_error_where_it_is_said(policy: PolicyEngine) -> None:
    with pytest.raises(UsageError, match="write `agent_id`"):
        checkrein.context(agentId="a")
    with pytest.raises(UsageError, match="is a `float`"):
        checkrein.context(share=0.5)  # type: ignore[arg-type]
    with checkrein.context(agent_id="a"):
        for wrong in (5, {5: "a"}, {"share": 0.5}):
            with pytest.raises(UsageError):
                policy.put(b"k", b"v", wrong)  # type: ignore[arg-type]
    assert policy.get(b"k") is None


def test_scans_keep_what_was_ambient_when_they_began(policy: PolicyEngine) -> None:
    policy.put(b"k", b"v")
    seen: list[Any] = []
    policy.after_read("**", lambda key, value, context: seen.append(context.get("agent_id")))
    with checkrein.context(agent_id="a"):
        scan = policy.scan(b"")
    list(scan)
    assert seen == ["a"]


def test_a_plain_thread_starts_with_none_and_carry_takes_it_along(
    policy: PolicyEngine, seen: list[dict[str, Any]]
) -> None:
    def put(key: bytes) -> str:
        """Puts."""
        policy.put(key, b"v")
        return "done"

    with checkrein.context(agent_id="a"), ThreadPoolExecutor(1) as pool:
        carried = checkrein.carry(put)
        assert pool.submit(put, b"k").result() == "done"
        assert pool.submit(carried, b"k").result() == "done"
        assert pool.submit(put, b"k").result() == "done"
    assert (carried.__name__, carried.__doc__) == ("put", "Puts.")
    with checkrein.context(agent_id="b"):
        carried(b"k")
        put(b"k")
    assert [context.get("agent_id") for context in seen] == [None, "a", None, "a", "b"]


def test_carry_of_nothing_says_nothing(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    carried = checkrein.carry(functools.partial(policy.put, b"k"))
    with checkrein.context(agent_id="a"):
        carried(b"v")
    assert seen == [{}]


def test_carry_of_async_functions(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    async def put() -> None:
        await asyncio.sleep(0)
        policy.put(b"k", b"v")

    class Job:
        async def __call__(self) -> None:
            await put()

    with checkrein.context(agent_id="a"):
        jobs = [checkrein.carry(put), checkrein.carry(lambda: put()), checkrein.carry(Job())]
        assert asyncio.iscoroutinefunction(jobs[0])

    async def main() -> None:
        with checkrein.context(agent_id="b"):
            for job in jobs:
                await job()
            await asyncio.gather(jobs[0](), put())
        await jobs[0]()
        policy.put(b"k", b"v")

    asyncio.run(main())
    agents = [context.get("agent_id") for context in seen]
    assert agents[:3] == ["a", "a", "a"] and set(agents[3:5]) == {"a", "b"} and agents[5:] == ["a", None]


def test_tasks_do_not_see_one_another(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    async def act(agent: str, mine: asyncio.Event, other: asyncio.Event) -> None:
        with checkrein.context(agent_id=agent):
            mine.set()
            await other.wait()
            policy.put(agent.encode(), b"v")

    async def main() -> None:
        one, two = asyncio.Event(), asyncio.Event()
        await asyncio.gather(act("a", one, two), act("b", two, one))

    asyncio.run(main())
    assert {entry["key"]: entry["agent_id"] for entry in policy.get_audit_log()} == {"a": "a", "b": "b"}


def test_left_in_another_context_than_it_was_entered_in(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    def dependency() -> Iterator[None]:
        with checkrein.context(agent_id="a"):
            yield

    generator = dependency()
    contextvars.copy_context().run(next, generator)
    contextvars.copy_context().run(next, generator, None)
    policy.put(b"k", b"v")
    assert seen == [{}]


def test_left_in_another_order_than_they_were_entered_in(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    def dependency(**said: Any) -> Iterator[None]:
        with checkrein.context(**said):
            yield

    with checkrein.context(tenant="t"):
        one, two = dependency(agent_id="a", run=1), dependency(agent_id="b")
        next(one)
        next(two)
        policy.put(b"k", b"v")
        one.close()
        policy.put(b"k", b"v")
        two.close()
        policy.put(b"k", b"v")
    policy.put(b"k", b"v")
    assert seen == [{"tenant": "t", "agent_id": "b", "run": 1}, {"tenant": "t", "agent_id": "b"}, {"tenant": "t"}, {}]


def test_a_context_inside_what_was_carried(policy: PolicyEngine, seen: list[dict[str, Any]]) -> None:
    def work() -> None:
        with checkrein.context(run=1):
            policy.put(b"k", b"v")
        policy.put(b"k", b"v")

    with checkrein.context(agent_id="a"):
        carried = checkrein.carry(work)
    with checkrein.context(agent_id="b"):
        carried()
        policy.put(b"k", b"v")
    assert seen == [{"agent_id": "a", "run": 1}, {"agent_id": "a"}, {"agent_id": "b"}]


def test_one_object_in_many_threads(policy: PolicyEngine) -> None:
    said, go = checkrein.context(run=1), threading.Barrier(4)
    seen: list[Any] = []
    policy.before_write("**", lambda key, value, context: seen.append((context["agent_id"], context["run"])))

    def act(agent: str) -> None:
        with checkrein.context(agent_id=agent), said:
            go.wait()
            policy.put(b"k", b"v")
            go.wait()

    threads = [threading.Thread(target=act, args=(f"a{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(f"a{n}", 1) for n in range(4)]


def test_carry_refuses_generators_and_what_is_no_function() -> None:
    def generator() -> Iterator[int]:
        yield 1

    async def agenerator() -> Any:
        yield 1

    for wrong in (generator, agenerator):
        with pytest.raises(UsageError, match="inside it"):
            checkrein.carry(wrong)
    with pytest.raises(UsageError, match="takes a function"):
        checkrein.carry(5)  # type: ignore[type-var]


def test_a_program_without_one_does_not_look_for_it() -> None:
    program = """
import contextvars, checkrein
policy = checkrein.PolicyEngine(checkrein.Database.memory())
policy.put(b"k", b"v", {"agent_id": "a"})
assert checkrein.ambient._ambient not in contextvars.copy_context()
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
