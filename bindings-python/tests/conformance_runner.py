"""Runs the conformance vectors of `tests/conformance` through the public API of this package.

The format is described in `tests/conformance/README.md`. A field or word that is not known here fails.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from checkrein import (
    CheckreinError,
    Database,
    ManualClock,
    PatternError,
    PolicyAction,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    UsageError,
)
from checkrein.policy import allow_all, deny_all, log_and_allow, redact_value, require_agent_id

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "conformance" / "vectors"
CAPABILITIES = {"awaitables", "raises", "untyped", "zeros", "replies"}
KNOWN_NEEDS = CAPABILITIES | {"awaits", "remembers"}
START_NS = 1_700_000_000_000_000_000
NONSENSE = ("an awaitable (`coroutine`)", "a `str`", "`MODIFY` without a value")
ERROR_FIELDS = {
    "class", "code", "reason", "message", "rule", "operation", "key", "applied", "position", "retry_after_ns",
    "limit", "scope", "cause",
}  # fmt: skip

Json = dict[str, Any]


class Broken(Exception):
    """What scripted hosts raise."""


class Fields:
    """An object that is taken apart; what is left over is a field that nobody knows."""

    def __init__(self, what: str, fields: Json) -> None:
        self.what, self.fields = what, dict(fields)

    def take(self, name: str, default: Any = None) -> Any:
        return self.fields.pop(name, default)

    def end(self) -> None:
        assert not self.fields, f"{self.what}: unknown fields {sorted(self.fields)}"


def text_bytes(text: str) -> bytes:
    parts = re.split(r"\\x([0-9a-f]{2})", text)
    assert not any("\\" in part for part in parts[::2]), f"`{text}`: after a backslash comes xNN"
    return b"".join(bytes.fromhex(part) if n % 2 else part.encode() for n, part in enumerate(parts))


def bytes_text(value: bytes) -> str:
    return value.replace(b"\\", b"\\x5c").decode(errors="backslashreplace")


def bytes_of(value: Any) -> Any:
    """Bytes as the vectors write them, and the wrong things that they ask for."""
    if isinstance(value, str):
        return text_bytes(value)
    fields = Fields("bytes", value)
    if "wrong" in value:
        wrong = {"number": 5, "null": None}[fields.take("wrong")]
        fields.end()
        return wrong
    unit, times = text_bytes(fields.take("repeat")), fields.take("times")
    fields.end()
    return unit * times


def placeholders(text: str | None) -> str | None:
    if text is None:
        return None
    text = text.replace(f"`{Broken.__name__}`", "`{foreign}`")
    for word in NONSENSE:
        text = text.replace(word, "{nonsense}")
    return text


def words(script: list[str]) -> Callable[[], str]:
    """The nth call gives the nth word; the last repeats."""
    rest = itertools.chain(script, itertools.repeat(script[-1]))
    return lambda: next(rest)


async def later(answer: Any) -> Any:
    return answer


class ScriptedStore:
    def __init__(self, script: list[str]) -> None:
        self.next_word, self.data = words(script), dict[bytes, bytes]()

    def put(self, key: bytes, value: bytes) -> Any:
        return self.do(lambda: self.data.__setitem__(key, value))

    def get(self, key: bytes) -> Any:
        return self.do(lambda: self.data.get(key))

    def delete(self, key: bytes) -> Any:
        return self.do(lambda: self.data.pop(key, None) and None)

    def do(self, deed: Callable[[], Any]) -> Any:
        word, _, rest = self.next_word().partition(":")
        match word:
            case "ok":
                return deed()
            case "raise":
                raise Broken("the store's secret")
            case "ok_then_raise":
                deed()
                raise Broken("the store's secret")
            case "nonsense":
                return "nonsense"
            case "violate":
                raise PolicyViolation(rest)
            case "later":
                return later(deed())
            case "cancel":
                raise KeyboardInterrupt
        raise AssertionError(f"unknown word `{word}` of a store")


class World:
    """One vector at play."""

    def __init__(self, vector: Json) -> None:
        fields = Fields(vector["name"], vector)
        for name in ("name", "says", "needs"):
            fields.take(name)
        policy, host = Fields("policy", fields.take("policy", {})), Fields("host", fields.take("host", {}))
        self.steps, self.audit = fields.take("steps"), fields.take("audit")
        fields.end()
        store, options = host.take("store", "memory"), {}
        if (max_open := policy.take("max_open_operations")) is not None:
            options["max_open_operations"] = max_open
        if store == "memory":
            self.store: Any = Database.memory()
        else:
            assert set(store) == {"script"}, "unknown fields of a store"
            self.store = ScriptedStore(store["script"])
        self.clock = ManualClock(START_NS)
        self.engine = self.make_engine(self.store, clock=self.clock, **options)
        self.hooks: dict[str, tuple[str, str, Any]] = {}
        self.handles: dict[str, Any] = {}
        self.set_up(policy, host)

    def make_engine(self, store: Any, **options: Any) -> Any:
        return PolicyEngine(store, **options)

    def set_up(self, policy: Fields, host: Fields) -> None:
        for hook in policy.take("hooks", []):
            self.expecting(hook, lambda fields: self.register(*self.helper_of(fields)))
        for limit in policy.take("rate_limits", []):
            self.expecting(limit, self.add_rate_limit)
        if (audit := policy.take("audit")) is not None:
            self.expecting(audit, lambda fields: self.engine.enable_audit(fields.take("max_entries")))
        policy.end()
        for hook in host.take("hooks", []):
            fields = Fields("hook", hook)
            name, spare = fields.take("name"), fields.take("spare", False)
            script = self.scripted(fields.take("script"))
            self.hooks[name] = (fields.take("on"), fields.take("keys"), script)
            error = {"error": fields.take("error")} if "error" in hook else {}
            fields.end()
            if not spare:
                self.expecting(error, lambda _, name=name: self.add_hook(name))
        host.end()

    def expecting(self, given: Json, call: Callable[[Fields], Any]) -> None:
        fields = Fields("set-up", given)
        error = fields.take("error")
        want = {"error": error} if error else {"ok": True}

        def called() -> Any:
            call(fields)
            fields.end()

        compare(want, self.outcome(called, "ok"))

    def helper_of(self, fields: Fields) -> tuple[str, str, Any]:
        on, keys, action = fields.take("on"), fields.take("keys"), fields.take("action")
        replace, when = fields.take("replace"), fields.take("when")
        if replace is not None:
            assert action is None and when is None
            return on, keys, redact_value(bytes_of(replace))
        if when is not None:
            assert (action, when) == ("deny", {"agent_id": "absent"}), f"unknown condition {when}"
            return on, keys, require_agent_id
        return on, keys, {"deny": deny_all, "allow": allow_all, "log": log_and_allow()}[action]

    def register(self, on: str, keys: str, hook: Any) -> Any:
        return getattr(self.engine, on)(keys, hook)

    def add_hook(self, name: str) -> None:
        self.handles[name] = self.register(*self.hooks[name])

    def remove_hook(self, name: str) -> None:
        handle = self.handles.pop(name)
        assert self.engine.remove(handle), f"`{name}` was not there"
        assert not handle.remove(), f"`{name}` was there twice"

    def add_rate_limit(self, fields: Fields) -> None:
        operation, options = fields.take("operation"), dict(fields.fields)
        fields.fields.clear()
        self.engine.add_rate_limit(operation, **options)

    def scripted(self, script: list[str]) -> Callable[..., Any]:
        next_word = words(script)
        return lambda key, value, context: self.answer(next_word(), key, value, context)

    def answer(self, script: str, key: bytes, value: bytes | None, context: Any) -> Any:
        word, colon, rest = script.partition(":")
        denied_unless = {
            "sees": lambda: value == text_bytes(rest),
            "sees_nothing": lambda: value is None,
            "key": lambda: key == text_bytes(rest),
            "lacks": lambda: rest not in context,
            "check": lambda: shown(context.get(rest.partition("=")[0])) == rest.partition("=")[2],
        }
        if word in denied_unless:
            return PolicyAction.ALLOW if denied_unless[word]() else PolicyAction.DENY
        match word:
            case "allow":
                return PolicyAction.ALLOW
            case "log":
                return PolicyAction.LOG
            case "nothing":
                return None
            case "deny":
                return PolicyAction.deny(rest) if colon else PolicyAction.DENY
            case "modify":
                return text_bytes(rest)
            case "same":
                return value
            case "raise":
                raise Broken("the hook's secret")
            case "violate":
                raise PolicyViolation(rest)
            case "misuse":
                raise UsageError(rest)
            case "nonsense":
                return "nonsense"
            case "bare_modify":
                return PolicyAction.MODIFY
            case "later":
                return later(self.answer(rest, key, value, context))
            case "add":
                self.add_hook(rest)
            case "remove":
                self.remove_hook(rest)
            case "put":
                name, _, new = rest.partition("=")
                self.engine.put(text_bytes(name), text_bytes(new), context)
            case "get":
                self.engine.get(text_bytes(rest), context)
            case "cancel":
                raise KeyboardInterrupt
            case _:
                raise AssertionError(f"unknown word `{word}` of a hook")
        return PolicyAction.ALLOW

    def outcome(self, call: Callable[[], Any], kind: str) -> Json:
        try:
            result = call()
        except CheckreinError as error:
            return {"error": error}
        except KeyboardInterrupt:
            return {"cancelled": True}
        return {"ok": True} if kind == "ok" else {kind: result}

    def perform(self, step: Json) -> None:
        fields = Fields("step", step)
        do, want = fields.take("do"), fields.take("expect", {"ok": True})
        if (at_ns := fields.take("at_ns")) is not None:
            self.clock.advance_ns(at_ns - self.clock.monotonic_ns)
        kind, call = self.deed(do, fields)
        fields.end()
        compare(want, self.outcome(call, kind))

    def deed(self, do: str, fields: Fields) -> tuple[str, Callable[[], Any]]:
        """What a step gives, and the call that gives it."""
        take, engine = fields.take, self.engine
        said = {"context": take("context")} if "context" in fields.fields else {}
        if do in ("put", "get", "delete", "stored"):
            key = bytes_of(take("key"))
            if do == "put":
                value = bytes_of(take("value"))
                return "ok", lambda: engine.put(key, value, **said)
            if do == "get":
                return "value", lambda: engine.get(key, **said)
            if do == "delete":
                return "ok", lambda: engine.delete(key, **said)
            held = self.store.data if isinstance(self.store, ScriptedStore) else self.store
            return "value", lambda: held.get(key)
        if do == "status":
            operation = take("operation")
            return "status", lambda: [
                {name: limit[name] for name in ("operation", "scope", "capacity", "remaining", "retry_after_ns")}
                for limit in engine.rate_limit_status(operation, **said)
            ]
        if do == "audit":
            names = ("limit", "agent_id", "session_id", "operation", "result", "keys")
            wanted = {name: take(name) for name in names if name in fields.fields}
            if (since := take("since_ns")) is not None:
                wanted["since"] = START_NS + since
            return "sequences", lambda: [entry["sequence"] for entry in engine.get_audit_log(**wanted)]
        if do == "helper":
            helper, replacement = take("helper"), take("replacement")
            known = {"deny_all": deny_all, "allow_all": allow_all, "require_agent_id": require_agent_id}
            hook: Any = known.get(helper) or redact_value(bytes_of(replacement))
            return "answer", lambda: answered(hook(b"k", b"v", said.get("context")))
        if do == "add_rate_limit":
            limit = Fields("limit", fields.fields)
            fields.fields.clear()
            return "ok", lambda: self.add_rate_limit(limit)
        if do in ("add_hook", "remove_hook"):
            name = take("name")
            return "ok", lambda: getattr(self, do)(name)
        if do == "enable_audit":
            max_entries = take("max_entries")
            return "ok", lambda: engine.enable_audit(max_entries)
        if do == "disable_audit":
            return "ok", engine.disable_audit
        assert do == "close", f"unknown step `{do}`"
        return "ok", self.store.close

    def check_audit(self) -> None:
        if self.audit is not None:
            entries = self.outcome(lambda: self.engine.get_audit_log(limit=1_000_000), "entries")
            got = [] if "error" in entries else list(map(as_vector, itertools.count(1), entries["entries"]))
            assert got == self.audit, f"the audit\n  want {self.audit}\n  got  {got}"


def shown(value: Any) -> str | None:
    """A value of a context as patterns see it."""
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def answered(action: PolicyAction) -> str:
    if action.reason is not None:
        return f"deny:{action.reason}"
    return f"modify:{bytes_text(action.value)}" if action.value is not None else action.kind


def as_vector(place: int, entry: Any) -> Json:
    entry = dict(entry)
    assert entry.pop("operation_id"), "an entry without an id"
    at_ns = entry.pop("timestamp_ns") - START_NS
    moment = datetime.fromtimestamp((START_NS + at_ns) // 1_000_000_000, timezone.utc)
    micros = at_ns % 1_000_000_000 // 1000
    assert entry.pop("timestamp") == f"{moment:%Y-%m-%dT%H:%M:%S}.{micros:06}Z"
    for name, default in (("sequence", place), ("surface", "data"), ("logged", False)):
        if entry[name] == default and type(entry[name]) is type(default):
            del entry[name]
    if at_ns:
        entry["at_ns"] = at_ns
    if "reason" in entry:
        entry["reason"] = placeholders(entry["reason"])
    return entry


def compare(want: Json, got: Json) -> None:
    if "error" in want and "error" in got:
        compare_error(want["error"], got["error"])
    elif want.get("value") is not None and isinstance(got.get("value"), bytes):
        assert got["value"] == bytes_of(want["value"])
    else:
        assert got == want, f"want {want}\n  got  {got!r}"


def compare_error(want: Json, error: CheckreinError) -> None:
    assert set(want) <= ERROR_FIELDS, f"unknown fields {set(want) - ERROR_FIELDS}"
    cause = error.__cause__ and type(error.__cause__).__name__
    have: Json = {
        "class": type(error).__name__,
        "code": error.code,
        "cause": "{foreign}" if cause == Broken.__name__ else cause,
    }
    names: tuple[str, ...] = ()
    if isinstance(error, PolicyViolation):
        names += ("reason", "rule", "operation", "key", "applied")
    if isinstance(error, PatternError):
        names += ("position",)
    if isinstance(error, RateLimitExceeded):
        names += ("retry_after_ns", "limit", "scope")
        assert error.retry_after >= error.retry_after_ns / 1e9
    have.update((name, getattr(error, name)) for name in names)
    for name, value in want.items():
        if name == "message":
            assert value in placeholders(str(error)), f"`{error}` does not say `{value}`"
        elif name == "key":
            assert have[name] == bytes_of(value)
        else:
            got = placeholders(have.get(name)) if name == "reason" else have.get(name)
            assert got == value, f"`{name}` of the error\n  want {value!r}\n  got  {got!r}"


def vectors() -> Iterator[Json]:
    for path in sorted(FOLDER.glob("*.json")):
        file = Fields(path.name, json.loads(path.read_text(encoding="utf-8")))
        file.take("about")
        yield from file.take("vectors")
        file.end()


def lacking(vector: Json) -> str | None:
    """The first capability that this language lacks for a vector."""
    needs = vector.get("needs", [])
    assert set(needs) <= KNOWN_NEEDS, f"unknown needs {needs}"
    return next((need for need in needs if need not in CAPABILITIES), None)


def run(vector: Json) -> None:
    play(World(vector))


def play(world: World) -> None:
    for step in world.steps:
        world.perform(step)
    world.check_audit()
