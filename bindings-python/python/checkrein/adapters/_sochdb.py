"""A store over ``sochdb``'s embedded ``Database``.

What it does differently from what a store must, found with version 0.8.3: its ``scan`` is a range scan; a deleted key
is there again after the database was reopened, with an empty value, so that an empty value and a deleted key cannot be
told apart: the adapter takes both for no value, and refuses to put an empty one. Exceptions of ``sochdb`` come out as
themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import closing
from typing import Any, ClassVar, Literal, TypeAlias

from checkrein.adapters._ahead import ReadAhead, Rest
from checkrein.errors import StoreError

Op: TypeAlias = tuple[Literal["put"], bytes, bytes] | tuple[Literal["delete"], bytes]

READ_AHEAD_BYTES = 4 << 20
"""How much a scan reads at once. sochdb walks the whole rest of the range for each read, however short: 60 ms for
100,000 keys."""

_PER_PAIR = 160
"""What a pair costs in Python beside its bytes."""


class SochdbStore:
    """A store over a ``sochdb.Database``."""

    is_async: ClassVar[Literal[False]] = False

    def __init__(self, database: Any) -> None:
        self.database: Any = database
        self._ahead: ReadAhead[tuple[bytes, bytes]] = ReadAhead(8 * READ_AHEAD_BYTES // _PER_PAIR)

    def put(self, key: bytes, value: bytes) -> None:
        """One transaction with one put."""
        _check(value)
        self.database.put(key, value)

    def get(self, key: bytes) -> bytes | None:
        """The value; an empty one is none."""
        # Not by sochdb's `get`, which remembers every reader of a key for ever, and hangs them all onto each later
        # write of it: 6,000 reads and writes in turn of ten keys took 250 MB.
        with self.database.transaction() as snapshot:
            with closing(snapshot.scan_batched(key, key + b"\0", 1)) as found:
                value = next((value for found_key, value in found if found_key == key), None)
            # A scan that fails to begin ends without a word.
            if value is None and snapshot.exists(key):
                raise StoreError("sochdb has the key, and its scan gave nothing: it failed to read")
        return value or None

    def delete(self, key: bytes) -> None:
        """One transaction with one delete."""
        self.database.delete(key)

    def scan(self, prefix: bytes, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """The next keys of the prefix with their values, read ahead by at most ``READ_AHEAD_BYTES``."""
        rest = self._ahead.take(prefix, after) or self._read(prefix, after)
        page = rest.next(limit)
        # The end of what was read ahead is the end of the scan only where a read finds nothing more.
        if page and rest.given < len(rest.items):
            self._ahead.keep(prefix, page[-1][0], rest)
        return page

    def _read(self, prefix: bytes, after: bytes | None) -> Rest[tuple[bytes, bytes]]:
        number = self._ahead.begin()
        # The first key that may come: the one right after `after`, by bytes.
        start = prefix if after is None else max(prefix, after + b"\0")
        pairs: list[tuple[bytes, bytes]] = []
        size = 0
        with self.database.transaction() as snapshot:
            # Closed before the snapshot ends, in which sochdb's iterator lives.
            with closing(snapshot.scan_batched(start, end_of(prefix), 32)) as found:
                for key, value in itertools.takewhile(lambda pair: pair[0].startswith(prefix), found):
                    if value:
                        pairs.append((key, value))
                        size += len(key) + len(value) + _PER_PAIR
                    if size > READ_AHEAD_BYTES:
                        break
        return Rest(number, pairs)

    def batch(self, ops: Sequence[Op]) -> None:
        """All of it in one transaction, or none."""
        for op in ops:
            if op[0] == "put":
                _check(op[2])
            elif op[0] != "delete":
                raise ValueError(f"a batch has `put` and `delete`, not `{op[0]}`")
        transaction = self.database.transaction()
        try:
            for op in ops:
                if op[0] == "put":
                    transaction.put(op[1], op[2])
                else:
                    transaction.delete(op[1])
            transaction.commit()
        except BaseException:
            # A transaction of which one call failed would still commit the others, and one whose commit was refused
            # stays open: its keys would conflict for ever.
            transaction.abort()
            raise


def end_of(prefix: bytes) -> bytes:
    """The first bytes after all that begin with the prefix; empty, which is no end, where there are none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else b""


def _check(value: bytes) -> None:
    if not value:
        raise StoreError(
            "sochdb cannot keep an empty value: once it is reopened, that is the same to it as a deleted key; put a "
            "value of at least one byte"
        )
