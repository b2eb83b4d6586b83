"""Who is told beside the audit's ring (callbacks, sinks, files), and policy documents."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import checkrein
from checkrein import (
    CheckreinError,
    ConfigError,
    Database,
    ListenerHandle,
    PolicyDocument,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
    UsageError,
)
from checkrein.policy import deny_all, log_and_allow

KEY = b"sixteen or more!"


def refused(policy: PolicyEngine, key: bytes) -> PolicyViolation:
    with pytest.raises(PolicyViolation) as raised:
        policy.put(key, b"v")
    return raised.value


def test_on_denied_in_three_ways(policy: PolicyEngine) -> None:
    told: list[Any] = []
    policy.before_write("no", deny_all)
    handle = policy.on_denied(told.append)

    @policy.on_denied
    def first(error: PolicyViolation) -> None:
        told.append("first")

    @policy.on_denied()
    def second(error: PolicyViolation) -> None:
        told.append("second")

    error = refused(policy, b"no")
    assert isinstance(told[0], PolicyViolation) and told[0].code == "denied" and told[0].key == error.key
    assert told[1:] == ["first", "second"]
    assert isinstance(first, ListenerHandle) and callable(first) and not isinstance(second, ListenerHandle)
    first(error)  # type: ignore[operator]
    assert told.pop() == "first"
    assert policy.remove(second) and not policy.remove(second)
    assert first.remove() and not policy.remove(first)
    assert handle.remove()
    del told[:]
    refused(policy, b"no")
    assert told == []
    with pytest.raises(ConfigError, match="cannot be called"):
        policy.on_denied(5)  # type: ignore[call-overload]


def test_a_callback_that_fails_is_logged_and_one_that_is_async_too(
    policy: PolicyEngine, caplog: pytest.LogCaptureFixture
) -> None:
    async def later(error: Any) -> None:
        raise AssertionError

    def fail(error: Any) -> None:
        raise OSError("secret")

    policy.before_write("no", deny_all)
    policy.on_denied(fail)
    policy.on_denied(later)
    assert refused(policy, b"no").code == "denied"
    assert "failed with `OSError`" in caplog.text and "failed with `coroutine`" in caplog.text
    assert "secret" not in caplog.text


def interrupt(*args: Any) -> None:
    raise KeyboardInterrupt


def test_keyboard_interrupts_in_callbacks_and_sinks_go_on_as_themselves(policy: PolicyEngine) -> None:
    policy.before_write("no", deny_all)
    handle = policy.on_denied(interrupt)
    with pytest.raises(KeyboardInterrupt):
        policy.put(b"no", b"v")
    handle.remove()
    sink = policy.add_audit_sink(interrupt, strict=True)
    with pytest.raises(KeyboardInterrupt):
        policy.put(b"k", b"v")
    assert policy.remove_audit_sink(sink) and not sink.remove() and policy.get(b"k") is None


def test_sinks_get_plain_dicts_and_the_phase() -> None:
    policy, told = PolicyEngine(Database.memory()), list[Any]()
    policy.before_write("no", deny_all)
    loose = policy.add_audit_sink(lambda entry, phase: told.append((phase, entry)))
    policy.add_audit_sink(lambda entry, phase: told.append((phase, entry["result"])), strict=True)
    policy.put(b"k", b"v", {"agent_id": "a"})
    phases = [phase for phase, _ in told]
    assert phases == ["decided", None, "done"]
    assert told[1][1] == policy.get_audit_log()[0], "it turned the audit on"
    assert loose.remove() and not policy.remove_audit_sink(loose)
    del told[:]
    policy.batch([("put", b"a", b"1"), ("put", b"b", b"1")])
    assert told == [("decided", "allowed")] * 2 + [("done", "allowed")] * 2
    with pytest.raises(ConfigError, match="cannot be called"):
        policy.add_audit_sink(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="give what adding the sink returned"):
        policy.remove_audit_sink(5)  # type: ignore[arg-type]


def test_a_strict_sink_that_fails_refuses_and_the_store_is_not_asked(policy: PolicyEngine) -> None:
    def fail(entry: Any, phase: str | None) -> None:
        raise OSError("full")

    async def later(entry: Any, phase: str | None) -> None:
        raise AssertionError

    for sink in (fail, later):
        handle = policy.add_audit_sink(sink, strict=True)
        error = refused(policy, b"k")
        assert error.code == "audit_failed" and not error.applied
        handle.remove()
    assert policy.get(b"k") is None


@pytest.mark.parametrize("how", ["sink", "callback", "logger"])
def test_what_they_start_themselves_comes_to_an_end(how: str) -> None:
    policy, calls = PolicyEngine(Database.memory()), list[int]()

    def again(*args: Any) -> None:
        calls.append(1)
        policy.put(b"no", b"v")

    if how == "sink":
        policy.add_audit_sink(again)
    elif how == "callback":
        policy.before_write("no", deny_all)
        policy.on_denied(again)
    else:
        policy.before_write("no", log_and_allow(again))
    with pytest.raises(CheckreinError) if how != "sink" else threading.Lock():
        policy.put(b"no", b"v")
    assert 16 <= len(calls) < 40


def test_callbacks_and_sinks_are_collected_with_their_engine() -> None:
    gone: list[weakref.ref[Any]] = []

    def make() -> None:
        policy, handles = PolicyEngine(Database.memory()), list[Any]()
        handles.append(policy.on_denied(lambda error: policy and handles and None))
        handles.append(policy.add_audit_sink(lambda entry, phase: policy and handles and None))
        policy.put(b"k", b"v")
        gone.append(weakref.ref(policy))

    make()
    gc.collect()
    assert gone[0]() is None


def test_an_audit_file_and_what_is_read_of_it(policy: PolicyEngine, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    handle = policy.add_audit_file(path, hmac_key=KEY, rotate_bytes=4096, fsync="never")
    assert handle.path == path and handle.lost == 0 and handle.last_error is None
    for n in range(50):
        policy.put(b"k%d" % n, b"v", {"agent_id": "a"})
    handle.flush()
    head = handle.head()
    report = checkrein.verify_audit(path, hmac_key=KEY, head=head)
    assert report["ok"] and report["problem"] is None and report["head"] == head and report["segments"] > 1
    assert checkrein.audit.verify is checkrein.verify_audit
    assert checkrein.audit.stats(path)["agents"] == {"a": 50}
    (line,) = checkrein.audit.tail(path, 1)
    assert json.loads(line["text"])["key"] == "k49" and line["is_event"] is False
    with pytest.raises(ConfigError):
        checkrein.verify_audit(path)
    text = path.read_text()
    path.write_text(text.replace('"agent_id":"a"', '"agent_id":"b"', 1))
    problem = checkrein.verify_audit(path, hmac_key=KEY)["problem"]
    assert problem is not None and problem["file"] == str(path) and problem["line"] > 0
    path.write_text(text)
    assert policy.remove_audit_sink(handle) and not policy.remove_audit_sink(handle)
    policy.put(b"later", b"v")
    handle.close()
    handle.close()
    assert checkrein.audit.stats(path)["entries"] == 50
    again = policy.add_audit_file(path, hmac_key=KEY, strict=True)
    policy.put(b"k", b"v")
    assert checkrein.audit.stats(path)["decided"] == 1
    again.close()
    policy.put(b"after", b"v")


def test_audit_files_that_cannot_be(policy: PolicyEngine, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], type[CheckreinError]]] = [
        ({"fsync": "often"}, ConfigError),
        ({"hmac_key": b"short"}, ConfigError),
        ({"hmac_key": "text" * 8}, UsageError),
        ({"rotate_bytes": 5}, ConfigError),
        ({"rotate_bytes": -1}, UsageError),
    ]
    for options, kind in wrong:
        with pytest.raises(kind):
            policy.add_audit_file(tmp_path / "audit.jsonl", **options)
    with pytest.raises(UsageError, match="give a `str`"):
        policy.add_audit_file(5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        policy.add_audit_file(tmp_path / "nowhere" / "audit.jsonl")
    policy.add_audit_file(tmp_path / "audit.jsonl")
    with pytest.raises(StoreError) as raised:
        policy.add_audit_file(tmp_path / "audit.jsonl")
    assert raised.value.code == "store_locked"
    with pytest.raises(UsageError, match="is not a head"):
        checkrein.verify_audit(tmp_path / "audit.jsonl", head="7")


def test_what_a_file_says_on_its_own_comes_to_pythons_logger(
    policy: PolicyEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit.jsonl"
    policy.add_audit_file(path).close()
    with path.open("a") as file:
        file.write('{"sequence":')
    policy.add_audit_file(path)
    assert "audit.jsonl" in caplog.text and caplog.records[-1].name == "checkrein"
    assert checkrein.verify_audit(path)["repairs"] == 1


DOCUMENT = """
version: 1
name: production
require_context: [agent_id]
hooks:
  - {on: before_write, keys: "system/**", action: deny, reason: not for agents}
  - {on: after_read, keys: "users/*/email", replace: "[REDACTED]"}
