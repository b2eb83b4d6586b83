"""Rate limits, the audit, the clock and the context, as Python gives and gets them."""

from __future__ import annotations

import collections
import enum
import json
import logging
import types
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from checkrein import (
    ConfigError,
    Database,
    ManualClock,
    PatternError,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    UsageError,
)


def test_limits_and_their_status(policy: PolicyEngine, clock: ManualClock) -> None:
    policy.add_rate_limit("write", max_per_minute=2, scope="agent_id")
    policy.add_rate_limit("all", max_per_second=10)
    alice = {"agent_id": "alice"}
    policy.put(b"k", b"v", alice)
    mine, everybody = policy.rate_limit_status("write", alice)
    assert (mine["scope"], mine["capacity"], mine["remaining"]) == ("agent_id", 2, 1)
    assert (everybody["operation"], everybody["remaining"], everybody["retry_after"]) == ("all", 9, 0.0)
    policy.put(b"k", b"v", alice)
    with pytest.raises(RateLimitExceeded) as caught:
        policy.put(b"k", b"v", alice)
    assert caught.value.scope == "agent_id" and caught.value.retry_after == 30.0
    policy.put(b"k", b"v", {"agent_id": "bob"})
    clock.advance(30)
    policy.put(b"k", b"v", alice)
    assert policy.get_audit_log(result="rate_limited")[0]["agent_id"] == "alice"


