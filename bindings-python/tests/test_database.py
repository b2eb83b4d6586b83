"""The embedded database from Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checkrein import ConfigError, Database, PolicyEngine, StoreError, UsageError


def test_what_was_put_is_there_after_opening_again(tmp_path: Path) -> None:
    with Database.open(tmp_path / "data") as db:
        db.put(b"k", bytearray(b"v"))
        db.put(b"gone", b"")
        assert db.get(b"gone") == b""
        db.delete(b"gone")
        assert not db.closed
    assert db.closed
    with Database.open(str(tmp_path / "data"), durability="relaxed") as db:
        assert db.get(b"k") == b"v" and db.get(b"gone") is None
        db.flush()


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_closed_database_says_so(where: str, tmp_path: Path) -> None:
    db = Database.memory() if where == "memory" else Database.open(tmp_path)
    policy = PolicyEngine(db)
    policy.put(b"k", b"v")
    db.close()
    db.close()
    for call in (lambda: db.get(b"k"), lambda: db.put(b"k", b"v"), lambda: policy.get(b"k"), db.flush):
        with pytest.raises(StoreError) as caught:
            call()
        assert caught.value.code == "store_closed"
    assert repr(db).endswith(", closed>")


def test_a_directory_is_open_once(tmp_path: Path) -> None:
    with Database.open(tmp_path), pytest.raises(StoreError) as caught:
        Database.open(tmp_path)
    assert caught.value.code == "store_locked"


def test_a_directory_is_open_in_one_process(tmp_path: Path) -> None:
    script = (
        "import sys, checkrein\n"
        "try: checkrein.Database.open(sys.argv[1])\n"
        "except checkrein.StoreError as error: print(error.code)"
    )
    with Database.open(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == "store_locked"


def test_a_damaged_database_says_so(tmp_path: Path) -> None:
    Database.open(tmp_path).close()
    damaged = 0
    for path in tmp_path.iterdir():
        if path.stat().st_size > 0:
            path.write_bytes(b"\x5a" * path.stat().st_size)
            damaged += 1
    assert damaged
    with pytest.raises(StoreError) as caught:
        Database.open(tmp_path)
    assert caught.value.code == "store_damaged"


def test_a_database_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    policy = PolicyEngine(Database.open(tmp_path))
    policy.put(b"k", b"v")
    del policy
    with Database.open(tmp_path) as db:
        assert db.get(b"k") == b"v"


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="durability"):
        Database.open(tmp_path, durability="never")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="path"):
        Database.open(5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="encode"):
        Database.memory().put("k", b"v")  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Database.open(tmp_path / "file")


def test_hooks_guard_a_database_on_disk(tmp_path: Path) -> None:
    with Database.open(tmp_path) as db:
        policy = PolicyEngine(db)
        policy.before_write("k", lambda key, value, context: value + b"!")
        policy.after_read("k", lambda key, value, context: value.upper())
        policy.put(b"k", b"v", {"agent_id": "a"})
        assert (db.get(b"k"), policy.get(b"k")) == (b"v!", b"V!")
        policy.delete(b"k")
        assert policy.get(b"k") is None
