"""Stores of the user's, and what the engine makes of their replies."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import pytest

from checkrein import (
    ConfigError,
    Database,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    StoreError,
)


class DictStore:
    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> Any:
        self.data[key] = value

    def get(self, key: bytes) -> Any:
        return self.data.get(key)

    def delete(self, key: bytes) -> Any:
        self.data.pop(key, None)


def replying(method: str, reply: Any) -> PolicyEngine:
    store = DictStore()
    setattr(store, method, reply)
    policy = PolicyEngine(store)
    policy.enable_audit()
    return policy


def call(policy: PolicyEngine, method: str) -> Any:
    return policy.put(b"k", b"v") if method == "put" else getattr(policy, method)(b"k")


def test_a_store_of_the_users() -> None:
    store = DictStore()
    policy = PolicyEngine(store)
    policy.put(b"k", b"v")
    assert store.data == {b"k": b"v"} and policy.get(b"k") == b"v"
    policy.delete(b"k")
    assert policy.get(b"k") is None and store.data == {}


def test_the_store_gets_the_callers_objects_and_the_caller_the_stores() -> None:
    store = DictStore()
    policy = PolicyEngine(store)
    key, value = b"some key", b"some value"
    policy.put(key, value)
    assert next(iter(store.data)) is key and policy.get(key) is value


def test_what_hooks_changed_is_what_the_store_gets() -> None:
    store = DictStore()
    policy = PolicyEngine(store)
    policy.before_write("k", lambda *args: b"changed")
    policy.after_read("k", lambda *args: b"redacted")
    policy.put(b"k", b"v")
    assert store.data == {b"k": b"changed"} and policy.get(b"k") == b"redacted"


@pytest.mark.parametrize("missing", ["put", "get", "delete"])
def test_an_object_that_is_no_store_is_refused_with_what_it_lacks(missing: str) -> None:
    methods = {name: lambda self, *args: None for name in ("put", "get", "delete") if name != missing}
    with pytest.raises(ConfigError, match=f"an `Almost` is no store, it lacks `{missing}`"):
        PolicyEngine(type("Almost", (), methods)())
    with pytest.raises(ConfigError, match=f"lacks `{missing}`"):
        PolicyEngine(type("Almost", (), {**methods, missing: "no method"})())


@pytest.mark.parametrize("wrong", [None, 5, {}, "path"])
def test_what_is_no_store_at_all(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="no store"):
        PolicyEngine(wrong)


def test_a_class_is_no_store() -> None:
    with pytest.raises(ConfigError, match="instance"):
        PolicyEngine(DictStore)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["put", "get", "delete"])
def test_a_store_that_fails_is_the_cause(method: str) -> None:
    cause = OSError("a secret path")

    def fail(*args: Any) -> None:
        raise cause

    policy = replying(method, fail)
    with pytest.raises(StoreError) as caught:
        call(policy, method)
    assert caught.value.__cause__ is cause and caught.value.code == "store"
    entry = policy.get_audit_log()[0]
    assert entry["result"] == "error" and "applied" not in entry
    assert "OSError" in entry["reason"] and "secret" not in str(entry)


def test_our_own_errors_of_a_store_come_out_as_themselves() -> None:
    error = PolicyViolation("of an engine behind the store")

    def fail(*args: Any) -> None:
        raise error

    with pytest.raises(PolicyViolation) as caught:
        replying("put", fail).put(b"k", b"v")
    assert caught.value is error


def test_an_interrupt_in_a_store_leaves_it_unknown() -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    policy = replying("put", interrupt)
    with pytest.raises(KeyboardInterrupt):
        policy.put(b"k", b"v")
    assert policy.get_audit_log()[0]["result"] == "unknown"


@pytest.mark.parametrize("reply", [bytearray(b"v"), memoryview(b"v"), type("B", (bytes,), {})(b"v")])
def test_get_may_reply_with_anything_like_bytes(reply: Any) -> None:
    got = replying("get", lambda key: reply).get(b"k")
    assert got == b"v" and type(got) is bytes


@pytest.mark.parametrize(
    ("method", "reply", "named"),
    [
        ("get", "text", "a `str`"),
        ("get", 0, "an `int`"),
        ("get", True, "a `bool`"),
        ("put", False, "`False`"),
        ("put", "OK", "a `str`"),
        ("delete", "OK", "a `str`"),
        ("delete", b"v", "a `bytes`"),
    ],
)
def test_a_reply_that_is_none(method: str, reply: Any, named: str) -> None:
    with pytest.raises(StoreError, match=f"with {named}, which is no reply"):
        call(replying(method, lambda *args: reply), method)


@pytest.mark.parametrize(
    ("method", "reply"), [("put", True), ("delete", True), ("delete", False), ("delete", 2)]
)
def test_what_clients_acknowledge_with(method: str, reply: Any) -> None:
    assert call(replying(method, lambda *args: reply), method) is None


@pytest.mark.parametrize("method", ["put", "get", "delete"])
def test_an_async_store_is_an_error_and_leaves_no_warning(method: str) -> None:
    async def later(*args: Any) -> None:
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(StoreError, match="an awaitable"):
            call(replying(method, later), method)
        gc.collect()


def test_an_engine_may_stand_behind_an_engine() -> None:
    inner = PolicyEngine(Database.memory())
    inner.before_write("k", lambda *args: PolicyAction.deny("inner"))
    outer = PolicyEngine(inner)
    with pytest.raises(PolicyViolation) as caught:
        outer.put(b"k", b"v")
    assert caught.value.reason == "inner"
    outer.put(b"other", b"v")
    assert outer.get(b"other") == b"v"
