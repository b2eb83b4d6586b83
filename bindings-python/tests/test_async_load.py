"""The async engine under load: a thousand tasks cancelled at random, and a web application in several processes."""

from __future__ import annotations

import asyncio
import collections
import json
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

import checkrein
import web_app
from checkrein import AsyncPolicyEngine, Database, ManualClock, PolicyAction, PolicyViolation

HERE = Path(__file__).resolve().parent


class Unsteady:
    """An async store over a dict, with a random number of suspensions before and after it does what it is asked."""

    def __init__(self, chance: random.Random) -> None:
        self.data: dict[bytes, bytes] = {}
        self.asked: set[bytes] = set()
        self.chance = chance

    async def put(self, key: bytes, value: bytes) -> None:
        self.asked.add(key)
        await pause(self.chance)
        self.data[key] = value
        await pause(self.chance)

    async def get(self, key: bytes) -> bytes | None:
        await pause(self.chance)
        return self.data.get(key)

    async def delete(self, key: bytes) -> None:
        self.data.pop(key, None)


async def pause(chance: random.Random) -> None:
    for _ in range(chance.randrange(4)):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_tasks_cancelled_at_random(backend: str, seed: int) -> None:
    """Whatever is cancelled wherever: one entry for each operation, and none of them says what is not so."""
    chance = random.Random(seed)
    store = Unsteady(chance)
    policy = AsyncPolicyEngine(store)
    policy.enable_audit()
    told: list[str] = []
    ended: dict[bytes, str] = {}

    @policy.before_write("**")
    async def before(key: bytes, value: bytes, context: Any) -> PolicyAction | None:
        await pause(chance)
        assert context["agent_id"].encode() == key, "contexts never mix"
        return PolicyAction.DENY if key.endswith(b"7") else None

    @policy.after_write("**")
    async def after(key: bytes, value: bytes, context: Any) -> None:
        await pause(chance)

    @policy.on_denied()
    async def listener(error: PolicyViolation) -> None:
        await pause(chance)

    async def sink(entry: Any, phase: Any) -> None:
        await pause(chance)
        told.append(entry["key"])

    policy.add_audit_sink(sink)

    async def act(name: bytes, scope: anyio.CancelScope) -> None:
        with scope, checkrein.context(agent_id=name.decode()):
            try:
                await policy.put(name, b"v")
                ended[name] = "written"
            except PolicyViolation:
                ended[name] = "refused"
            except BaseException:
                ended[name] = "cancelled"
                raise

    async def main() -> None:
        scopes = [anyio.CancelScope() for _ in range(1000)]
        async with anyio.create_task_group() as group:
            for n, scope in enumerate(scopes):
                group.start_soon(act, b"%d" % n, scope)
            for _ in range(12):
                for scope in chance.sample(scopes, 40):
                    scope.cancel()
                await anyio.lowlevel.checkpoint()

    anyio.run(main, backend=backend)
    entries = {entry["key"].encode(): entry for entry in policy.get_audit_log(limit=10_000)}
    started = [name for name in ended if name in entries]
    assert len(policy.get_audit_log(limit=10_000)) == len(entries) == len(started)
    counts = collections.Counter(ended.values())
    assert min(counts["written"], counts["refused"], counts["cancelled"]) > 0
    for name, entry in entries.items():
        match ended[name]:
            case "written":
                assert (entry["result"], entry["applied"]) == ("allowed", True) and name in store.data
            case "refused":
                assert (entry["result"], entry["applied"]) == ("denied", False) and name not in store.asked
            case "cancelled" if entry["result"] == "denied":
                assert entry["applied"] is False and name not in store.asked
            case "cancelled" if entry["result"] == "unknown":
                assert entry["reason"] == "abandoned" and name in store.asked
                assert name in store.data or not entry.get("applied")
            case "cancelled":
                # In the sink, when all was done and in the ring.
                assert (entry["result"], entry["applied"]) == ("allowed", True) and name in store.data


async def requests_of_many_agents(client: httpx.AsyncClient, agents: int, each: int) -> collections.Counter[int]:
    async def one(agent: int, n: int) -> int:
        response = await client.put(f"/notes/{agent}-{n}", headers={"x-agent": f"agent-{agent}"})
        return response.status_code

    calls = [one(agent, n) for agent in range(agents) for n in range(each)]
    random.Random(1).shuffle(calls)
    return collections.Counter(await asyncio.gather(*calls))


def test_a_web_application_with_one_engine() -> None:
    """Handlers under concurrent load: each request acts in its own context, limits are exact for each agent."""

    async def main() -> None:
        clock = ManualClock(wall_ns=1_700_000_000_000_000_000)
        policy = AsyncPolicyEngine(Database.memory(), clock=clock)
        app = web_app.make(policy)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            counts = await requests_of_many_agents(client, agents=20, each=30)
            forbidden = await client.put("/system/config", headers={"x-agent": "agent-99"})
            anonymous = await client.put("/notes/x")
        assert counts == {200: 20 * web_app.PER_MINUTE, 429: 20 * (30 - web_app.PER_MINUTE)}
        assert (forbidden.status_code, anonymous.status_code) == (403, 403)
        entries = policy.get_audit_log(limit=10_000, operation="write")
        results = collections.Counter((entry.get("agent_id"), entry["result"]) for entry in entries)
        for agent in range(20):
            assert results[f"agent-{agent}", "allowed"] == web_app.PER_MINUTE
            assert results[f"agent-{agent}", "rate_limited"] == 30 - web_app.PER_MINUTE
        for entry in entries:
            if entry["key"].startswith("notes/"):
                named = entry["key"].removeprefix("notes/").partition("-")[0]
                assert entry.get("agent_id") in (f"agent-{named}", None)
        assert len(entries) == 20 * 30 + 2

    asyncio.run(main())


def test_a_web_application_in_two_processes(tmp_path: Path) -> None:
    """uvicorn with two workers: each has an engine of its own, as the application makes it, and neither mixes contexts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "web_app:from_environment", "--factory", "--workers", "2"]
    command += ["--port", str(port), "--log-level", "info"]
    environment = {"PYTHONPATH": str(HERE), "AUDIT_FOLDER": str(tmp_path), "PATH": "/usr/bin:/bin"}
    server = subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        ready, log = 0, []
        for line in server.stdout:
            log.append(line)
            ready += "Application startup complete" in line
            if ready == 2:
                break
        assert ready == 2, "".join(log)

        async def main() -> collections.Counter[int]:
            limits = httpx.Limits(max_connections=20, max_keepalive_connections=0)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=60) as client:
                return await requests_of_many_agents(client, agents=10, each=30)

        counts = asyncio.run(main())
    finally:
        server.terminate()
        server.communicate()
    assert counts[200] + counts[429] == 300
    lines: list[dict[str, Any]] = []
    for path in sorted(tmp_path.glob("audit-*.jsonl")):
        report = checkrein.verify_audit(path)
        assert report["ok"], report
        records = [json.loads(line) for line in path.read_text().splitlines()]
        entries = [record for record in records if record.get("operation") == "write" and record["phase"] == "done"]
        by_agent = collections.Counter(
            entry["agent_id"] for entry in entries if entry["result"] == "allowed"
        )
        assert all(count <= web_app.PER_MINUTE for count in by_agent.values()), by_agent
        lines += entries
    assert len(lines) == 300
    assert collections.Counter(line["result"] for line in lines)["allowed"] == counts[200]
    for line in lines:
        assert line["agent_id"] == "agent-" + line["key"].removeprefix("notes/").partition("-")[0]
