"""Hooks as Python writes them: registering, what they are shown, what they may answer."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import sys
import types
import warnings
from collections.abc import Mapping
from typing import Any

import pytest

from checkrein import (
    ConfigError,
    Database,
    HookHandle,
    PatternError,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    UsageError,
)

TRIGGERS = ["before_read", "after_read", "before_write", "after_write", "before_delete", "after_delete"]


def operate(policy: PolicyEngine, trigger: str, key: bytes = b"k", context: Any = None) -> Any:
    """Does the operation of a trigger."""
    kind = trigger.split("_")[1]
    if kind == "write":
        return policy.put(key, b"v", context)
    return policy.get(key, context) if kind == "read" else policy.delete(key, context)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_each_trigger_calls_its_hooks_with_key_value_and_context(trigger: str) -> None:
    db = Database.memory()
    policy = PolicyEngine(db)
    seen: list[tuple[Any, ...]] = []
    db.put(b"k", b"v")
    getattr(policy, trigger)("k", lambda *args: seen.append(args))
    operate(policy, trigger, context={"agent_id": "a", "flag": True, "n": 3, "absent": None})
    value = b"v" if trigger in ("after_read", "before_write", "after_write") else None
    assert seen == [(b"k", value, {"agent_id": "a", "flag": True, "n": 3})]
    assert type(seen[0][2]) is types.MappingProxyType


def test_a_decorator_returns_the_function_unchanged_and_a_call_returns_a_handle(policy: PolicyEngine) -> None:
    def hook(key: bytes, value: bytes | None, context: Mapping[str, object]) -> None:
        return None

    assert policy.before_write("a/*")(hook) is hook
    handle = policy.before_write("b/*", hook)
    assert isinstance(handle, HookHandle)
    assert handle.rule == "before_write b/*"
    assert policy.before_write(keys="c", hook=hook).remove()


def test_hooks_are_removed_by_handle_function_or_method(policy: PolicyEngine) -> None:
    class Guard:
        def check(self, key: bytes, value: bytes, context: Mapping[str, object]) -> PolicyAction:
            return PolicyAction.DENY

    guard, other = Guard(), Guard()
    policy.before_write("k", guard.check)
    assert not policy.remove(other.check)
    assert policy.remove(guard.check)
    assert not policy.remove(guard.check)

    handle = policy.before_write("k", guard.check)
    assert not PolicyEngine(Database.memory()).remove(handle), "the handle of another engine"
    assert policy.remove(handle) and not handle.remove()

    denied = functools.partial(lambda *args: PolicyAction.DENY)
    for trigger in TRIGGERS:
        getattr(policy, trigger)("k", denied)
    assert policy.remove(denied)
    policy.put(b"k", b"v")
    assert not policy.remove(len)

    told: list[Any] = []
    policy.before_write("k", told.append)  # type: ignore[call-overload]
    with pytest.raises(PolicyViolation):
        policy.put(b"k", b"v")
    assert policy.remove(told.append)  # type: ignore[arg-type]
    assert not policy.remove([].append)  # type: ignore[arg-type]


def test_what_is_no_hook_is_refused_when_it_is_registered(policy: PolicyEngine) -> None:
    for wrong in (None, 5, "hook"):
        with pytest.raises(ConfigError, match="cannot be called"):
            policy.before_write("k", wrong)  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="`keys` is `?a"):
        policy.before_write(b"k", lambda *args: None)  # type: ignore[call-overload]
    with pytest.raises(PatternError) as caught:
        policy.before_write("a**")
    assert (caught.value.pattern, caught.value.position) == ("a**", 1)
    policy.put(b"k", b"v")


@pytest.mark.parametrize("answer", [b"new", bytearray(b"new"), memoryview(b"new"), PolicyAction.modify(b"new")])
def test_anything_like_bytes_is_a_value(policy: PolicyEngine, answer: Any) -> None:
    policy.before_write("k", lambda *args: answer)
    policy.put(b"k", b"old")
    assert policy.get(b"k") == b"new"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("text", "a `str`"),
        (1, "an `int`"),
        (True, "a `bool`"),
        (PolicyAction, "a `type`"),
        ([], "a `list`"),
        (PolicyAction.MODIFY, "`MODIFY` without a value"),
    ],
)
def test_what_is_no_answer_refuses_and_is_named(policy: PolicyEngine, answer: Any, named: str) -> None:
    policy.before_write("k", lambda *args: answer)
    with pytest.raises(PolicyViolation) as caught:
        policy.put(b"k", b"v")
    assert caught.value.code == "hook_failed"
    assert named in caught.value.reason
    assert policy.get(b"k") is None
    assert policy.get_audit_log()[0]["result"] == "error"


def test_an_async_hook_refuses_and_leaves_no_warning(policy: PolicyEngine) -> None:
    async def hook(key: bytes, value: bytes, context: Mapping[str, object]) -> PolicyAction:
        return PolicyAction.ALLOW

    policy.before_write("k", hook)  # type: ignore[call-overload]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PolicyViolation, match="an awaitable"):
            policy.put(b"k", b"v")
        gc.collect()
    assert policy.get(b"k") is None


def test_the_very_objects_are_shown(policy: PolicyEngine) -> None:
    key, value, shown = b"some key", b"some value", []
    policy.before_write("*", lambda *args: shown.append(args))
    policy.put(key, value)
    assert shown[0][0] is key and shown[0][1] is value

    class Lying(bytes):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = bytes.__hash__

    policy.put(Lying(b"key"), Lying(b"value"))
    assert type(shown[1][0]) is bytes and type(shown[1][1]) is bytes

    buffer = bytearray(b"value")
    policy.before_write("change", lambda *args: buffer.clear())
    policy.put(b"change", buffer)
    assert policy.get(b"change") == b"value"


def test_hooks_see_what_the_hooks_before_left(policy: PolicyEngine) -> None:
    seen: list[bytes] = []

    def append(text: bytes) -> Any:
        return lambda key, value, context: seen.append(value) or value + text

    for text in (b"1", b"2", b"3"):
        policy.before_write("k", append(text))
        policy.after_read("k", append(text))
    policy.put(b"k", b"v")
    assert policy.get(b"k") == b"v123123"
    assert seen == [b"v", b"v1", b"v12", b"v123", b"v1231", b"v12312"]


def test_the_context_is_copied_and_read_only(policy: PolicyEngine) -> None:
    said: dict[str, Any] = {"agent_id": "a"}
    tried: list[type] = []

    @policy.before_write("k")
    def change(key: bytes, value: bytes, context: Any) -> None:
        said["agent_id"] = "admin"
        said["more"] = "yes"
        try:
            context["agent_id"] = "admin"
        except TypeError as error:
            tried.append(type(error))

    policy.before_write("k", lambda k, v, context: PolicyAction.deny("b") if "more" in context else None)
    policy.put(b"k", b"v", said)
    assert tried == [TypeError]
    assert policy.get_audit_log()[-1]["agent_id"] == "a"


def test_each_operation_shows_its_own_context(policy: PolicyEngine) -> None:
    seen: list[dict[str, Any]] = []
    policy.before_write("*", lambda key, value, context: seen.append(dict(context)))
    said: dict[str, Any] = {"agent_id": "a"}
    contexts: list[Any] = [
        said, said, {"agent_id": "b"}, said, {"agent_id": "a", "n": 1}, {"n": 1, "agent_id": "a"}, {"n": True},
        {"n": 1}, {}, said, {f"k{n}": n for n in range(6)}, said, {"agent_id": "".join("a")}, {"other": "a"},
    ]  # fmt: skip
    for context in contexts:
        policy.put(b"k", b"v", context)
    assert seen == contexts
    assert [type(s["n"]) for s in seen if "n" in s] == [int, int, bool, int]
    said["agent_id"] = "changed"
    policy.put(b"k", b"v", said)
    assert seen[-1] == {"agent_id": "changed"}


def test_hooks_added_and_removed_by_hooks_count_from_the_next_operation(policy: PolicyEngine) -> None:
    deny = lambda *args: PolicyAction.DENY  # noqa: E731

    @policy.before_write("k")
    def add(key: bytes, value: bytes, context: Mapping[str, object]) -> None:
        policy.before_write("k", deny)
        policy.remove(add)

    policy.put(b"k", b"v")
    with pytest.raises(PolicyViolation):
        policy.put(b"k", b"v")
    policy.remove(deny)
    policy.put(b"k", b"v")


def test_nesting_ends_at_sixteen(policy: PolicyEngine) -> None:
    depth = 0

    @policy.before_write("k")
    def again(key: bytes, value: bytes, context: Mapping[str, object]) -> None:
        nonlocal depth
        depth += 1
        policy.put(key, value, context)

    with pytest.raises(UsageError) as caught:
        policy.put(b"k", b"v")
    assert (caught.value.code, depth) == ("nesting_limit", 17)
    policy.remove(again)
    policy.put(b"k", b"v")


@pytest.mark.parametrize("key", [b"", b"k" * (1 << 16), b"\xff\xfe", b"a\nb", b"a\0b", "ключ".encode()])
def test_keys_of_every_kind_are_guarded(policy: PolicyEngine, key: bytes) -> None:
    policy.put(key, b"v")
    assert policy.get(bytearray(key)) == b"v"
    policy.delete(memoryview(key))
    assert policy.get(key) is None
    policy.before_write("**", lambda *args: PolicyAction.DENY)
    with pytest.raises(PolicyViolation) as caught:
        policy.put(key, b"v")
    assert caught.value.key == key


def test_a_key_too_long_is_refused(policy: PolicyEngine) -> None:
    with pytest.raises(UsageError):
        policy.put(b"k" * ((1 << 20) + 1), b"v")


@pytest.mark.parametrize("wrong", ["text", 5, None, [1], object()])
def test_keys_and_values_are_bytes(policy: PolicyEngine, wrong: Any) -> None:
    for call in (policy.get, policy.delete, lambda key: policy.put(key, b"v"), lambda v: policy.put(b"k", v)):
        with pytest.raises(UsageError, match="encode" if wrong == "text" else "not bytes"):
            call(wrong)
    assert policy.get(b"k") is None
    refused, read = policy.get_audit_log()
    assert (refused["key"], refused["result"], refused["applied"]) == ("k", "error", False)
    assert read["result"] == "allowed"


def test_actions_compare_print_copy_and_pickle() -> None:
    actions = [PolicyAction.ALLOW, PolicyAction.DENY, PolicyAction.LOG, PolicyAction.MODIFY]
    actions += [PolicyAction.deny("why"), PolicyAction.modify(b"v")]
    assert len(set(actions)) == 6
    for action in actions:
        again = pickle.loads(pickle.dumps(action))
        assert again == action == copy.deepcopy(action) and hash(again) == hash(action)
        assert action != "deny"
    assert repr(PolicyAction.DENY) == "PolicyAction.DENY"
    assert repr(PolicyAction.deny("why")) == "PolicyAction.deny('why')"
    assert "secret" not in repr(PolicyAction.modify(b"secret"))
    assert (actions[4].kind, actions[4].reason, actions[5].value) == ("deny", "why", b"v")
    with pytest.raises(UsageError):
        PolicyAction.modify("text")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        PolicyAction.deny(b"why")  # type: ignore[arg-type]


def test_calling_leaves_no_references_behind(policy: PolicyEngine) -> None:
    key, value, context = b"a key", b"a value", {"agent_id": "an agent"}
    policy.before_write("*", lambda key, value, context: value)
    policy.put(key, value, context)
    before = [sys.getrefcount(thing) for thing in (key, value, context)]
    for _ in range(100):
        policy.put(key, value, context)
        policy.get(key, context)
    assert [sys.getrefcount(thing) for thing in (key, value, context)] == before
