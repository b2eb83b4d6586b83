"""The application that `test_fork.py` serves with gunicorn: the engine is made before the workers are forked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from forks import preloaded

from checkrein import PolicyViolation

POLICY = preloaded(Path(os.environ["CHECKREIN_TEST_FOLDER"]))
# The master works with it too.
POLICY.put(b"users/master", b"0", {"agent_id": "master"})


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    key = environ["PATH_INFO"].lstrip("/").encode()
    try:
        POLICY.put(key, b"1", {"agent_id": "web"})
        status, body = "200 OK", POLICY.get(key) or b""
    except PolicyViolation as error:
        status, body = "403 Forbidden", error.reason.encode()
    POLICY.flush_audit()
    start_response(status, [("Content-Length", str(len(body))), ("X-Pid", str(os.getpid()))])
    return [body]
