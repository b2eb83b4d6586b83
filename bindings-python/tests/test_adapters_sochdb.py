"""The adapter for `sochdb`, against the real thing."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sochdb

from checkrein import ConfigError, PolicyAction, PolicyEngine, PolicyViolation, StoreError
from checkrein.adapters import SochdbStore, _ahead, _sochdb, adapt
from checkrein.policy import redact_value


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sochdb.Database]:
    with sochdb.Database.open(str(tmp_path / "db")) as database:
        yield database


@pytest.fixture
def store(database: sochdb.Database) -> SochdbStore:
    return SochdbStore(database)


def fill(database: sochdb.Database, data: dict[bytes, bytes]) -> None:
    with database.transaction() as transaction:
        for key, value in data.items():
            transaction.put(key, value)


def paged(store: SochdbStore, prefix: bytes, limit: int, after: bytes | None = None) -> list[tuple[bytes, bytes]]:
    """A whole scan, page by page as an engine asks for them."""
    pairs: list[tuple[bytes, bytes]] = []
    while page := store.scan(prefix, after, limit):
        assert len(page) <= limit
        pairs += page
        after = page[-1][0]
    return pairs


# --- found by type


def test_the_engine_takes_the_database_itself(database: sochdb.Database) -> None:
    class Ours(sochdb.Database):
        pass

    assert isinstance(adapt(database), SochdbStore) and SochdbStore.is_async is False
    assert isinstance(adapt(Ours.__new__(Ours)), SochdbStore)
    policy = PolicyEngine(database)
    policy.put(b"k", b"v")
    assert database.get(b"k") == b"v" and policy.get(b"k") == b"v"
    policy.delete(b"k")
    assert database.get(b"k") is None and policy.get(b"k") is None
    policy.delete(b"k")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (sochdb.Transaction, "give its `Database`"),
        (sochdb.Namespace, "give its `Database`"),
        (sochdb.SochDBClient, "embedded"),
        (sochdb.IpcClient, "embedded"),
        (sochdb.InMemoryQueueBackend, "have adapters"),
    ],
)
def test_what_has_the_methods_and_is_no_store(kind: type[Any], says: str) -> None:
    # Not made the usual way, which would look for a server; only the type is looked at.
    made = type(kind.__name__, (kind,), {"__init__": lambda self: None, "__del__": lambda self: None})()
    with pytest.raises(ConfigError, match=says):
        PolicyEngine(made)


# --- the engine over it


def test_hooks_guard_it(database: sochdb.Database) -> None:
    policy, seen = PolicyEngine(database), []
    policy.enable_audit()
    policy.before_write("system/*", lambda *args: PolicyAction.deny("not for agents"))
    policy.before_write("k", lambda key, value, context: value + b"!")
    policy.after_read("secrets/*", redact_value(b"[REDACTED]"))
    policy.after_delete("*", lambda key, value, context: seen.append(key))
    with pytest.raises(PolicyViolation, match="not for agents"):
        policy.put(b"system/config", b"v", context={"agent_id": "rogue"})
    assert database.get(b"system/config") is None
    policy.put(b"k", b"v")
    policy.put(b"secrets/a", b"hunter2")
    assert policy.get(b"k") == b"v!" and policy.get(b"secrets/a") == b"[REDACTED]"
    policy.delete(b"k")
    assert seen == [b"k"]
    results = [entry["result"] for entry in policy.get_audit_log()]
    assert results == ["denied", "modified", "allowed", "allowed", "redacted", "allowed"]


def test_keys_and_values_are_any_bytes(store: SochdbStore) -> None:
    every = bytes(range(256))
    for key in (every, b"\xff\xfe", b"\0", b"a\0b", b"", b"k" * 70_000):
        store.put(key, every + key)
        assert store.get(key) == every + key
    assert store.get(b"a") is None
    store.put(b"big", b"\0" * (8 << 20))
    assert store.get(b"big") == b"\0" * (8 << 20)


def test_a_database_that_is_closed_half_way_is_a_store_error(database: sochdb.Database) -> None:
    policy = PolicyEngine(database)
    policy.before_write("*", lambda *args: database.close())
    for call in (lambda: policy.put(b"k", b"w"), lambda: policy.get(b"k"), lambda: policy.delete(b"k")):
        with pytest.raises(StoreError) as caught:
            call()
        assert isinstance(caught.value.__cause__, sochdb.DatabaseError)
    store = SochdbStore(database)
    for fails in (lambda: store.scan(b"", None, 1), lambda: store.batch([("put", b"k", b"v")])):
        with pytest.raises(sochdb.DatabaseError):
            fails()


def test_a_write_that_conflicts_is_a_store_error_and_applies_nothing(database: sochdb.Database) -> None:
    policy = PolicyEngine(database)
    other = database.transaction()
    other.put(b"k", b"theirs")
    with pytest.raises(StoreError) as caught:
        policy.put(b"k", b"ours")
    assert isinstance(caught.value.__cause__, sochdb.TransactionError)
    other.commit()
    assert policy.get(b"k") == b"theirs"
    policy.put(b"k", b"ours")
    assert policy.get(b"k") == b"ours"


def test_reads_leave_nothing_behind_that_later_writes_carry(store: SochdbStore, database: sochdb.Database) -> None:
    for i in range(50):
        store.put(b"k", b"%d" % i)
        assert store.get(b"k") == b"%d" % i and store.get(b"none") is None
    assert not any(database._ssi._key_readers.values())
    assert database.stats()["active_transactions"] == 0


def test_a_read_that_fails_is_no_missing_key(store: SochdbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(b"k", b"v")
    # What sochdb does when it gets no iterator.
    monkeypatch.setattr(sochdb.Transaction, "scan_batched", lambda *args: (pair for pair in ()))
    with pytest.raises(StoreError, match="failed to read"):
        store.get(b"k")
    assert store.get(b"none") is None


# --- what sochdb does with empty values


def test_a_deleted_key_stays_deleted_when_reopened(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    with sochdb.Database.open(path) as database:
        policy = PolicyEngine(database)
        policy.put(b"k/1", b"v")
        policy.put(b"k/2", b"v")
        policy.delete(b"k/1")
    with sochdb.Database.open(path) as database:
        # This is why. Where it fails one day, the adapter need not refuse empty values any longer.
        assert database.get(b"k/1") == b""
        assert PolicyEngine(database).get(b"k/1") is None
        assert SochdbStore(database).scan(b"k/", None, 10) == [(b"k/2", b"v")]


def test_an_empty_value_is_refused(store: SochdbStore, database: sochdb.Database) -> None:
    with pytest.raises(StoreError, match="cannot keep an empty value.*at least one byte"):
        PolicyEngine(database).put(b"k", b"")
    with pytest.raises(StoreError, match="empty value"):
        store.batch([("put", b"a", b"v"), ("put", b"k", b"")])
    assert database.get(b"a") is None and not database.exists(b"k")


# --- scans


def test_ten_thousand_keys_come_in_order(
    store: SochdbStore, database: sochdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(3)
    data = {b"s/" + rng.randbytes(rng.randint(0, 6)): rng.randbytes(8) for _ in range(10_000)}
    fill(database, data)
    fill(database, {b"r/z": b"below", b"s0": b"above", b"s": b"shorter", b"S/a": b"another case"})
    reads: list[int] = []
    begin = store._ahead.begin
    monkeypatch.setattr(store._ahead, "begin", lambda: (reads.append(1), begin())[1])
    want = sorted(data.items())
    for limit in (7, 1000, 20_000):
        reads.clear()
        assert paged(store, b"s/", limit) == want
        # The last one finds that there is no more.
        assert len(reads) == 2
    # Read in many pieces, it is the same.
    monkeypatch.setattr(_sochdb, "READ_AHEAD_BYTES", 20_000)
    assert paged(store, b"s/", 50) == want and len(reads) > 50


def test_a_scan_may_start_in_the_middle(store: SochdbStore, database: sochdb.Database) -> None:
    data = {b"k/%03d" % i: b"%d" % i for i in range(100)}
    fill(database, data)
    assert paged(store, b"k/", 7, after=b"k/050") == sorted(data.items())[51:]
    assert paged(store, b"k/", 7, after=b"k/050x") == sorted(data.items())[51:]
    assert paged(store, b"k/", 7, after=b"a") == sorted(data.items())
    assert store.scan(b"k/", b"l", 5) == [] == store.scan(b"none/", None, 5)
    assert store.scan(b"k/", None, 0) == []


@pytest.mark.parametrize("prefix", [b"", b"a", b"\xff", b"\xff\xff", b"a\xff", b"a\xff\xff", b"\0", b"a\0", b"\xfe\xff"])
def test_a_prefix_means_its_very_bytes(store: SochdbStore, database: sochdb.Database, prefix: bytes) -> None:
    parts = [b"", b"a", b"b", b"\0", b"\xff", b"\xff\xff", b"a\xff", b"\xfe"]
    data = {head + tail: head + b"=" for head, tail in itertools.product(parts, parts)}
    fill(database, data)
    assert paged(store, prefix, 2) == sorted(pair for pair in data.items() if pair[0].startswith(prefix))


def test_the_end_of_a_prefix() -> None:
    assert _sochdb.end_of(b"a") == b"b" and _sochdb.end_of(b"a\xff\xff") == b"b"
    assert _sochdb.end_of(b"") == b"" == _sochdb.end_of(b"\xff\xff")


def test_an_abandoned_scan_leaves_nothing_open(store: SochdbStore, database: sochdb.Database) -> None:
    fill(database, {b"%03d/%d" % (scan, i): b"v" for scan in range(50) for i in range(3)})
    for scan in range(50):
        assert len(store.scan(b"%03d/" % scan, None, 1)) == 1
    assert len(store._ahead._rests) == _ahead.MAX_SCANS
    assert database.stats()["active_transactions"] == 0
    store.delete(b"000/1")
    assert [key for key, _ in store.scan(b"000/", b"000/0", 5)] == [b"000/2"]
    # A scan that starts anew sees what was written since.
    store.put(b"049/1x", b"v")
    assert len(store.scan(b"049/", None, 5)) == 4


# --- batches


def test_a_batch_is_one_transaction_in_order(store: SochdbStore, database: sochdb.Database) -> None:
    fill(database, {b"gone": b"v", b"kept": b"v"})
    store.batch(
        [
            ("put", b"\xff", b"\0"),
            ("delete", b"gone"),
            ("put", b"twice", b"1"),
            ("put", b"twice", b"2"),
            ("put", b"made", b"v"),
            ("delete", b"made"),
            ("delete", b"again"),
            ("put", b"again", b"v"),
        ]
    )
    assert paged(store, b"", 10) == [(b"again", b"v"), (b"kept", b"v"), (b"twice", b"2"), (b"\xff", b"\0")]
    store.batch([])


def test_a_batch_that_fails_in_the_middle_applies_nothing(store: SochdbStore, database: sochdb.Database) -> None:
    fill(database, {b"kept": b"v"})
    other = database.transaction()
    other.put(b"theirs", b"v")
    with pytest.raises(sochdb.TransactionError, match="conflict"):
        store.batch([("put", b"a", b"1"), ("delete", b"kept"), ("put", b"theirs", b"w"), ("put", b"b", b"1")])
    other.abort()
    with pytest.raises(ValueError, match="not `incr`"):
        store.batch([("put", b"a", b"1"), ("incr", b"a")])  # type: ignore[list-item]
    assert paged(store, b"", 10) == [(b"kept", b"v")]
    # It was ended: its keys are free for others.
    store.batch([("put", b"a", b"2"), ("put", b"theirs", b"w"), ("delete", b"kept")])
    assert paged(store, b"", 10) == [(b"a", b"2"), (b"theirs", b"w")]


def test_a_process_that_is_killed_leaves_whole_batches(tmp_path: Path) -> None:
    code = """
import itertools, sys
import sochdb
from checkrein.adapters import SochdbStore
store = SochdbStore(sochdb.Database.open(sys.argv[1]))
for i in itertools.count():
    store.batch([("put", b"%d" % j, b"%d" % i) for j in range(20)])
    print(i, flush=True)
"""
    path = str(tmp_path / "db")
    for kill_at in (3, 40):
        with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            acknowledged = next(itertools.islice(process.stdout, kill_at, None))
            process.kill()
            acknowledged = ([acknowledged, *process.stdout.read().splitlines()])[-1]
        with sochdb.Database.open(path) as database:
            values = {value for _, value in paged(SochdbStore(database), b"", 50)}
        assert len(values) == 1 and int(values.pop()) >= int(acknowledged)
