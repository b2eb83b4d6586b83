"""The adapter for `redis`, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import threading
import warnings
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.cluster
import redis.sentinel
from redis_server import RedisServer

from checkrein import ConfigError, PolicyAction, PolicyEngine, PolicyViolation, StoreError
from checkrein.adapters import AsyncRedisStore, RedisStore, _ahead, _redis, adapt
from checkrein.policy import redact_value


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with server.client() as client:
        client.config_set("maxmemory", 0)
        client.flushall()
        yield client


@pytest.fixture
def store(client: redis.Redis) -> RedisStore:
    return RedisStore(client)


class Awaited:
    """The async adapter behind the calls of the sync one, each in the same event loop."""

    def __init__(self, store: AsyncRedisStore, run: Callable[[Awaitable[Any]], Any]) -> None:
        self.client, self._store, self._run = store.client, store, run

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        return lambda *args: self._run(method(*args))


@pytest.fixture(params=["sync", "asyncio"])
def any_store(request: pytest.FixtureRequest, server: RedisServer, client: redis.Redis) -> Iterator[Any]:
    if request.param == "sync":
        yield RedisStore(client)
        return
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        theirs = server.async_client()
        adapter = adapt(theirs)
        assert isinstance(adapter, AsyncRedisStore)
        yield Awaited(adapter, loop.run_until_complete)
        loop.run_until_complete(theirs.aclose())


def paged(store: Any, prefix: bytes, limit: int, after: bytes | None = None) -> list[tuple[bytes, bytes]]:
    """A whole scan, page by page as an engine asks for them."""
    pairs: list[tuple[bytes, bytes]] = []
    while page := store.scan(prefix, after, limit):
        assert len(page) <= limit
        pairs += page
        after = page[-1][0]
    return pairs


class Counting:
    """Counts the commands that a client sends."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def __enter__(self) -> Counting:
        self._client.config_resetstat()
        return self

    def __exit__(self, *args: object) -> None:
        stats = self._client.info("commandstats")
        self.calls = {name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()}


# --- found by type


def test_the_engine_takes_the_client_itself(client: redis.Redis) -> None:
    policy = PolicyEngine(client)
    policy.put(b"k", b"v")
    assert client.get(b"k") == b"v" and policy.get(b"k") == b"v"
    policy.delete(b"k")
    assert client.exists(b"k") == 0 and policy.get(b"k") is None
    policy.delete(b"k")


def test_subclasses_count_and_others_do_not(client: redis.Redis, server: RedisServer) -> None:
    class Ours(redis.Redis):
        def put(self, key: str) -> None:
            raise AssertionError("the adapter does not go by names")

        delete = scan = put  # type: ignore[assignment]

    with Ours(unix_socket_path=server.socket) as ours:
        assert isinstance(adapt(ours), RedisStore)
        PolicyEngine(ours).put(b"k", b"v")
        assert client.get(b"k") == b"v"
    assert adapt({}) is None and adapt(object()) is None and adapt(redis.Redis) is None
    adapter = RedisStore(client)
    assert adapt(adapter) is adapter
    PolicyEngine(adapter).put(b"k", b"w")
    assert client.get(b"k") == b"w"


def test_sync_and_async_say_which_they_are(client: redis.Redis, server: RedisServer) -> None:
    assert adapt(client).is_async is False  # type: ignore[union-attr]
    assert adapt(server.async_client()).is_async is True  # type: ignore[union-attr]


def test_an_asyncio_client_is_refused_by_the_sync_engine(server: RedisServer) -> None:
    with pytest.raises(ConfigError, match="`Redis` of `redis.asyncio.client` is an async client.*AsyncPolicyEngine"):
        PolicyEngine(server.async_client())
    with pytest.raises(ConfigError, match="`AsyncRedisStore`.*AsyncPolicyEngine"):
        PolicyEngine(AsyncRedisStore(server.async_client()))


