"""What audit files hold: whether the chain is whole, its newest lines, and counts.

The files are written by :meth:`checkrein.PolicyEngine.add_audit_file`; nothing here changes them. Of a chain that was
rotated, ``path`` is the current file; the others are found beside it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from checkrein import _native
from checkrein._native import verify_audit as verify

if TYPE_CHECKING:
    from checkrein.types import AuditLine, AuditStats

__all__ = ["stats", "tail", "verify"]


def tail(path: str | os.PathLike[str], count: int) -> list[AuditLine]:
    """The newest ``count`` lines, oldest first, each with its JSON as ``text``; nothing is verified."""
    return _native._audit_tail(path, count)


def stats(path: str | os.PathLike[str]) -> AuditStats:
    """Counts of lines, entries, results, operations, agents and rules; nothing is verified."""
    return _native._audit_stats(path)
