"""Stores over clients of ``redis``: ``redis.Redis`` and ``redis.asyncio.Redis``.

Keys are Redis keys as they are, values its strings. Redis has no order, so a scan collects the keys below its prefix
with SCAN, sorts them and fetches the values page by page: it costs one pass over the whole database. A batch is one
MULTI/EXEC. Exceptions of the client come out as themselves. The two classes differ in ``await`` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

from checkrein.adapters._ahead import ReadAhead, Rest
from checkrein.errors import ConfigError, StoreError

Op: TypeAlias = tuple[Literal["put"], bytes, bytes] | tuple[Literal["delete"], bytes]

MAX_SCAN_KEYS = 1_000_000
"""How many keys a scan collects at most; beyond, it is an error."""

SCAN_COUNT = 1000
"""How many keys Redis looks at in one SCAN call: about a millisecond, in which it serves nobody else."""


class RedisStore:
    """A store over a ``redis.Redis`` that gives bytes."""

    is_async: ClassVar[Literal[False]] = False

    def __init__(self, client: Any) -> None:
        _check(client)
        self.client: Any = client
        self._ahead: ReadAhead[bytes] = ReadAhead(2 * MAX_SCAN_KEYS)

    def put(self, key: bytes, value: bytes) -> None:
        """SET: replaces what the key held, of whatever type, and its time to live."""
        _acknowledged(self.client.set(key, value))

    def get(self, key: bytes) -> bytes | None:
        """GET; a key that holds no string is the client's error."""
        value: bytes | None = self.client.get(key)
        return value

    def delete(self, key: bytes) -> None:
        """DEL."""
        self.client.delete(key)

    def scan(self, prefix: bytes, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """The next keys of the prefix that hold strings, sorted by their bytes, with their values."""
        rest = self._ahead.take(prefix, after) or self._collect(prefix, after)
        # A page of which nothing is left is no end.
        while keys := rest.next(limit):
            if pairs := _strings(keys, self.client.mget(keys)):
                self._ahead.keep(prefix, pairs[-1][0], rest)
                return pairs
        return []

    def _collect(self, prefix: bytes, after: bytes | None) -> Rest[bytes]:
        number, found, cursor = self._ahead.begin(), _Found(prefix, after), 0
        while True:
            cursor, keys = self.client.scan(cursor, match=found.match, count=SCAN_COUNT)
            found.add(keys)
            if cursor == 0:
                return Rest(number, found.sorted())

    def batch(self, ops: Sequence[Op]) -> None:
        """All of it in one MULTI/EXEC, or none."""
        ops = _checked(ops)
        with self.client.pipeline(transaction=True) as transaction:
            _queue(transaction, ops)
            transaction.execute()


class AsyncRedisStore:
    """A store over a ``redis.asyncio.Redis`` that gives bytes."""

    is_async: ClassVar[Literal[True]] = True

    def __init__(self, client: Any) -> None:
        _check(client)
        self.client: Any = client
        self._ahead: ReadAhead[bytes] = ReadAhead(2 * MAX_SCAN_KEYS)

    async def put(self, key: bytes, value: bytes) -> None:
        """SET: replaces what the key held, of whatever type, and its time to live."""
        _acknowledged(await self.client.set(key, value))

    async def get(self, key: bytes) -> bytes | None:
        """GET; a key that holds no string is the client's error."""
        value: bytes | None = await self.client.get(key)
        return value

    async def delete(self, key: bytes) -> None:
        """DEL."""
        await self.client.delete(key)

    async def scan(self, prefix: bytes, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """The next keys of the prefix that hold strings, sorted by their bytes, with their values."""
        rest = self._ahead.take(prefix, after) or await self._collect(prefix, after)
        # A page of which nothing is left is no end.
        while keys := rest.next(limit):
            if pairs := _strings(keys, await self.client.mget(keys)):
                self._ahead.keep(prefix, pairs[-1][0], rest)
                return pairs
        return []

    async def _collect(self, prefix: bytes, after: bytes | None) -> Rest[bytes]:
        number, found, cursor = self._ahead.begin(), _Found(prefix, after), 0
        while True:
            cursor, keys = await self.client.scan(cursor, match=found.match, count=SCAN_COUNT)
            found.add(keys)
            if cursor == 0:
                return Rest(number, found.sorted())

    async def batch(self, ops: Sequence[Op]) -> None:
        """All of it in one MULTI/EXEC, or none."""
        ops = _checked(ops)
        async with self.client.pipeline(transaction=True) as transaction:
            _queue(transaction, ops)
            await transaction.execute()


class _Found:
    """The keys that a pass of SCAN has found so far."""

    def __init__(self, prefix: bytes, after: bytes | None) -> None:
        self.match: bytes | None = escaped(prefix) + b"*" if prefix else None
        self._prefix = prefix
        self._after = after
        self._keys: set[bytes] = set()

    def add(self, keys: Iterable[bytes]) -> None:
        """Adds what belongs to the scan; SCAN may give a key more than once."""
        after = self._after
        self._keys.update(
            key for key in keys if key.startswith(self._prefix) and (after is None or key > after)
        )
        if len(self._keys) > MAX_SCAN_KEYS:
            raise StoreError(
                f"more than {MAX_SCAN_KEYS} keys begin with `{self._prefix.decode('utf-8', 'backslashreplace')}`, and "
                "Redis has no order to page them by: scan longer prefixes, one after the other"
            )

    def sorted(self) -> list[bytes]:
        """Them all, in order."""
        return sorted(self._keys)


def escaped(prefix: bytes) -> bytes:
    """The prefix as a pattern of Redis that means these very bytes."""
    special = rb"*?[]\^-"
    return b"".join(b"\\" + bytes([byte]) if byte in special else bytes([byte]) for byte in prefix)


def _check(client: Any) -> None:
    if client.get_encoder().decode_responses:
        raise ConfigError(
            "the redis client has `decode_responses=True`, which makes text of keys and values: give the engine a "
            "client of its own without it, and decode what the engine returns"
        )


def _acknowledged(reply: object) -> None:
    if reply is not True:
        raise StoreError(f"redis did not acknowledge the SET (it replied with a `{type(reply).__name__}`)")


def _strings(keys: list[bytes], values: Sequence[bytes | None]) -> list[tuple[bytes, bytes]]:
    """The keys that hold strings: MGET gives nothing for one that vanished since, or holds another type."""
    return [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]


def _checked(ops: Sequence[Op]) -> Sequence[Op]:
    if unknown := next((op[0] for op in ops if op[0] not in ("put", "delete")), None):
        raise ValueError(f"a batch has `put` and `delete`, not `{unknown}`")
    return ops


def _queue(transaction: Any, ops: Sequence[Op]) -> None:
    for op in ops:
        if op[0] == "put":
            transaction.set(op[1], op[2])
        else:
            transaction.delete(op[1])