def test_a_client_that_decodes_is_refused(server: RedisServer) -> None:
    for client in (server.client(decode_responses=True), server.async_client(decode_responses=True)):
        with pytest.raises(ConfigError, match="`decode_responses=True`.*client of its own without it"):
            PolicyEngine(client)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (redis.client.Pipeline, "until `execute`"),
        (redis.asyncio.client.Pipeline, "until `execute`"),
        (redis.cluster.ClusterPipeline, "until `execute`"),
        (redis.asyncio.cluster.ClusterPipeline, "until `execute`"),
        (redis.RedisCluster, "not atomic"),
        (redis.asyncio.RedisCluster, "not atomic"),
        (redis.sentinel.Sentinel, "`master_for`"),
        (redis.client.PubSub, "have adapters"),
    ],
)
def test_what_is_no_store_of_redis(kind: type[Any], says: str) -> None:
    # Not made the usual way, which would look for a cluster; only the type is looked at.
    made = type(kind.__name__, (kind,), {"__init__": lambda self: None, "__del__": lambda self: None})()
    with pytest.raises(ConfigError, match=says):
        PolicyEngine(made)
    if kind is redis.client.Pipeline:
        with pytest.raises(ConfigError, match=says):
            PolicyEngine(redis.Redis().pipeline())


# --- the engine over it


def test_a_refused_write_does_not_reach_redis(client: redis.Redis) -> None:
    policy = PolicyEngine(client)
    policy.enable_audit()
    policy.before_write("system/*", lambda *args: PolicyAction.deny("not for agents"))
    with pytest.raises(PolicyViolation, match="not for agents"):
        policy.put(b"system/config", b"v", context={"agent_id": "rogue"})
    assert client.exists(b"system/config") == 0
    assert policy.get_audit_log()[0]["result"] == "denied"


def test_hooks_change_what_is_written_and_read(client: redis.Redis) -> None:
    policy, seen = PolicyEngine(client), []
    policy.before_write("k", lambda key, value, context: value + b"!")
    policy.after_read("secrets/*", redact_value(b"[REDACTED]"))
    policy.after_write("*", lambda key, value, context: seen.append((key, value)))
    policy.put(b"k", b"v")
    client.set(b"secrets/a", b"hunter2")
    assert client.get(b"k") == b"v!" and seen == [(b"k", b"v!")]
    assert policy.get(b"secrets/a") == b"[REDACTED]" and client.get(b"secrets/a") == b"hunter2"


def test_keys_and_values_are_any_bytes(any_store: Any, client: redis.Redis) -> None:
    every = bytes(range(256))
    for key in (every, b"\xff\xfe", b"\0", b"a\r\nb", b"", b"k" * 100_000):
        any_store.put(key, every + key)
        assert any_store.get(key) == client.get(key) == every + key
        any_store.put(key, b"")
        assert any_store.get(key) == b""
        any_store.delete(key)
        assert any_store.get(key) is None


def test_a_key_of_another_type_is_the_clients_error(client: redis.Redis) -> None:
    client.rpush("list", "item")
    policy = PolicyEngine(client)
    with pytest.raises(StoreError) as caught:
        policy.get(b"list")
    assert isinstance(caught.value.__cause__, redis.ResponseError) and "WRONGTYPE" in str(caught.value.__cause__)
    policy.put(b"list", b"v")
    assert policy.get(b"list") == b"v"


def test_a_server_that_is_killed_half_way_is_a_store_error() -> None:
    with RedisServer() as server, server.client() as client:
        policy = PolicyEngine(client)
        policy.enable_audit()
        policy.put(b"k", b"v")
        # It dies after the hook has allowed and before the store is asked.
        policy.before_write("*", lambda *args: server.kill())
        for call in (lambda: policy.put(b"k", b"w"), lambda: policy.get(b"k"), lambda: policy.delete(b"k")):
            with pytest.raises(StoreError) as caught:
                call()
            assert isinstance(caught.value.__cause__, redis.ConnectionError)
        results = [entry["result"] for entry in policy.get_audit_log()]
        assert results == ["allowed", "error", "error", "error"]
        store = RedisStore(client)
        for fails in (lambda: store.scan(b"", None, 1), lambda: store.batch([("put", b"k", b"v")])):
            with pytest.raises(redis.ConnectionError):
                fails()