rate_limits:
  - {operation: write, max_per_hour: 2, scope: agent_id}
audit: {max_entries: 10}
"""


def test_a_document_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(DOCUMENT)
    document = checkrein.load(path)
    assert (document.name, document.hook_count, document.rate_limit_count) == ("production", 2, 1)
    assert document.require_context == ["agent_id"] and document.mode is None
    assert repr(document) == "<PolicyDocument 'production' with 2 hooks>"
    agent = {"agent_id": "a"}
    policy = PolicyEngine(Database.memory(), document)
    policy.put(b"users/a/email", b"a@b.c", agent)
    assert policy.get(b"users/a/email", agent) == b"[REDACTED]"
    with pytest.raises(PolicyViolation, match="not for agents"):
        policy.put(b"system/x", b"v", agent)
    policy.put(b"k", b"v", agent)
    with pytest.raises(RateLimitExceeded):
        policy.put(b"k", b"v", agent)
    assert len(policy.get_audit_log()) == 5


def test_reload_keeps_hooks_of_the_program(policy: PolicyEngine) -> None:
    policy.before_write("mine/*", deny_all)
    parse = PolicyDocument.parse
    policy.reload(parse('{"version": 1, "hooks": [{"on": "before_write", "keys": "a", "action": "deny"}]}', "json"))
    assert refused(policy, b"a") and refused(policy, b"mine/x")
    policy.reload(parse(b'version = 1\n[[hooks]]\non = "before_write"\nkeys = "b"\naction = "deny"\n', "toml", "b.toml"))
    policy.put(b"a", b"v")
    assert refused(policy, b"b") and refused(policy, b"mine/x")
    with pytest.raises(UsageError, match="the document is `None`"):
        policy.reload(None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="nothing for a policy engine"):
        policy.reload(parse("version: 1\n", "yaml"))
    assert refused(policy, b"b")


def test_problems_of_a_document_are_told_with_their_places(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nhoks: []\nhooks:\n  - {on: before_write, keys: '**a', action: deny}\n")
    with pytest.raises(ConfigError) as raised:
        checkrein.load(path)
    assert f"{path}:2:1: " in str(raised.value) and "\n  2 | hoks: []\n" in str(raised.value)
    assert [(problem["line"], problem["column"]) for problem in raised.value.problems] == [(2, 1), (4, 31)]
    assert all(problem["message"] for problem in raised.value.problems)
    for call in (
        lambda: checkrein.load(tmp_path / "none.yaml"),
        lambda: checkrein.load(tmp_path / "policy.ini"),
        lambda: PolicyDocument.parse("version: 1", "ini"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ConfigError) as raised:
            call()
        assert raised.value.problems == []
    for wrong in (lambda: PolicyDocument.parse(5, "yaml"), lambda: PolicyEngine(Database.memory(), DOCUMENT)):  # type: ignore
        with pytest.raises(UsageError):
            wrong()


def test_reload_under_load(policy: PolicyEngine) -> None:
    documents = [
        PolicyDocument.parse(f"version: 1\nhooks: [{{on: before_write, keys: '{keys}', action: deny}}]", "yaml")
        for keys in ("{a,b}", "{a,c}")
    ]
    policy.reload(documents[0])
    over, wrong = threading.Event(), list[Any]()

    def work() -> None:
        while not over.is_set():
            try:
                policy.put(b"a", b"v")
                wrong.append("let pass")
            except PolicyViolation as error:
                if error.code != "denied":
                    wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(200):
        policy.reload(documents[n % 2])
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
