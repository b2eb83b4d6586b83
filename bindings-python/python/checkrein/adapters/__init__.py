"""Adapters that make stores of well-known clients: ``redis`` (sync and asyncio) and ``sochdb``.

A client is found by its type, never by the names of its methods, which mean other things there (``scan`` of ``sochdb``
is a range scan). Nothing here imports ``redis`` or ``sochdb``. An engine adapts what it is given by itself; call
:func:`adapt` only to use an adapter without one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from checkrein.adapters._redis import AsyncRedisStore, RedisStore
from checkrein.adapters._sochdb import SochdbStore
from checkrein.errors import ConfigError

__all__ = ["AsyncRedisStore", "RedisStore", "SochdbStore", "adapt"]

_Adapter: TypeAlias = type[RedisStore] | type[AsyncRedisStore] | type[SochdbStore]

_ADAPTERS: dict[tuple[str, str], _Adapter] = {
    ("redis.client", "Redis"): RedisStore,
    ("redis.asyncio.client", "Redis"): AsyncRedisStore,
    ("sochdb.database", "Database"): SochdbStore,
}

_PIPELINE = "a pipeline keeps commands back until `execute`: give the client that it was made from"
_CLUSTER = "a batch over the nodes of a cluster is not atomic: give a `redis.Redis`, or a store of your own over it"
_SERVER = "only the embedded `sochdb.Database` has an adapter: give that, or a store of your own over this client"

_REFUSED: dict[tuple[str, str], str] = {
    ("redis.client", "Pipeline"): _PIPELINE,
    ("redis.asyncio.client", "Pipeline"): _PIPELINE,
    ("redis.cluster", "ClusterPipeline"): _PIPELINE,
    ("redis.asyncio.cluster", "ClusterPipeline"): _PIPELINE,
    ("redis.cluster", "RedisCluster"): _CLUSTER,
    ("redis.asyncio.cluster", "RedisCluster"): _CLUSTER,
    ("redis.sentinel", "Sentinel"): "a sentinel holds no keys: give what its `master_for` returns",
    ("redis.asyncio.sentinel", "Sentinel"): "a sentinel holds no keys: give what its `master_for` returns",
    ("sochdb.database", "Transaction"): "a transaction can still be aborted: give its `Database`",
    ("sochdb.grpc_client", "SochDBClient"): _SERVER,
    ("sochdb.ipc_client", "IpcClient"): _SERVER,
    ("sochdb.namespace", "Namespace"): "a namespace has text for keys: give its `Database`",
}


def adapt(store: Any) -> RedisStore | AsyncRedisStore | SochdbStore | None:
    """The adapter for a well-known client; ``None`` for anything else. Subclasses count, and an adapter is its own.

    ``is_async`` of the adapter says whether its calls are to be awaited. Raises :class:`checkrein.ConfigError` for
    what belongs to such a package and cannot stand behind an engine, saying what to give instead.
    """
    if isinstance(store, (RedisStore, AsyncRedisStore, SochdbStore)):
        return store
    for kind in type(store).__mro__:
        place = (kind.__module__, kind.__qualname__)
        if adapter := _ADAPTERS.get(place):
            return adapter(store)
        package = kind.__module__.partition(".")[0]
        if package in ("redis", "sochdb"):
            known = "`redis.Redis`, `redis.asyncio.Redis` and `sochdb.Database` have adapters"
            why = _REFUSED.get(place, f"{known}: give one of these, or a store of your own over it")
            raise ConfigError(f"a `{kind.__qualname__}` of `{kind.__module__}` cannot be the store: {why}")
    return None