def test_a_set_that_is_not_acknowledged_is_an_error(client: redis.Redis) -> None:
    client.set_response_callback("SET", lambda *args, **options: None)
    with pytest.raises(StoreError, match="did not acknowledge"):
        PolicyEngine(client).put(b"k", b"v")


# --- scans


def test_ten_thousand_keys_come_in_order_in_one_pass(any_store: Any, client: redis.Redis) -> None:
    rng = random.Random(3)
    data = {b"s/" + rng.randbytes(rng.randint(0, 6)): rng.randbytes(8) for _ in range(10_000)}
    client.mset(data)
    client.mset({b"r/z": b"below", b"s0": b"above", b"s": b"shorter", b"S/a": b"another case"})
    want = sorted(data.items())
    for limit in (7, 1000, 20_000):
        with Counting(client) as counting:
            assert paged(any_store, b"s/", limit) == want
        # One more of them at most, for what SCAN does while its table is being resized.
        assert counting.calls["scan"] <= 2 * (len(data) // _redis.SCAN_COUNT + 1)
        assert counting.calls["mget"] == -(-len(want) // limit)


def test_a_scan_may_start_in_the_middle(any_store: Any, client: redis.Redis) -> None:
    data = {b"k/%03d" % i: b"%d" % i for i in range(100)}
    client.mset(data)
    assert paged(any_store, b"k/", 7, after=b"k/050") == sorted(data.items())[51:]
    assert paged(any_store, b"k/", 7, after=b"k/050x") == sorted(data.items())[51:]
    assert paged(any_store, b"k/", 7, after=b"a") == sorted(data.items())
    assert any_store.scan(b"k/", b"l", 5) == [] == any_store.scan(b"none/", None, 5)
    assert any_store.scan(b"k/", None, 0) == []
    client.flushall()
    assert any_store.scan(b"", None, 5) == []


@pytest.mark.parametrize(
    "prefix", [b"*", b"?", b"[", b"]", b"[a-c]", b"[^a]", b"\\", b"a\\*", b"-", b"^", b"\xff", b"", b"\n", b"{a}"]
)
def test_a_prefix_means_its_very_bytes(any_store: Any, client: redis.Redis, prefix: bytes) -> None:
    keys = [head + tail for head in (prefix, b"", b"a", b"b", b"a*", b"\\", b"a\\x") for tail in (b"/1", b"")]
    keys = [key for key in keys if key]
    client.mset({key: key for key in keys})
    want = sorted((key, key) for key in {*keys} if key.startswith(prefix))
    assert paged(any_store, prefix, 2) == want


def test_what_vanishes_or_is_no_string_is_left_out(any_store: Any, client: redis.Redis) -> None:
    client.mset({b"k/%02d" % i: b"v" for i in range(20)})
    client.rpush("k/10x", "no string")
    first = any_store.scan(b"k/", None, 5)
    assert [key for key, _ in first] == [b"k/%02d" % i for i in range(5)]
    # A whole page is gone, and most of the next: an empty page would end the scan.
    client.delete(*(b"k/%02d" % i for i in range(5, 13)))
    client.set(b"k/13", b"changed")
    assert any_store.scan(b"k/", b"k/04", 5) == [(b"k/13", b"changed")]
    assert [key for key, _ in any_store.scan(b"k/", b"k/13", 50)] == [b"k/%02d" % i for i in range(14, 20)]
    client.delete(*(b"k/%02d" % i for i in range(20)))
    assert any_store.scan(b"k/", b"k/19", 5) == []


def test_a_new_scan_sees_what_was_written_before_it(any_store: Any, client: redis.Redis) -> None:
    client.mset({b"k/%d" % i: b"v" for i in range(6)})
    abandoned = any_store.scan(b"k/", None, 2)
    client.set(b"k/3x", b"new")
    newer = any_store.scan(b"k/", None, 2)
    assert abandoned == newer
    # The old scan goes on, and serves itself of the newer pass; the newer one must not be served of the older.
    assert any_store.scan(b"k/", b"k/1", 3) == [(b"k/2", b"v"), (b"k/3", b"v"), (b"k/3x", b"new")]
    assert any_store.scan(b"k/", b"k/1", 3) == [(b"k/2", b"v"), (b"k/3", b"v"), (b"k/3x", b"new")]


def test_more_keys_than_a_scan_collects_are_an_error(
    any_store: Any, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_redis, "MAX_SCAN_KEYS", 99)
    client.mset({b"k\xff/%d" % i: b"v" for i in range(100)})
    with pytest.raises(StoreError, match=r"more than 99 keys begin with `k\\xff/`.*longer prefixes"):
        any_store.scan(b"k\xff/", None, 10)
    assert len(any_store.scan(b"k\xff/9", None, 100)) == 11


def test_what_is_read_ahead_is_bounded(store: RedisStore, client: redis.Redis) -> None:
    client.mset({b"%03d/%d" % (scan, i): b"v" for scan in range(100) for i in range(3)})
    for scan in range(100):
        store.scan(b"%03d/" % scan, None, 1)
    assert len(store._ahead._rests) == _ahead.MAX_SCANS
    # What was let go is read again.
    assert [key for key, _ in store.scan(b"000/", b"000/0", 5)] == [b"000/1", b"000/2"]
    small: _ahead.ReadAhead[bytes] = _ahead.ReadAhead(5)
    for last in (b"a", b"b", b"c"):
        small.keep(b"", last, _ahead.Rest(small.begin(), [b"1", b"2", b"3"]))
    assert [small.take(b"", last) is not None for last in (b"a", b"b", b"c")] == [False, False, True]


def test_threads_scan_at_once(store: RedisStore, client: redis.Redis) -> None:
    data = {b"k/%04d" % i: b"%d" % i for i in range(1000)}
    client.mset(data)
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(paged(store, b"k/", 50) == sorted(data.items())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8


def test_a_fork_leaves_no_lock_held(store: RedisStore) -> None:
    with store._ahead._lock, warnings.catch_warnings():
        # Later Pythons warn of a fork where there are threads, which libraries of the other tests have.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            # The lock is held by the parent: a child that waited for it would hang, and be ended by the alarm.
            signal.alarm(30)
            with contextlib.suppress(BaseException):
                os._exit(0 if store._ahead.take(b"", b"") is None else 1)
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- batches


def test_a_batch_is_one_transaction_in_order(any_store: Any, client: redis.Redis) -> None:
    client.mset({b"gone": b"v", b"kept": b"v"})
    with Counting(client) as counting:
        any_store.batch(
            [
                ("put", b"\xff", b"\0"),
                ("delete", b"gone"),
                ("put", b"twice", b"1"),
                ("put", b"twice", b"2"),
                ("put", b"made", b"v"),
                ("delete", b"made"),
            ]
        )
    assert counting.calls["multi"] == counting.calls["exec"] == 1
    assert {key: client.get(key) for key in client.keys()} == {b"\xff": b"\0", b"kept": b"v", b"twice": b"2"}
    any_store.batch([])


def test_a_batch_of_which_one_is_refused_applies_nothing(any_store: Any, client: redis.Redis) -> None:
    client.set(b"kept", b"v")
    # Deletes may be queued when the memory is full, puts may not: redis then discards the transaction.
    client.config_set("maxmemory", 1)
    with pytest.raises(redis.RedisError):
        any_store.batch([("delete", b"kept"), ("put", b"a", b"1"), ("delete", b"b")])
    client.config_set("maxmemory", 0)
    assert client.keys() == [b"kept"]


def test_a_batch_with_what_is_no_operation_applies_nothing(any_store: Any, client: redis.Redis) -> None:
    with pytest.raises(ValueError, match="not `incr`"):
        any_store.batch([("put", b"a", b"1"), ("incr", b"a")])
    assert client.keys() == []


def test_others_never_see_half_a_batch(store: RedisStore, server: RedisServer) -> None:
    done, halves = threading.Event(), []

    def watch() -> None:
        with server.client() as client:
            while not done.is_set():
                if len({*client.mget([b"a", b"b", b"c"])}) != 1:
                    halves.append(True)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for i in range(300):
        store.batch([("put", key, b"%d" % i) for key in (b"a", b"b", b"c")])
    done.set()
    watcher.join()
    assert not halves
