"""What a user writes, checked by `mypy --strict`. It is run too."""

import asyncio
import logging
from collections.abc import Mapping

import redis

import checkrein
from checkrein import (
    AsyncPolicyEngine,
    AsyncScan,
    AuditFileHandle,
    AuditSinkHandle,
    Database,
    HookHandle,
    ListenerHandle,
    ManualClock,
    PolicyAction,
    PolicyDocument,
    PolicyEngine,
    PolicyViolation,
    RateLimitExceeded,
    StoreError,
)
from checkrein.policy import deny_all, log_and_allow, redact_value, require_agent_id
from checkrein.types import AuditEntry, AuditReport, BatchOp, Explanation, HookContext


class DictStore:
    """A store of the user's."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes) -> None:
        self.data[key] = value

    def get(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    def delete(self, key: bytes) -> None:
        self.data.pop(key, None)


clock = ManualClock(wall_ns=1_700_000_000_000_000_000)
policy = PolicyEngine(redis.Redis())
policy = PolicyEngine(DictStore(), clock=clock)


@policy.before_write("system/*")
def block_system_writes(
    key: bytes, value: bytes | None, context: Mapping[str, str | bool | int]
) -> PolicyAction:
    if context.get("agent_id"):
        return PolicyAction.DENY
    return PolicyAction.ALLOW


@policy.after_read("users/*/email")
def redact_emails(key: bytes, value: bytes, context: Mapping[str, object]) -> bytes:
    return b"[REDACTED]" if context.get("redact_pii") else value


@policy.before_read("secrets/**")
def count_reads(key: bytes, value: None, context: Mapping[str, object]) -> None:
    return None


handle: HookHandle = policy.before_write("agents/*", require_agent_id)
policy.before_delete("readonly/*", deny_all)
policy.after_read("secrets/*", redact_value(b"[REDACTED]"))
policy.before_write("logged/*", log_and_allow(logging.getLogger("audit")))
policy.before_write("printed/*", log_and_allow(print))
removed: bool = policy.remove(handle)

policy.add_rate_limit("write", max_per_minute=1000, scope="global")
policy.enable_audit(max_entries=100)
policy.put(b"users/alice", b"data", context={"agent_id": "agent_001"})
value: bytes | None = policy.get(b"users/alice")
try:
    policy.put(b"system/config", b"malicious", context={"agent_id": "rogue"})
except RateLimitExceeded as error:
    wait: float = error.retry_after
except PolicyViolation as error:
    reason: str = error.reason
    key: bytes | None = error.key
except StoreError as error:
    cause: BaseException | None = error.__cause__

for entry in policy.get_audit_log(limit=100):
    print(f"{entry['timestamp']}: {entry['operation']} {entry['key']} -> {entry['result']}")

with Database.memory() as database:
    other = PolicyEngine(database)
    other.put(bytearray(b"k"), memoryview(b"v"))
closed: bool = database.closed

document: PolicyDocument = PolicyDocument.parse(
    'version: 1\nhooks: [{on: before_write, keys: "system/**", action: deny}]', "yaml"
)
several = PolicyEngine(Database.memory(), document, require_context=("agent_id",), mode="enforce")
listener: ListenerHandle = several.on_denied(lambda error: print(error.reason))


@several.on_denied()
def tell(error: PolicyViolation) -> None:
    print(error.code)


def sink(entry: AuditEntry, phase: str | None) -> None:
    print(entry["operation"], phase)


handed: AuditSinkHandle = several.add_audit_sink(sink, strict=True)
ops: list[BatchOp] = [("put", b"users/a", b"1"), ("delete", b"users/b")]
with checkrein.context(agent_id="agent_001"):
    several.batch(ops)
    values: list[bytes | None] = several.get_many([b"users/a"])
    with several.scan(b"users/") as pairs:
        for name, content in pairs:
            print(name.decode(), content.decode())
    explained: Explanation = several.explain("write", b"users/a")
    work = checkrein.carry(several.get)
    result: bytes | None = work(b"users/a")
several.remove(listener)
several.remove(tell)
several.remove_audit_sink(handed)
several.reload(document)


def written(engine: PolicyEngine) -> AuditReport:
    file: AuditFileHandle = engine.add_audit_file("audit.jsonl", fsync="always", rotate_bytes=1 << 20)
    head: str = file.head()
    file.close()
    return checkrein.verify_audit("audit.jsonl", head=head)


class Shelf:
    """A store of which some methods are async."""

    async def put(self, key: bytes, value: bytes) -> None: ...

    async def get(self, key: bytes) -> bytes | None:
        return b"v"

    def delete(self, key: bytes) -> None: ...


shelf = AsyncPolicyEngine(Shelf(), document, mode="enforce")
other_async = AsyncPolicyEngine(Database.memory(), max_open_operations=10)


@shelf.before_write("users/*")
async def ask(key: bytes, value: bytes, context: HookContext) -> PolicyAction | None:
    return None


@shelf.after_read("users/*")
def show(key: bytes, value: bytes, context: HookContext) -> bytes:
    return value


@shelf.on_denied()
async def tell_later(error: PolicyViolation) -> None:
    print(error.code)


async def async_sink(entry: AuditEntry, phase: str | None) -> None: ...


async def use() -> None:
    await shelf.put(b"users/a", b"1", context={"agent_id": "a"})
    read: bytes | None = await shelf.get(b"users/a")
    many: list[bytes | None] = await shelf.get_many([b"users/a"])
    await shelf.batch(ops, atomic=False)
    await shelf.delete(b"users/a")
    walk: AsyncScan = other_async.scan(b"users/")
    async for key, value in walk:
        print(key.decode(), value.decode())
    await walk.aclose()
    shelf.remove_audit_sink(shelf.add_audit_sink(async_sink, strict=True))
    shelf.remove(ask)
    print(read, many)


asyncio.run(use())
