"""What a guarded operation costs from Python, beside peers in the same run.

    python benches/bench_policy.py [--quick]

Peers: the package `sochdb`, where the installed version has a `PolicyEngine`, over a dict; and two yardsticks in pure
Python that are written below, the obvious engine and a lean one. Medians of interleaved rounds, in nanoseconds for
each `put`. Then what is done to many keys at once, in nanoseconds for each key, beside the same without an engine.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import fnmatch
import functools
import importlib
import importlib.metadata
import itertools
import platform
import re
import statistics
import sys
import threading
import time
import timeit
from collections import deque
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import checkrein
from checkrein.policy import allow_all

KEY, VALUE, CONTEXT = b"users/alice", b"data", {"agent_id": "agent_001"}
AGENTS = itertools.cycle([{"agent_id": f"agent_{n:03}"} for n in range(16)])
AUDIT = 10_000


class DictStore:
    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> None:
        self.data[key] = value

    def get(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    def delete(self, key: bytes) -> None:
        self.data.pop(key, None)


class Refused(Exception):
    pass


@dataclasses.dataclass
class Seen:
    """What a hook of the obvious engine sees."""

    operation: str
    key: bytes
    value: bytes | None
    context: dict[str, Any]


class ObviousHook:
    def __init__(self, pattern: str, call: Callable[..., Any]) -> None:
        parts = re.split(r"(\*\*|\*)", pattern)
        globs = {"**": ".*", "*": "[^/]*"}
        self.regex = re.compile("".join(globs.get(part) or re.escape(part) for part in parts))
        self.call = call

    def matches(self, seen: Seen) -> bool:
        return self.regex.fullmatch(seen.key.decode("utf-8", errors="replace")) is not None


class ObviousEngine:
    """What a team writes first, with the features that the seeds show: hooks at six triggers, limits, an audit as a
    list that is cut when it is full, everything under one lock. It fails closed and checks what it is given."""

    def __init__(self, store: DictStore) -> None:
        self.store, self.lock = store, threading.RLock()
        self.hooks: dict[str, list[ObviousHook]] = {}
        self.limits: dict[str, list[Any]] = {}
        self.audit: list[dict[str, Any]] = []
        self.max_entries = 0

    def before_write(self, pattern: str, call: Callable[..., Any]) -> None:
        with self.lock:
            self.hooks.setdefault("before_write", []).append(ObviousHook(pattern, call))

    def enable_audit(self, max_entries: int) -> None:
        self.max_entries = max_entries

    def put(self, key: bytes, value: bytes, context: dict[str, Any] | None = None) -> None:
        if not isinstance(key, bytes) or not isinstance(value, bytes):
            raise TypeError("keys and values are bytes")
        said = dict(context or {})
        for name, item in said.items():
            if not isinstance(name, str) or not isinstance(item, (str, bool, int)):
                raise TypeError("a context holds texts, booleans and integers")
        with self.lock:
            self.check_limits("write", said)
            value, result = self.ask("before_write", Seen("write", key, value, said))
            self.store.put(key, value)
            self.ask("after_write", Seen("write", key, value, said))
            self.tell("write", key, result, said)

    def check_limits(self, operation: str, said: dict[str, Any]) -> None:
        for limit in self.limits.get(operation, []) + self.limits.get("all", []):
            limit.take(said)

    def ask(self, trigger: str, seen: Seen) -> tuple[bytes, str]:
        result = "allowed"
        for hook in self.hooks.get(trigger, []):
            if not hook.matches(seen):
                continue
            try:
                answer = hook.call(seen.key, seen.value, seen.context)
            except Exception as error:
                self.tell(seen.operation, seen.key, "error", seen.context)
                raise Refused("a hook failed") from error
            if answer is checkrein.PolicyAction.DENY:
                self.tell(seen.operation, seen.key, "denied", seen.context)
                raise Refused("denied")
            if isinstance(answer, bytes):
                seen.value, result = answer, "modified"
            elif answer not in (None, checkrein.PolicyAction.ALLOW, checkrein.PolicyAction.LOG):
                raise Refused("what is no answer")
        return seen.value or b"", result

    def tell(self, operation: str, key: bytes, result: str, said: dict[str, Any]) -> None:
        if not self.max_entries:
            return
        self.audit.append(
            {
                "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                "operation": operation,
                "key": key.decode("utf-8", errors="replace"),
                "result": result,
                "agent_id": said.get("agent_id"),
                "session_id": said.get("session_id"),
            }
        )
        if len(self.audit) > self.max_entries:
            self.audit = self.audit[-self.max_entries :]


class LeanEngine:
    """What an expert might write for speed: compiled patterns, a read-only copy of the context, a bounded audit. It
    has one trigger, no limits, and checks nothing."""

    def __init__(self, store: DictStore) -> None:
        self.store, self.lock = store, threading.RLock()
        self.hooks: list[tuple[re.Pattern[str], Callable[..., Any]]] = []
        self.audit: deque[dict[str, Any]] | None = None

    def before_write(self, pattern: str, hook: Callable[..., Any]) -> None:
        with self.lock:
            self.hooks.append((re.compile(fnmatch.translate(pattern)), hook))

    def enable_audit(self, max_entries: int) -> None:
        self.audit = deque(maxlen=max_entries)

    def put(self, key: bytes, value: bytes, context: dict[str, Any] | None = None) -> None:
        seen, text, result = MappingProxyType(dict(context or {})), key.decode(errors="replace"), "allowed"
        with self.lock:
            hooks = list(self.hooks)
        for pattern, hook in hooks:
            if pattern.match(text):
                answer = hook(key, value, seen)
                if answer is checkrein.PolicyAction.DENY or answer == "deny":
                    result = "denied"
                    break
                if isinstance(answer, bytes):
                    value, result = answer, "modified"
        if result != "denied":
            self.store.put(key, value)
        if self.audit is not None:
            entry = {"timestamp": time.time(), "operation": "write", "key": text, "result": result, **seen}
            with self.lock:
                self.audit.append(entry)
        if result == "denied":
            raise Refused(text)


def sochdb_engine() -> tuple[Any, Any, str]:
    """The engine of `sochdb`, its `ALLOW`, and a note where there is none."""
    try:
        version = importlib.metadata.version("sochdb")
    except importlib.metadata.PackageNotFoundError:
        return None, None, "sochdb: not installed"
    for name in ("sochdb", "sochdb.policy"):
        try:
            module = importlib.import_module(name)
            return module.PolicyEngine, module.PolicyAction.ALLOW, f"sochdb {version}"
        except (ImportError, AttributeError):
            continue
    return None, None, f"sochdb {version}: the package has no PolicyEngine, so it is not measured"


def checkrein_engine(store: Any = None) -> checkrein.PolicyEngine:
    return checkrein.PolicyEngine(checkrein.Database.memory() if store is None else store)


def with_hooks(engine: Any, hook: Any, others: int) -> Any:
    for n in range(others // 2):
        engine.before_write(f"system/{n}/*", hook)
    engine.before_write("users/*", hook)
    for n in range(others - others // 2):
        engine.before_write(f"tenants/*/{n}", hook)
    return engine


def full_audit(engine: Any) -> Any:
    engine.enable_audit(max_entries=AUDIT)
    for _ in range(AUDIT):
        engine.put(KEY, VALUE, context=CONTEXT)
    return engine


def allowing(allow: Any) -> Callable[..., Any]:
    def hook(key: bytes, value: bytes, context: Any) -> Any:
        if context.get("agent_id"):
            return allow
        return None

    return hook


def cases(make: Callable[[], Any], allow: Any) -> dict[str, Any]:
    hook = allowing(allow)
    return {
        "put, 1 hook": with_hooks(make(), hook, 0),
        "put, 1 hook, 16 agents in turn": with_hooks(make(), hook, 0),
        "put, 100 hooks, 1 matches": with_hooks(make(), hook, 99),
        "put, 1,000 hooks, 1 matches": with_hooks(make(), hook, 999),
        "put, 1 hook, audit full": full_audit(with_hooks(make(), hook, 0)),
    }


def own_cases() -> dict[str, Any]:
    return {
        "put, no hook matches": with_hooks(checkrein_engine(), allow_all, 0),
        "put, helper": with_hooks(checkrein_engine(), allow_all, 0),
        "put, 1 hook, store of the host": with_hooks(
            checkrein_engine(DictStore()), allowing(checkrein.PolicyAction.ALLOW), 0
        ),
    }


class AsyncDictStore:
    """An async store that has nothing to wait for: what an engine costs beside a bare `await` of it."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    async def put(self, key: bytes, value: bytes) -> None:
        self.data[key] = value

    async def get(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    async def delete(self, key: bytes) -> None:
        self.data.pop(key, None)


def async_cases() -> dict[str, Any]:
    """What `put(key, value, said)` is awaited of."""
    sync_hook = allowing(checkrein.PolicyAction.ALLOW)

    async def async_hook(key: bytes, value: bytes, context: Any) -> Any:
        return sync_hook(key, value, context)

    async def bare(key: bytes, value: bytes, context: Any) -> None:
        await store.put(key, value)

    def engine(db: Any, hook: Any) -> Any:
        made = checkrein.AsyncPolicyEngine(db)
        made.before_write("users/*", hook)
        made.add_rate_limit("write", max_per_second=1_000_000_000, scope="agent_id")
        return made.put

    store = AsyncDictStore()
    return {
        "the async store itself": bare,
        "1 hook, 1 limit, in memory": engine(checkrein.Database.memory(), sync_hook),
        "1 hook, 1 limit, async store": engine(AsyncDictStore(), sync_hook),
        "1 async hook, 1 limit, async store": engine(AsyncDictStore(), async_hook),
    }


def measure_async(number: int, rounds: int) -> dict[str, float]:
    """Medians of interleaved rounds, all in one event loop."""
    times: dict[str, list[float]] = {}

    async def turn(put: Callable[..., Any]) -> float:
        began = time.perf_counter()
        for _ in range(number):
            await put(KEY, VALUE, CONTEXT)
        return (time.perf_counter() - began) / number * 1e9

    async def main() -> None:
        cases = async_cases()
        for _ in range(rounds):
            for name, put in cases.items():
                times.setdefault(name, []).append(await turn(put))

    asyncio.run(main())
    return {name: statistics.median(values) for name, values in times.items()}


def measure(engines: dict[str, Any], number: int, rounds: int) -> dict[str, float]:
    """Medians; the rounds go through all engines in turn, so that a busy moment hits them alike."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, (engine, key) in engines.items():
            count = max(1, number // 50) if "1,000" in name and "checkrein" not in name else number
            names = {"put": engine.put, "key": key, "value": VALUE, "said": CONTEXT, "agents": AGENTS}
            said = "next(agents)" if "in turn" in name else "said"
            timer = timeit.Timer(f"put(key, value, context={said})", globals=names)
            times[name].append(timer.timeit(count) / count * 1e9)
    return {name: statistics.median(values) for name, values in times.items()}


def plain_scan(database: checkrein.Database) -> int:
    """A walk over all pages, unguarded."""
    count, after = 0, None
    while page := database.scan(b"k/", after):
        after = page[-1][0]
        count += sum(1 for _ in page)
    return count


def many_keys(quick: bool) -> dict[str, tuple[int, Callable[[], Any], Callable[[], Any]]]:
    """Keys, the guarded way and the plain one, by case."""
    keys = 2_000 if quick else 100_000
    database = checkrein.Database.memory()
    names = [b"k/%08d" % n for n in range(keys)]
    database.batch([("put", name, VALUE) for name in names])
    bare, helper, hook = (checkrein_engine(database) for _ in range(3))
    bare.before_write("other/*", allow_all)
    helper.after_read("k/*", allow_all)
    hook.after_read("k/*", allowing(checkrein.PolicyAction.ALLOW))
    some = names[:1_000]
    ops: list[Any] = [("put", name, VALUE) for name in some]
    writer = checkrein_engine(database)
    writer.before_write("k/*", allow_all)

    def scan(engine: checkrein.PolicyEngine) -> Callable[[], int]:
        return lambda: sum(1 for _ in engine.scan(b"k/", CONTEXT))

    return {
        f"scan of {keys:,} keys, no hook": (keys, scan(bare), lambda: plain_scan(database)),
        f"scan of {keys:,} keys, helper": (keys, scan(helper), lambda: plain_scan(database)),
        f"scan of {keys:,} keys, 1 hook": (keys, scan(hook), lambda: plain_scan(database)),
        "batch of 1,000, helper": (1_000, lambda: writer.batch(ops, CONTEXT), lambda: database.batch(ops)),
        "get_many of 1,000, helper": (
            1_000,
            lambda: helper.get_many(some, CONTEXT),
            lambda: [database.get(name) for name in some],
        ),
    }


def measure_many(quick: bool) -> None:
    """Prints what many keys cost; the rounds go through all cases in turn."""
    cases = many_keys(quick)
    times: dict[tuple[str, bool], list[float]] = {}
    for _ in range(3 if quick else 7):
        for case, (keys, guarded, plain) in cases.items():
            repeat = max(1, 20_000 // keys)
            for is_plain, call in ((False, guarded), (True, plain)):
                seconds = timeit.Timer(call).timeit(repeat)
                times.setdefault((case, is_plain), []).append(seconds / repeat / keys * 1e9)
    print(f"\n{'ns for each key':34s}{'guarded':>14s}{'plain':>14s}{'ratio':>8s}")
    for case in cases:
        guarded, plain = (statistics.median(times[case, is_plain]) for is_plain in (False, True))
        print(f"{case:34s}{guarded:14,.0f}{plain:14,.0f}{guarded / plain:8.1f}")


def ambient_case() -> None:
    """Prints what an ambient context adds to a put: measured last, since the look-up stays on once one was made."""
    engine = with_hooks(checkrein_engine(), allowing(checkrein.PolicyAction.ALLOW), 0)
    put = functools.partial(engine.put, KEY, VALUE)
    cases: dict[str, Callable[[], Any]] = {"given": lambda: put(CONTEXT), "ambient": put}
    times: dict[str, list[float]] = {"given": [], "ambient": []}
    with checkrein.context(agent_id="agent_001"):
        for _ in range(9):
            for name, call in cases.items():
                times[name].append(timeit.Timer(call).timeit(20_000) / 20_000 * 1e9)
    given, ambient = (statistics.median(values) for values in times.values())
    print(f"\nput, 1 hook, in an ambient context: {ambient:.0f} ns; with one more said: {given:.0f} ns")


def main() -> None:
    quick = "--quick" in sys.argv
    number, rounds = (500, 3) if quick else (20_000, 9)
    soch, soch_allow, note = sochdb_engine()
    makers: dict[str, tuple[Callable[[], Any], Any]] = {
        "checkrein": (checkrein_engine, checkrein.PolicyAction.ALLOW),
        "obvious": (lambda: ObviousEngine(DictStore()), checkrein.PolicyAction.ALLOW),
        "lean": (lambda: LeanEngine(DictStore()), checkrein.PolicyAction.ALLOW),
    }
    if soch is not None:
        makers["sochdb"] = (lambda: soch(DictStore()), soch_allow)
    engines: dict[str, Any] = {}
    for peer, (make, allow) in makers.items():
        for case, engine in cases(make, allow).items():
            engines[f"{peer}: {case}"] = (engine, KEY)
    for case, engine in own_cases().items():
        engines[f"checkrein: {case}"] = (engine, b"other/k" if "no hook" in case else KEY)
    medians = measure(engines, number, rounds)

    print(f"checkrein {checkrein.__version__}, Python {platform.python_version()}, {platform.machine()}; {note}")
    print(f"{'ns for each operation':34s}" + "".join(f"{peer:>14s}{'ratio':>8s}" for peer in makers))
    for case in dict.fromkeys(name.split(": ", 1)[1] for name in medians):
        ours = medians[f"checkrein: {case}"]
        line = f"{case:34s}"
        for peer in makers:
            value = medians.get(f"{peer}: {case}")
            line += " " * 22 if value is None else f"{value:14,.0f}{value / ours:8.1f}"
        print(line.rstrip())
    measure_many(quick)
    ambient_case()

    awaited = measure_async(number, rounds)
    bare = awaited["the async store itself"]
    print(f"{'ns for each awaited put':40s}{'':>8s}{'over the store':>18s}")
    for case, value in awaited.items():
        print(f"{case:40s}{value:8,.0f}{value - bare:18,.0f}")


if __name__ == "__main__":
    main()
