"""The error family: classes, codes, causes, and what goes through untouched."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import Any

import pytest

import checkrein
from checkrein import (
    CheckreinError,
    ConfigError,
    Database,
    ManualClock,
    PatternError,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
    UsageError,
    _native,
    errors,
    policy as policy_module,
)

# The word, number and class of every code, equal in all languages.
CODES = (
    ("denied", 1, "PolicyViolation"),
    ("hook_failed", 2, "PolicyViolation"),
    ("rate_limited", 3, "RateLimitExceeded"),
    ("abandoned", 6, "PolicyViolation"),
    ("audit_failed", 7, "PolicyViolation"),
    ("pattern", 20, "PatternError"),
    ("config", 30, "ConfigError"),
    ("store", 40, "StoreError"),
    ("store_locked", 41, "StoreError"),
    ("store_damaged", 42, "StoreError"),
    ("store_full", 43, "StoreError"),
    ("store_closed", 44, "StoreError"),
    ("store_partial", 45, "StoreError"),
    ("usage", 50, "UsageError"),
    ("nesting_limit", 51, "UsageError"),
    ("open_limit", 52, "UsageError"),
    ("internal", 90, "CheckreinError"),
)


def raising(error: BaseException) -> Any:
    def hook(*args: Any) -> Any:
        raise error

    return hook


def test_every_code_of_the_core_is_known() -> None:
    assert _native._codes() == CODES
    for _, _, name in CODES:
        error = getattr(checkrein, name)
        assert error is getattr(errors, name) and issubclass(error, CheckreinError)
    assert issubclass(RateLimitExceeded, PolicyViolation)
    assert policy_module.PolicyViolation is PolicyViolation
    assert not issubclass(StoreError, PolicyViolation)


def test_a_violation_is_made_of_a_reason_and_has_defaults() -> None:
    error = PolicyViolation("not today")
    assert (str(error), error.reason, error.code, error.args) == ("not today", "not today", "denied", ("not today",))
    assert (error.rule, error.operation, error.key, error.applied) == (None, None, None, False)
    assert RateLimitExceeded("later").code == "rate_limited"


def test_a_refusal_says_what_by_what_and_why(policy: PolicyEngine) -> None:
    policy.before_write("system/*", lambda *args: PolicyAction.deny("not for agents"))
    with pytest.raises(PolicyViolation) as caught:
        policy.put(b"system/\xff", b"v")
    error = caught.value
    assert (error.reason, error.rule, error.operation) == ("not for agents", "before_write system/*", "write")
    assert (error.key, error.code, error.applied, error.__cause__) == (b"system/\xff", "denied", False, None)
    assert str(error) == error.message
    assert "not for agents" in str(error) and "system/" in str(error)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_are_copied_and_pickled_whole(policy: PolicyEngine, make: Any) -> None:
    caught: list[CheckreinError] = [
        StoreError("lost", code="store_full"),
        ConfigError("no"),
        CheckreinError("fault"),
        PolicyViolation("why", key=b"k"),
    ]
    policy.before_write("k", lambda *args: PolicyAction.DENY)
    policy.add_rate_limit("read", max_per_minute=1)
    policy.get(b"k")
    calls: list[Any] = [
        lambda: policy.put(b"k", b"v"),
        lambda: policy.get(b"k"),
        lambda: policy.before_write("a**"),
        lambda: policy.put("k", b"v"),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(CheckreinError) as raised:
            call()
        caught.append(raised.value)
    for error in caught:
        again = make(error)
        assert type(again) is type(error) and str(again) == str(error)
        assert vars(again) == vars(error) and again.args == error.args


def test_a_foreign_exception_becomes_the_cause(policy: PolicyEngine) -> None:
    cause = ValueError("a secret")
    policy.before_write("k", raising(cause))
    with pytest.raises(PolicyViolation) as caught:
        policy.put(b"k", b"v")
    assert caught.value.__cause__ is cause
    assert caught.value.code == "hook_failed"
    assert "ValueError" in caught.value.reason and "secret" not in str(caught.value)
    assert "secret" not in str(policy.get_audit_log())


@pytest.mark.parametrize(
    "error",
    [
        PolicyViolation("mine"),
        RateLimitExceeded("slow", retry_after=1.0, retry_after_ns=10**9),
        UsageError("wrong"),
        ConfigError("c"),
        PatternError("p", pattern="x"),
        StoreError("s", code="store_full"),
        CheckreinError("internal"),
        type("Mine", (PolicyViolation,), {})("subclass"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_our_own_errors_come_out_as_the_same_object(policy: PolicyEngine, error: CheckreinError) -> None:
    policy.before_write("k", raising(error))
    with pytest.raises(CheckreinError) as caught:
        policy.put(b"k", b"v")
    assert caught.value is error
    entry = policy.get_audit_log()[0]
    assert entry["result"] == ("denied" if isinstance(error, PolicyViolation) else "error")
    assert entry["rule"] == "before_write k"


def test_an_error_with_odd_attributes_is_no_way_past(policy: PolicyEngine) -> None:
    class Odd(PolicyViolation):
        def __init__(self) -> None:
            pass

        def __str__(self) -> str:
            raise RuntimeError("odd")

        @property
        def reason(self) -> str:  # type: ignore[override]
            raise RuntimeError("odd")

    error = Odd()
    policy.before_write("k", raising(error))
    with pytest.raises(Odd) as caught:
        policy.put(b"k", b"v")
    assert caught.value is error
    assert policy.get(b"k") is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("trigger", ["before_write", "after_write"])
def test_what_is_no_ordinary_error_goes_on_as_itself(
    policy: PolicyEngine, error: BaseException, trigger: str
) -> None:
    getattr(policy, trigger)("k", raising(error))
    with pytest.raises(type(error)) as caught:
        policy.put(b"k", b"v")
    assert caught.value is error
    entry = policy.get_audit_log()[0]
    before = trigger == "before_write"
    assert (entry["result"], entry["reason"]) == ("denied" if before else "unknown", "abandoned")
    assert policy.get(b"k") == (None if before else b"v")


def test_after_a_change_an_error_says_so(policy: PolicyEngine) -> None:
    own = PolicyViolation("too late")
    policy.after_write("own", raising(own))
    policy.after_delete("deny", lambda *args: PolicyAction.DENY)
    with pytest.raises(PolicyViolation) as caught:
        policy.put(b"own", b"v")
    assert caught.value.applied and caught.value.__cause__ is own
    with pytest.raises(PolicyViolation) as caught:
        policy.delete(b"deny")
    assert caught.value.applied and caught.value.code == "hook_failed"


def test_retry_after_is_never_too_early(clock: ManualClock) -> None:
    for rate in (1, 3, 7, 19, 59, 61, 997):
        policy = PolicyEngine(Database.memory(), clock=clock)
        policy.add_rate_limit("write", max_per_minute=rate, burst=1)
        policy.put(b"k", b"v")
        with pytest.raises(RateLimitExceeded) as caught:
            policy.put(b"k", b"v")
        error = caught.value
        numerator, denominator = error.retry_after.as_integer_ratio()
        assert numerator * 10**9 >= error.retry_after_ns * denominator
        assert (error.scope, error.code) == ("global", "rate_limited") and "minute" in error.limit
        clock.advance_ns(error.retry_after_ns - 1)
        with pytest.raises(RateLimitExceeded) as caught:
            policy.put(b"k", b"v")
        assert caught.value.retry_after_ns == 1
        clock.advance(caught.value.retry_after)
        policy.put(b"k", b"v")


def test_a_panic_is_an_error_of_ours() -> None:
    with pytest.raises(CheckreinError) as caught:
        _native._provoke_panic()
    assert type(caught.value) is CheckreinError
    assert caught.value.code == "internal" and "provoked" in str(caught.value)