@pytest.mark.parametrize(
    ("operation", "options", "named"),
    [
        ("write", {}, "max_per_second"),
        ("write", {"max_per_minute": 1, "max_per_hour": 1}, "several"),
        ("write", {"max_per_minute": 0}, "is 0"),
        ("write", {"max_per_minute": 1 << 70}, "at most"),
        ("writes", {"max_per_minute": 1}, "writes"),
        ("action", {"max_per_minute": 1}, "action"),
        ("write", {"max_per_minute": 1, "count": "all"}, "count"),
        ("write", {"max_per_minute": 1, "scope": "agentId"}, "agent_id"),
    ],
)
def test_limits_that_cannot_be(policy: PolicyEngine, operation: Any, options: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        policy.add_rate_limit(operation, **options)
    policy.put(b"k", b"v")


@pytest.mark.parametrize("wrong", [1.5, "1", True, -1])
def test_limits_are_whole_numbers(policy: PolicyEngine, wrong: Any) -> None:
    with pytest.raises(UsageError, match="max_per_minute"):
        policy.add_rate_limit("write", max_per_minute=wrong)


def test_audit_entries_are_plain_maps(policy: PolicyEngine) -> None:
    policy.before_write("no/*", lambda *args: PolicyAction.deny("why"))
    policy.put("ключ/\\".encode(), b"a secret", {"agent_id": "a", "session_id": 7})
    with pytest.raises(PolicyViolation):
        policy.put(b"no/\xff", b"a secret")
    first, second = policy.get_audit_log()
    assert json.loads(json.dumps([first, second])) == [first, second]
    assert list(first)[:4] == ["sequence", "timestamp", "timestamp_ns", "operation_id"]
    assert (first["key"], first["result"], first["session_id"]) == ("ключ/\\x5c", "allowed", "7")
    assert "reason" not in first and "rule" not in first
    assert (second["key"], second["rule"], second["reason"]) == ("no/\\xff", "before_write no/*", "why")
    assert first["timestamp"] == "2023-11-14T22:13:20.000000Z"
    assert "secret" not in str([first, second])


def test_audit_filters(policy: PolicyEngine, clock: ManualClock) -> None:
    start = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    for n in range(4):
        policy.put(f"k/{n}".encode(), b"v", {"agent_id": f"a{n % 2}", "session_id": "s"})
        clock.advance(1)
    policy.get(b"k/0")

    def keys(**wanted: Any) -> list[str]:
        return [entry["key"] for entry in policy.get_audit_log(**wanted)]

    assert keys(limit=2) == ["k/3", "k/0"]
    assert keys(agent_id="a1", limit=1) == ["k/3"]
    assert keys(session_id="s", keys="k/[12]") == ["k/1", "k/2"]
    assert keys(operation="read", result="allowed") == ["k/0"]
    moment = start + timedelta(seconds=3)
    eastern = moment.astimezone(timezone(timedelta(hours=3)))
    assert keys(since=moment) == keys(since=eastern) == keys(since=1_700_000_003 * 10**9) == ["k/3", "k/0"]
    assert keys(since=datetime(1960, 1, 1, tzinfo=timezone.utc), limit=0) == []
    for wrong in ({"operation": "put"}, {"result": "ok"}, {"since": 1.5}, {"since": datetime(2023, 1, 1)},
                  {"limit": "1"}, {"limit": -1}, {"agent_id": 5}):  # fmt: skip
        with pytest.raises(UsageError):
            keys(**wrong)
    with pytest.raises(PatternError):
        keys(keys="a**")
    policy.disable_audit()
    with pytest.raises(UsageError, match="enable_audit"):
        keys()
    with pytest.raises(ConfigError):
        policy.enable_audit(0)


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(5)
    assert (clock.wall_ns, clock.monotonic_ns) == (5, 0)
    clock.advance(1)
    clock.advance(0.5)
    clock.advance_ns(7)
    clock.set_wall_ns(1)
    assert (clock.wall_ns, clock.monotonic_ns) == (1, 1_500_000_007)
    for wrong in (-1, -0.5, float("nan"), float("inf"), "1", True, 1 << 64):
        with pytest.raises(UsageError):
            clock.advance(wrong)  # type: ignore[arg-type]
    assert clock.monotonic_ns == 1_500_000_007
    with pytest.raises(ConfigError, match="ManualClock"):
        PolicyEngine(Database.memory(), clock=lambda: 0)  # type: ignore[arg-type]


class Role(str, enum.Enum):
    ADMIN = "admin"


@pytest.mark.parametrize(
    "said",
    [
        {"agent_id": "a", "n": 1, "flag": True, "absent": None},
        types.MappingProxyType({"agent_id": "a", "n": 1, "flag": True}),
        collections.ChainMap({"agent_id": "a"}, {"n": 1, "flag": True}),
        collections.OrderedDict(agent_id="a", n=1, flag=True),
    ],
)
def test_a_context_is_any_mapping(policy: PolicyEngine, said: Any) -> None:
    seen: list[Any] = []
    policy.before_write("k", lambda key, value, context: seen.append(dict(context)))
    policy.put(b"k", b"v", said)
    assert seen == [{"agent_id": "a", "n": 1, "flag": True}]
    assert type(seen[0]["flag"]) is bool


def test_hooks_get_an_empty_context_and_never_none(policy: PolicyEngine) -> None:
    seen: list[Any] = []
    policy.before_write("k", lambda key, value, context: seen.append(context))
    policy.put(b"k", b"v")
    policy.put(b"k", b"v", {})
    policy.put(b"k", b"v", {"absent": None})
    policy.put(b"k", b"v", {"role": Role.ADMIN})
    assert seen == [{}, {}, {}, {"role": "admin"}]
    assert type(seen[3]["role"]) is str


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("text", "not a mapping"),
        ([("a", 1)], "not a mapping"),
        ({1: "a"}, "not a `str`"),
        ({"a": 1.5}, "a `float`"),
        ({"a": b"x"}, "a `bytes`"),
        ({"a": [1]}, "a `list`"),
        ({"a": 1 << 63}, "64 bits"),
        ({"agentId": "a"}, "write `agent_id`"),
        ({"": "a"}, "1 to 256"),
        ({"a": "\ud800"}, "surrogate"),
    ],
)
def test_a_context_that_cannot_be(policy: PolicyEngine, said: Any, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        policy.put(b"k", b"v", said)
    assert policy.get_audit_log()[0]["result"] == "error"
    assert policy.get(b"k") is None


def test_a_mapping_that_fails(policy: PolicyEngine) -> None:
    class Failing(collections.UserDict[str, str]):
        def items(self) -> Any:
            raise LookupError("mine")

    with pytest.raises(LookupError):
        policy.put(b"k", b"v", Failing())
    assert policy.get_audit_log()[0]["result"] == "error"


def test_an_engine_without_any_rule_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    policy = PolicyEngine(Database.memory())
    policy.put(b"k", b"v")
    policy.put(b"k", b"v")
    assert [(r.name, r.levelname) for r in caplog.records] == [("checkrein", "WARNING")]


def test_the_warning_is_never_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(logging.getLogger("checkrein"), "warning", fail)
    policy = PolicyEngine(Database.memory())
    policy.put(b"k", b"v")
    assert policy.get(b"k") == b"v"
