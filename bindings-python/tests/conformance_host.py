"""The scripted host of the conformance vectors: bytes as they are written there, and stores that follow a script."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from checkrein import Database, PolicyViolation

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


def with_runs(items: list[Any], make: Callable[[str, str | None], Any]) -> list[Any]:
    """A list whose runs are written out."""
    full: list[Any] = []
    for item in items:
        if isinstance(item, dict) and "run" in item:
            fields = Fields("run", item)
            prefix, first, times, value = (fields.take(name) for name in ("run", "from", "times", "value"))
            fields.end()
            full.extend(make(f"{prefix}{first + n:04}", value) for n in range(times))
        else:
            full.append(item)
    return full


def pairs_of(items: list[Any]) -> list[tuple[bytes, bytes]]:
    return [(bytes_of(key), bytes_of(value)) for key, value in with_runs(items, lambda key, value: (key, value))]


def words(script: list[str]) -> Callable[[], str]:
    """The nth call gives the nth word; the last repeats."""
    rest = itertools.chain(script, itertools.repeat(script[-1]))
    return lambda: next(rest)


async def later(answer: Any) -> Any:
    return answer


class ScriptedStore:
    """A store over a map. With `can`, it is one of the classes below, which have more methods."""

    def __init__(self, script: list[str], holds: Json) -> None:
        self.next_word = words(script)
        self.data = {text_bytes(key): bytes_of(value) for key, value in holds.items()}

    def put(self, key: bytes, value: bytes) -> Any:
        return self.do(lambda: self.data.__setitem__(key, value))

    def get(self, key: bytes) -> Any:
        return self.do(lambda: self.data.get(key))

    def delete(self, key: bytes) -> Any:
        return self.do(lambda: self.data.pop(key, None) and None)

    def do(self, deed: Callable[[], Any], page: Callable[[int], list[tuple[bytes, bytes]]] | None = None) -> Any:
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
        assert page is not None, f"unknown word `{word}` of a store"
        match word:
            case "short":
                return page(0)[:1]
            case "unordered":
                return page(0)[::-1]
            case "out_of_prefix":
                return [*page(0), (b"\xff elsewhere", b"x")]
            case "too_many":
                return page(1)
            case "text":
                return [(key.decode(), value) for key, value in page(0)]
        raise AssertionError(f"unknown word `{word}` of a scan")


class Scanning(ScriptedStore):
    def scan(self, prefix: bytes, after: bytes | None, limit: int) -> Any:
        def page(more: int) -> list[tuple[bytes, bytes]]:
            found = [pair for pair in sorted(self.data.items()) if pair[0].startswith(prefix)]
            return [pair for pair in found if after is None or pair[0] > after][: limit + more]

        return self.do(lambda: page(0), page)


class Batching(ScriptedStore):
    def batch(self, ops: list[tuple[Any, ...]]) -> Any:
        def all_of_them() -> None:
            for op in ops:
                if op[0] == "put":
                    self.data[op[1]] = op[2]
                else:
                    assert op[0] == "delete"
                    self.data.pop(op[1], None)

        return self.do(all_of_them)


class ScanningAndBatching(Scanning, Batching):
    pass


STORES = {(False, False): ScriptedStore, (True, False): Scanning, (False, True): Batching, (True, True): ScanningAndBatching}


def store_of(store: Any) -> Any:
    if store == "memory":
        return Database.memory()
    fields = Fields("store", store)
    script, can, holds = fields.take("script"), fields.take("can", []), fields.take("holds", {})
    fields.end()
    assert set(can) <= {"scan", "batch"}, f"unknown abilities {can}"
    return STORES["scan" in can, "batch" in can](script, holds)
