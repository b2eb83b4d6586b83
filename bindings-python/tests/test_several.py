"""Batches, `get_many`, explanations, and the unguarded pages and batches of `Database`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checkrein import Database, PolicyAction, PolicyEngine, PolicyViolation, StoreError, UsageError
from checkrein.policy import deny_all, redact_value


def test_a_batch_is_judged_whole_before_any_of_it_is_done(policy: PolicyEngine) -> None:
    policy.before_write("system/*", deny_all)
    with pytest.raises(PolicyViolation) as raised:
        policy.batch([("put", b"users/a", b"1"), ("put", b"system/x", b"2")])
    assert raised.value.key == b"system/x" and policy.get(b"users/a") is None
    policy.batch([("put", b"users/a", b"1"), ["put", bytearray(b"users/b"), memoryview(b"2")], ("delete", b"users/a")])
    assert policy.get_many([b"users/a", b"users/b"]) == [None, b"2"]
    policy.batch([])
    policy.batch(iter([("put", b"users/c", b"3")]))
    assert policy.get(b"users/c") == b"3"


def test_hooks_see_the_very_objects_of_a_batch(policy: PolicyEngine) -> None:
    seen: list[Any] = []
    policy.before_write("*", lambda key, value, context: seen.append((key, value)))
    policy.before_delete("*", lambda key, value, context: seen.append((key, value)))
    policy.before_write("b", lambda *args: PolicyAction.modify(b"changed"))
    policy.after_write("*", lambda key, value, context: seen.append((key, value)))
    ops: Any = [("put", b"a", b"value a"), ("put", b"b", b"value b"), ("delete", b"c")]
    policy.batch(ops)
    assert seen == [(b"a", b"value a"), (b"b", b"value b"), (b"c", None), (b"a", b"value a"), (b"b", b"changed")]
    assert seen[0][1] is ops[0][2] and seen[1][0] is ops[1][1] and seen[3][1] is ops[0][2]


WRONG: dict[str, tuple[Any, str]] = {
    "a text": ("put", "the batch is a `str`"),
    "nothing": (None, "the batch is `None`"),
    "a dict": ({b"k": b"v"}, "the batch is a `dict`"),
    "a number": ([5], "operation 1 of the batch is an `int`"),
    "a put of two": ([("delete", b"k"), ("put", b"k")], "operation 2 of the batch is a put with 2 parts"),
    "a delete of three": ([("delete", b"k", b"v")], "a delete with 3 parts"),
    "another word": ([("get", b"k")], "neither a put nor a delete"),
    "no word": ([(b"put", b"k", b"v")], "without a word"),
    "a text key": ([("put", "k", b"v")], "the key is a `str`"),
    "a text value": ([("put", b"k", "v")], "the value is a `str`"),
}


@pytest.mark.parametrize(("ops", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_batch_is_refused_whole(policy: PolicyEngine, ops: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        policy.batch(ops)
    assert list(policy.scan(b"")) == []


def test_a_batch_with_a_wrong_value_is_in_the_audit(policy: PolicyEngine) -> None:
    with pytest.raises(UsageError):
        policy.batch([("put", b"a", b"1"), ("put", b"b", 5)])  # type: ignore[list-item]
    assert [(entry["key"], entry["result"]) for entry in policy.get_audit_log()] == [("a", "error"), ("b", "error")]


class Plain:
    """A store of the host without a batch, that fails at a key."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> None:
        if key == b"bad":
            raise OSError("full")
        self.data[key] = value

    def get(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    def delete(self, key: bytes) -> None:
        self.data.pop(key, None)


class Batching(Plain):
    def batch(self, ops: Any) -> None:
        assert ops == [("put", b"a", b"1"), ("delete", b"b")] and all(type(op) is tuple for op in ops)
        self.data[b"a"] = b"done"


def test_a_store_without_a_batch() -> None:
    policy = PolicyEngine(Plain())
    with pytest.raises(UsageError, match="no atomic batch"):
        policy.batch([("put", b"a", b"1")])
    policy.batch([("put", b"a", b"1"), ("delete", b"a"), ("put", b"b", b"2")], atomic=False)
    with pytest.raises(StoreError) as raised:
        policy.batch([("put", b"c", b"1"), ("put", b"bad", b"1"), ("put", b"d", b"1")], atomic=False)
    assert (raised.value.code, raised.value.applied) == ("store_partial", 1)
    assert isinstance(raised.value.__cause__, StoreError) and isinstance(raised.value.__cause__.__cause__, OSError)
    assert policy.get_many([b"b", b"c", b"d"]) == [b"2", b"1", None]


def test_a_store_with_a_batch() -> None:
    policy = PolicyEngine(Batching())
    policy.batch([("put", b"a", b"1"), ("delete", b"b")])
    assert policy.get(b"a") == b"done"


def test_get_many_redacts_hides_and_refuses_whole(policy: PolicyEngine) -> None:
    policy.batch([("put", b"k/%d" % n, b"v") for n in range(4)])
    policy.after_read("k/1", redact_value(b"***"))
    policy.after_read("k/2", deny_all)
    assert policy.get_many([b"k/0", b"k/1", b"k/2", b"k/3", b"none"]) == [b"v", b"***", None, b"v", None]
    policy.before_read("k/3", deny_all)
    with pytest.raises(PolicyViolation):
        policy.get_many([b"k/0", b"k/3"])
    assert policy.get_many([]) == []
    for keys, message in (("k", "the keys are a `str`"), ([5], "the key is an `int`"), (b"k", "the keys are a `bytes`")):
        with pytest.raises(UsageError, match=message):
            policy.get_many(keys)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at most 10000"):
        policy.get_many([b"k"] * 10_001)


def test_a_keyboard_interrupt_in_a_batch_goes_on_as_itself(policy: PolicyEngine) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    policy.before_write("b", interrupt)
    with pytest.raises(KeyboardInterrupt):
        policy.batch([("put", b"a", b"1"), ("put", b"b", b"1")])
    assert policy.get(b"a") is None
    assert [entry.get("reason") for entry in policy.get_audit_log(operation="write")] == ["abandoned", "abandoned"]


def test_an_explanation_runs_nothing_and_tells_what_would_be_asked(policy: PolicyEngine) -> None:
    def never(*args: Any) -> None:
        raise AssertionError

    policy.before_write("system/*", deny_all)
    policy.before_write("users/*", never)
    policy.add_rate_limit("write", max_per_hour=1)
    told = policy.explain("write", b"system/x", {"agent_id": "a"})
    assert (told["verdict"], told["rule"], told["mode"]) == ("denied", "before_write system/*", "enforce")
    assert told["hooks"][0]["kind"] == "deny_all" and told["limits"][0]["remaining"] == 1
    assert policy.explain("write", b"users/x")["verdict"] == "unknown"
    assert policy.explain("read", b"users/x")["verdict"] == "allowed"
    with pytest.raises(UsageError, match="write read, write or delete"):
        policy.explain("scan", b"k")  # type: ignore[arg-type]
    assert policy.get_audit_log() == []


def test_shadow_mode_and_required_context(caplog: pytest.LogCaptureFixture) -> None:
    policy = PolicyEngine(Database.memory(), mode="shadow", require_context=("agent_id",))
    policy.enable_audit()
    policy.before_write("*", deny_all)
    policy.put(b"k", b"v")
    assert policy.get_audit_log()[0]["result"] == "would_deny" and policy.get(b"k") == b"v"
    assert "shadow: write of `k` would be denied" in caplog.text
    policy = PolicyEngine(Database.memory(), require_context=["agent_id"])
    with pytest.raises(PolicyViolation) as raised:
        policy.put(b"k", b"v")
    assert raised.value.rule == "require_context"
    for wrong in ("agent_id", 5, [5]):
        with pytest.raises(UsageError, match="require_context"):
            PolicyEngine(Database.memory(), require_context=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_pages_and_batches_of_a_database(tmp_path: Path, kind: str) -> None:
    database = Database.memory() if kind == "memory" else Database.open(tmp_path / "data")
    database.batch([("put", b"k/%d" % n, b"%d" % n) for n in range(5)] + [("delete", b"k/3")])
    assert database.scan(b"k/", limit=2) == [(b"k/0", b"0"), (b"k/1", b"1")]
    assert database.scan(b"k/", b"k/1") == [(b"k/2", b"2"), (b"k/4", b"4")]
    assert database.scan(b"k/", b"k/4") == [] == database.scan(b"other")
    with pytest.raises(UsageError, match="limit"):
        database.scan(b"", limit=0)
    with pytest.raises(UsageError, match="neither a put"):
        database.batch([("put", b"new", b"v"), ("merge", b"k")])  # type: ignore[list-item]
    assert database.get(b"new") is None
    database.close()
