"""Runs the conformance vectors of `tests/conformance` through the public API of this package.

The format is described in `tests/conformance/README.md`. A field or word that is not known here fails.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from conformance_host import (
    Broken,
    Fields,
    ScriptedStore,
    bytes_of,
    bytes_text,
    later,
    pairs_of,
    store_of,
    text_bytes,
    with_runs,
    words,
)

from checkrein import (
    CheckreinError,
    Database,
    ManualClock,
    PatternError,
    PolicyAction,
    PolicyDocument,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
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


def placeholders(text: str | None) -> str | None:
    if text is None:
        return None
    text = text.replace(f"`{Broken.__name__}`", "`{foreign}`")
    for word in NONSENSE:
        text = text.replace(word, "{nonsense}")
    return text


class World:
    """One vector at play."""

    def __init__(self, vector: Json) -> None:
        fields = Fields(vector["name"], vector)
        for name in ("name", "says", "needs"):
            fields.take(name)
        policy, host = Fields("policy", fields.take("policy", {})), Fields("host", fields.take("host", {}))
        self.steps, self.audit = fields.take("steps"), fields.take("audit")
        self.denied, self.sunk = fields.take("denied", []), fields.take("sunk", [])
        document = fields.take("document")
        fields.end()
        names = ("max_open_operations", "require_context", "mode")
        options = {name: policy.take(name) for name in names if name in policy.fields}
        options_error = policy.take("options_error")
        self.store = store_of(host.take("store", "memory"))
        self.clock = ManualClock(START_NS)
        self.engine: Any = None

        def make() -> None:
            said = None if document is None else PolicyDocument.parse(json.dumps(document), "json")
            self.engine = self.make_engine(said, clock=self.clock, **options)

        compare({"error": options_error} if options_error else {"ok": True}, self.outcome(make, "ok"))
        self.hooks: dict[str, tuple[str, str, Any]] = {}
        self.handles: dict[str, Any] = {}
        self.listeners: dict[str, Any] = {}
        self.sinks: dict[str, tuple[bool, Any]] = {}
        self.sink_handles: dict[str, Any] = {}
        self.told_denied: list[Json] = []
        self.told_sunk: list[Json] = []
        if self.engine is not None:
            self.set_up(policy, host)

    def make_engine(self, document: Any, **options: Any) -> Any:
        return PolicyEngine(self.store, document, **options)

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
        for listener in host.take("listeners", []):
            fields = Fields("listener", listener)
            name, next_word = fields.take("name"), words(fields.take("script"))
            fields.end()
            self.listeners[name] = self.engine.on_denied(self.listening(name, next_word))
        for sink in host.take("sinks", []):
            fields = Fields("sink", sink)
            name, strict, next_word = fields.take("name"), fields.take("strict", False), words(fields.take("script"))
            spare = fields.take("spare", False)
            fields.end()
            self.sinks[name] = (strict, self.sinking(name, next_word))
            if not spare:
                self.add_sink(name)
        host.end()

    def listening(self, name: str, next_word: Callable[[], str]) -> Callable[[Any], None]:
        def listen(error: Any) -> None:
            key = {} if error.key is None else {"key": bytes_text(error.key)}
            self.told_denied.append({"listener": name, "code": error.code, **key})
            if (word := next_word()) != "ok":
                assert word == "raise", f"unknown word `{word}` of a listener"
                raise Broken("the listener's secret")

        return listen

    def sinking(self, name: str, next_word: Callable[[], str]) -> Callable[[Any, Any], Any]:
        def sink(entry: Any, phase: str | None) -> Any:
            told = {"sink": name, "phase": phase}
            told.update((field, entry.get(field)) for field in ("operation", "key", "result", "applied", "rule"))
            self.told_sunk.append({field: value for field, value in told.items() if value is not None})
            match next_word():
                case "ok":
                    return None
                case "raise":
                    raise Broken("the sink's secret")
                case "later":
                    return later(None)
                case word:
                    raise AssertionError(f"unknown word `{word}` of a sink")

        return sink

    def add_sink(self, name: str) -> None:
        strict, sink = self.sinks[name]
        self.sink_handles[name] = self.engine.add_audit_sink(sink, strict=strict)

    def remove_sink(self, name: str) -> None:
        assert self.engine.remove_audit_sink(self.sink_handles.pop(name)), f"`{name}` was not there"

    def remove_listener(self, name: str) -> None:
        handle = self.listeners.pop(name)
        assert handle.remove() and not self.engine.remove(handle), f"`{name}` was not there once"

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
            return PolicyAction.ALLOW if denied_unless[word]() else PolicyAction.deny("not what was expected")
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
            case "scan":
                for _ in self.engine.scan(text_bytes(rest), context):
                    pass
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
        compare(want, call() if do == "scan" else self.outcome(call, kind))

    def scanned(self, prefix: Any, take: int | None, said: Json) -> Json:
        pairs: list[tuple[bytes, bytes]] = []

        def scan() -> None:
            with self.engine.scan(prefix, **said) as found:
                for pair in itertools.islice(found, take):
                    pairs.append(pair)

        outcome = self.outcome(scan, "ok")
        return {"pairs": pairs} | ({} if "ok" in outcome else outcome)

    def explained(self, operation: str, key: Any, said: Json) -> Json:
        told = self.engine.explain(operation, key, **said)
        told["hooks"] = [[hook[name] for name in ("rule", "kind", "mode", "answer")] for hook in told["hooks"]]
        told["limits"] = [as_status(limit) for limit in told["limits"]]
        return told

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
            return "status", lambda: list(map(as_status, engine.rate_limit_status(operation, **said)))
        if do == "get_many":
            keys = [bytes_of(key) for key in with_runs(take("keys"), lambda key, value: key)]
            return "values", lambda: engine.get_many(keys, **said)
        if do == "batch":
            given = with_runs(take("ops"), lambda key, value: ("put", key, value))
            ops = [(word, *map(bytes_of, rest)) for word, *rest in given]
            if "atomic" in fields.fields:
                said["atomic"] = take("atomic")
            return "ok", lambda: engine.batch(ops, **said)
        if do == "fill":
            pairs, held = pairs_of(take("pairs")), self.store.data if isinstance(self.store, ScriptedStore) else None
            return "ok", lambda: self.store.batch([("put", *pair) for pair in pairs]) if held is None else held.update(pairs)
        if do == "scan":
            prefix, how_many = bytes_of(take("prefix")), take("take")
            return "pairs", lambda: self.scanned(prefix, how_many, said)
        if do == "explain":
            operation, key = take("operation"), bytes_of(take("key"))
            return "explain", lambda: self.explained(operation, key, said)
        if do == "parse":
            text, form = take("document"), take("format")
            return "ok", lambda: PolicyDocument.parse(text, form)
        if do == "reload":
            text = json.dumps(take("document"))
            return "ok", lambda: engine.reload(PolicyDocument.parse(text, "json"))
        if do in ("add_sink", "remove_sink", "remove_listener"):
            name = take("name")
            return "ok", lambda: getattr(self, do)(name)
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

    def check_told(self) -> None:
        """What listeners and sinks were told."""
        assert self.told_denied == self.denied, f"the listeners\n  want {self.denied}\n  got  {self.told_denied}"
        assert self.told_sunk == self.sunk, f"the sinks\n  want {self.sunk}\n  got  {self.told_sunk}"

    def check_audit(self) -> None:
        if self.audit is not None:
            entries = self.outcome(lambda: self.engine.get_audit_log(limit=1_000_000), "entries")
            got = [] if "error" in entries else list(map(as_vector, itertools.count(1), entries["entries"]))
            ids = list(dict.fromkeys(entry["operation_id"] for entry in entries.get("entries", [])))
            for want, have, entry in zip(self.audit, got, entries.get("entries", [])):
                if "same" in want:
                    have["same"] = ids.index(entry["operation_id"]) + 1
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


def as_status(limit: Any) -> Json:
    return {name: limit[name] for name in ("operation", "scope", "capacity", "remaining", "retry_after_ns")}


def compare(want: Json, got: Json) -> None:
    if "error" in want and "error" in got:
        compare_error(want["error"], got["error"])
        assert set(want) == set(got) <= {"error", "pairs"} and pairs_of(want.get("pairs", [])) == got.get("pairs", [])
    elif "explain" in want and "explain" in got:
        assert set(want["explain"]) <= {"verdict", "rule", "reason", "mode", "hooks", "limits"}, "unknown fields"
        have = {name: got["explain"][name] for name in want["explain"]}
        assert have == want["explain"], f"want {want}\n  got  {have!r}"
    elif "pairs" in want and "pairs" in got:
        assert got == want | {"pairs": pairs_of(want["pairs"])}, f"want {want}\n  got  {got!r}"
    elif "values" in want and "values" in got:
        values = [None if value is None else bytes_of(value) for value in want["values"]]
        assert got["values"] == values, f"want {want}\n  got  {got!r}"
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
    if isinstance(error, StoreError):
        names += ("applied",)
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
            assert have[name] == (None if value is None else bytes_of(value))
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
    world.check_told()
