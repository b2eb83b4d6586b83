"""Contexts that are said again share their work; they must never be taken for one another."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from checkrein import Database, PolicyAction, PolicyEngine, UsageError


def guarded() -> tuple[PolicyEngine, list[dict[str, object]]]:
    policy = PolicyEngine(Database.memory())
    seen: list[dict[str, object]] = []

    @policy.before_write("**")
    def note(key, value, context):
        seen.append(dict(context))
        return PolicyAction.ALLOW

    return policy, seen


def test_a_dict_that_changes_between_operations_is_read_anew():
    policy, seen = guarded()
    said: dict[str, object] = {"agent_id": "one"}
    for change in ({"agent_id": "two"}, {"tenant": 7}, {"tenant": True}, {"tenant": None}):
        policy.put(b"k", b"v", context=said)
        said.update(change)
    policy.put(b"k", b"v", context=said)
    assert seen == [
        {"agent_id": "one"},
        {"agent_id": "two"},
        {"agent_id": "two", "tenant": 7},
        {"agent_id": "two", "tenant": True},
        {"agent_id": "two"},
    ] and seen[3]["tenant"] is True


def test_a_bad_context_after_a_good_one_is_refused_each_time():
    policy, _ = guarded()
    said: dict[str, object] = {"agent_id": "one"}
    for _ in range(3):
        said.pop("agentId", None)
        policy.put(b"k", b"v", context=said)
        said["agentId"] = "one"
        with pytest.raises(UsageError, match="write `agent_id`"):
            policy.put(b"k", b"v", context=said)


def test_a_text_of_a_class_of_its_own_is_no_text_said_before():
    class Text(str):
        pass

    policy, seen = guarded()
    for agent in ("one", Text("two"), "one", Text("three")):
        policy.put(b"k", b"v", context={"agent_id": agent})
    assert [context["agent_id"] for context in seen] == ["one", "two", "one", "three"]


def test_the_audit_tells_a_thousand_agents_apart():
    policy, seen = guarded()
    policy.enable_audit(max_entries=10_000)
    agents = [f"agent_{n}" for n in range(1_000)]
    for agent in agents * 3:
        policy.put(b"k", b"v", context={"agent_id": agent})
    assert [entry["agent_id"] for entry in policy.get_audit_log(limit=10_000)] == agents * 3
    assert [context["agent_id"] for context in seen] == agents * 3


def test_threads_do_not_see_one_anothers_contexts():
    policy = PolicyEngine(Database.memory())
    wrong: list[object] = []

    @policy.before_write("**")
    def check(key, value, context):
        if context["agent_id"].encode() != value:
            wrong.append((value, dict(context)))

    def work(thread: int) -> None:
        contexts = [{"agent_id": f"agent_{thread}_{n}"} for n in range(300)]
        for context in contexts * 5:
            policy.put(b"k", context["agent_id"].encode(), context=context)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_engine_that_has_been_told_contexts_is_collected():
    policy, _ = guarded()
    policy.put(b"k", b"v", context={"agent_id": "one"})

    class Anchor:
        pass

    anchor = Anchor()
    gone = weakref.ref(anchor)
    policy.before_write("x", lambda key, value, context, anchor=anchor, policy=policy: None)
    del policy, anchor, _
    gc.collect()
    assert gone() is None
