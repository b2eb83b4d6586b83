"""The web application of the tests: one engine for all requests, each of which says its agent once."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio.lowlevel
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

import checkrein
from checkrein import AsyncPolicyEngine, Database, ManualClock, PolicyViolation, RateLimitExceeded
from checkrein.policy import require_agent_id

PER_MINUTE = 10


def make(policy: AsyncPolicyEngine) -> FastAPI:
    app = FastAPI()
    policy.enable_audit()
    policy.add_rate_limit("write", max_per_minute=PER_MINUTE, scope="agent_id")
    policy.before_write("**", require_agent_id)

    @policy.before_write("**")
    async def looks_up_something(key: bytes, value: bytes, context: Any) -> None:
        await anyio.lowlevel.checkpoint()
        await policy.get(b"settings")

    @policy.before_write("system/**")
    async def no_system_writes(key: bytes, value: bytes, context: Any) -> checkrein.PolicyAction:
        return checkrein.PolicyAction.deny("not for agents")

    @app.middleware("http")
    async def says_who_acts(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        with checkrein.context(agent_id=request.headers.get("x-agent")):
            return await call_next(request)

    @app.exception_handler(PolicyViolation)
    async def refused(request: Request, error: Exception) -> Response:
        limited = isinstance(error, RateLimitExceeded)
        return JSONResponse({"error": str(error)}, status_code=429 if limited else 403)

    @app.put("/{key:path}")
    async def write(key: str) -> dict[str, str]:
        await anyio.lowlevel.checkpoint()
        await policy.put(key.encode(), b"note")
        return {"written": key}

    return app


def from_environment() -> FastAPI:
    """A worker's own application, with an audit file of its own."""
    policy = AsyncPolicyEngine(Database.memory(), clock=ManualClock(wall_ns=1_700_000_000_000_000_000))
    app = make(policy)
    policy.add_audit_file(Path(os.environ["AUDIT_FOLDER"]) / f"audit-{os.getpid()}.jsonl", fsync="never", strict=True)
    return app
