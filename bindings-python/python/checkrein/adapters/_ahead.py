"""What scans have read ahead of the page that was asked for, so that paging costs one pass and not one a page.

A store is asked for pages by prefix and last key, so the rest of a pass is kept under just these, once. What is not
found there is read again: losing an entry costs time and nothing else. Safe for threads, and across a fork, after
which the child starts with none.
"""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")

MAX_SCANS = 16
"""How many scans' rests are kept at most; the oldest goes first."""


@dataclass
class Rest(Generic[_T]):
    """The rest of one pass over a store: sorted, and what of it was not given yet."""

    number: int
    items: list[_T]
    given: int = 0

    def next(self, limit: int) -> list[_T]:
        """The next items, at most ``limit``; empty at the end."""
        page = self.items[self.given : self.given + max(limit, 0)]
        self.given += len(page)
        return page


class ReadAhead(Generic[_T]):
    """The rests of scans that are under way, at most ``MAX_SCANS`` with ``max_items`` items in all."""

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._numbers = itertools.count()
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._rests: OrderedDict[tuple[bytes, bytes], Rest[_T]] = OrderedDict()

    def begin(self) -> int:
        """The number of a pass that begins now."""
        return next(self._numbers)

    def take(self, prefix: bytes, after: bytes | None) -> Rest[_T] | None:
        """The rest after a key, if it is kept. A scan that starts anew always reads anew."""
        if after is None:
            return None
        with self._lock:
            return self._rests.pop((prefix, after), None)

    def keep(self, prefix: bytes, last: bytes, rest: Rest[_T]) -> None:
        """Keeps the rest for who has been given the pages up to ``last``."""
        with self._lock:
            other = self._rests.pop((prefix, last), None)
            # Two scans stand at the same key: the newer pass, which holds all that the older scan may expect, serves
            # both. The other way round the newer scan would miss what was written before it began.
            if other is not None and other.number > rest.number:
                rest = other
            self._rests[prefix, last] = rest
            held = sum(len(rest.items) for rest in self._rests.values())
            while len(self._rests) > MAX_SCANS or (held > self._max_items and len(self._rests) > 1):
                _, oldest = self._rests.popitem(last=False)
                held -= len(oldest.items)


_all: weakref.WeakSet[ReadAhead[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    # A thread that held a lock when the process was forked does not go on in the child, and would never let go of it.
    for ahead in list(_all):
        ahead._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
