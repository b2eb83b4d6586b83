"""The async engine over real clients: redis.asyncio against a real server, sochdb in worker threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from redis_server import RedisServer
from sochdb import Database as SochDatabase

from checkrein import (
    AsyncPolicyEngine,
    ConfigError,
    ManualClock,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
)
from checkrein.adapters import AsyncRedisStore
from checkrein.policy import redact_value


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_redis_behind_the_engine(server: RedisServer) -> None:
    async def main() -> None:
        async with server.async_client() as client:
            await client.flushall()
            policy = AsyncPolicyEngine(client, clock=ManualClock())
            policy.enable_audit()
            policy.add_rate_limit("write", max_per_minute=120, scope="agent_id")
            policy.after_read("secrets/*", redact_value(b"[REDACTED]"))

            @policy.before_write("users/*")
            async def asks_redis(key: bytes, value: bytes, context: Any) -> bytes | None:
                return await client.get(b"default")

            await client.set(b"default", b"mended")
            names = [b"users/%03d" % n for n in range(100)]
            await asyncio.gather(*(policy.put(name, b"v", context={"agent_id": "a"}) for name in names))
            assert await client.get(b"users/007") == b"mended"
            assert [pair async for pair in policy.scan(b"users/")] == [(name, b"mended") for name in names]
            await policy.batch([("put", b"secrets/1", b"s"), ("delete", names[0])], context={"agent_id": "a"})
            assert await policy.get_many([b"secrets/1", names[0]]) == [b"[REDACTED]", None]
            for _ in range(19):
                await policy.delete(names[1])
                await policy.put(b"k", b"v", context={"agent_id": "a"})
            with pytest.raises(RateLimitExceeded):
                await policy.put(b"k", b"v", context={"agent_id": "a"})
            results = [entry["result"] for entry in policy.get_audit_log(limit=1000, operation="write")]
            assert results.count("modified") == 100 and results[-1] == "rate_limited"

    asyncio.run(main())


def test_cancelled_while_redis_is_asked(server: RedisServer) -> None:
    async def main() -> None:
        async with server.async_client() as client, server.async_client() as other:
            policy = AsyncPolicyEngine(client)
            policy.enable_audit()
            await other.execute_command("CLIENT", "PAUSE", 10_000, "WRITE")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(policy.put(b"k", b"v"), 0.01)
            (entry,) = policy.get_audit_log()
            assert (entry["result"], entry["reason"]) == ("unknown", "abandoned")
            await other.execute_command("CLIENT", "UNPAUSE")
            assert await policy.get(b"none") is None

    asyncio.run(main())


def test_a_server_that_is_gone_is_a_store_error() -> None:
    async def main() -> None:
        with RedisServer() as server:
            async with server.async_client() as client:
                policy = AsyncPolicyEngine(client)
                await policy.put(b"k", b"v")
                server.kill()
                with pytest.raises(StoreError) as failed:
                    await policy.put(b"k", b"v")
                assert isinstance(failed.value.__cause__, redis.exceptions.ConnectionError)

    asyncio.run(main())


def test_each_engine_takes_its_own_kind_of_client(server: RedisServer) -> None:
    with server.client() as client:
        with pytest.raises(ConfigError, match=r"sync client.*redis\.asyncio\.Redis"):
            AsyncPolicyEngine(client)
    asynchronous = server.async_client()
    with pytest.raises(ConfigError, match="AsyncPolicyEngine"):
        PolicyEngine(asynchronous)  # type: ignore[arg-type]
    assert "AsyncPolicyEngine" in repr(AsyncPolicyEngine(AsyncRedisStore(asynchronous)))
    for wrong in (object(), dict, None, 5):
        with pytest.raises(ConfigError):
            AsyncPolicyEngine(wrong)  # type: ignore[arg-type]


def test_sochdb_works_in_worker_threads(tmp_path: Path) -> None:
    threads: set[int] = set()

    async def main() -> None:
        with SochDatabase.open(str(tmp_path)) as database:
            policy = AsyncPolicyEngine(database)
            policy.before_write("system/**", lambda key, value, context: False)
            await policy.put(b"users/1", b"one")
            await policy.batch([("put", b"users/2", b"two")])
            assert [pair async for pair in policy.scan(b"users/")] == [(b"users/1", b"one"), (b"users/2", b"two")]
            with pytest.raises(PolicyViolation):
                await policy.put(b"system/1", b"v")
            original = database.put
            database.put = lambda key, value: (threads.add(threading.get_ident()), original(key, value))[1]
            await policy.put(b"users/3", b"three")
            assert await policy.get(b"users/3") == b"three"
            await policy.delete(b"users/3")

    asyncio.run(main())
    assert threads and threading.get_ident() not in threads
