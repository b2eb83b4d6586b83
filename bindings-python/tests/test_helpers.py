"""The ready-made hooks: registered, removed, and called by hand."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from checkrein import ConfigError, PolicyAction, PolicyEngine, PolicyViolation, UsageError
from checkrein.policy import allow_all, deny_all, log_and_allow, redact_value, require_agent_id


def test_helpers_are_decided_in_the_core(policy: PolicyEngine) -> None:
    policy.before_write("readonly/*", deny_all)
    policy.before_write("open/*", allow_all)
    policy.before_write("agents/*", require_agent_id)
    policy.after_read("secrets/*", redact_value(b"[REDACTED]"))
    with pytest.raises(PolicyViolation):
        policy.put(b"readonly/k", b"v")
    policy.put(b"open/k", b"v")
    for said in (None, {}, {"agent_id": ""}, {"agent_id": None}):
        with pytest.raises(PolicyViolation, match="agent_id"):
            policy.put(b"agents/k", b"v", said)
    policy.put(b"agents/k", b"v", {"agent_id": "a"})
    policy.put(b"secrets/k", b"v")
    assert policy.get(b"secrets/k") == b"[REDACTED]"
    assert policy.remove(deny_all)
    policy.put(b"readonly/k", b"v")


def test_helpers_can_be_called_by_hand() -> None:
    assert deny_all(b"k", b"v", {}).kind == "deny"
    assert allow_all(b"k", None, None) == PolicyAction.ALLOW
    assert require_agent_id(b"k", b"v", {"agent_id": "a"}) == PolicyAction.ALLOW
    assert "agent_id" in (require_agent_id(b"k", b"v", {}).reason or "")
    assert redact_value(b"x")(b"k", b"v", {}) == PolicyAction.modify(b"x")
    assert redact_value(bytearray(b"x")).replacement == b"x"
    told: list[str] = []
    assert log_and_allow(told.append)(b"k\xff", b"a secret", {"agent_id": "a"}) == PolicyAction.LOG
    assert len(told) == 1 and "k\\xff" in told[0] and "`a`" in told[0] and "secret" not in told[0]


def test_a_helper_that_can_mean_nothing_is_refused(policy: PolicyEngine) -> None:
    for trigger, helper in (("before_delete", redact_value(b"x")), ("after_write", deny_all)):
        with pytest.raises(ConfigError, match="can mean nothing"):
            getattr(policy, trigger)("k", helper)
        with pytest.raises(ConfigError, match="can mean nothing"):
            getattr(policy, trigger)("k")(helper)
    with pytest.raises(UsageError):
        redact_value("text")  # type: ignore[arg-type]


def test_log_and_allow_tells_loggers_and_functions(
    policy: PolicyEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told: list[str] = []
    tell = log_and_allow(told.append)
    policy.before_write("k", log_and_allow())
    policy.before_write("k", log_and_allow(logging.getLogger("mine")))
    policy.before_write("k", log_and_allow(logging.LoggerAdapter(logging.getLogger("adapted"), {})))
    policy.before_write("k", tell)
    policy.put(b"k", b"a secret", {"agent_id": "100%s"})
    sentence = "before_write `k` by agent `100%s`"
    assert told == [sentence]
    assert [(r.name, r.getMessage()) for r in caplog.records] == [
        (name, sentence) for name in ("checkrein", "mine", "adapted")
    ]
    assert policy.get_audit_log()[0]["logged"] is True
    assert policy.remove(tell)


def test_a_logger_that_fails_refuses(policy: PolicyEngine) -> None:
    cause = OSError("disk full")

    def fail(message: str) -> None:
        raise cause

    policy.before_write("k", log_and_allow(fail))
    with pytest.raises(PolicyViolation) as caught:
        policy.put(b"k", b"v")
    assert caught.value.__cause__ is cause and policy.get(b"k") is None


@pytest.mark.parametrize("wrong", [5, "checkrein", b""])
def test_what_is_no_logger(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="logging.Logger"):
        log_and_allow(wrong)
