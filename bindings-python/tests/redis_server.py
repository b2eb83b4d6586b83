"""A real redis-server of the tests' own: on a unix socket in a directory of its own, without persistence."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
import redis.asyncio
import redis.asyncio.retry
import redis.backoff
import redis.retry


class RedisServer:
    """Started when made, stopped by ``kill`` or at the end of ``with``."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise RuntimeError("no redis-server on the PATH: run `make redis` at the top of the checkout")
        # Not pytest's: a unix socket's path has at most 107 bytes.
        self._home = tempfile.TemporaryDirectory(prefix="checkrein-redis-")
        self.socket = str(Path(self._home.name) / "socket")
        options = {
            "port": "0",
            "unixsocket": self.socket,
            "dir": self._home.name,
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        command = [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        log = []
        for line in self._process.stdout:
            log.append(line)
            if "ready to accept connections" in line.lower():
                return
        self.kill()
        raise RuntimeError("redis-server did not start:\n" + "".join(log))

    def client(self, **options: Any) -> redis.Redis:
        """A client that does not try again, so that a killed server is told of at once."""
        retry = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        return redis.Redis(unix_socket_path=self.socket, retry=retry, **options)

    def async_client(self, **options: Any) -> redis.asyncio.Redis:
        """The same for asyncio."""
        retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        return redis.asyncio.Redis(unix_socket_path=self.socket, retry=retry, **options)

    def kill(self) -> None:
        """Ends it, as a crash would."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._home.cleanup()

    def __enter__(self) -> RedisServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
