"""What the tests of forks share: children that cannot hang, and a store that each process opens for itself."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from checkrein import Database, PolicyEngine

# A child that waits for a lock that nobody will release is ended by this alarm, and the test fails.
SECONDS = 30


def in_child(work: Callable[[], None]) -> int:
    """Forks; the child does the work and ends, the parent gets its process id."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait_for(pid: int) -> None:
    """Waits for a child, which must have ended well."""
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the child {pid} ended with {os.waitstatus_to_exitcode(status)}"


@contextmanager
def load(work: Callable[[int], None], threads: int = 4) -> Iterator[None]:
    """Threads that do the work over and over meanwhile; what they raise is raised in the end."""
    over, raised = threading.Event(), []
    started = threading.Barrier(threads + 1)

    def run(number: int) -> None:
        try:
            work(number)
            started.wait()
            while not over.is_set():
                work(number)
        except BaseException as error:
            raised.append(error)
            started.abort()

    runners = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for runner in runners:
        runner.start()
    try:
        started.wait()
        yield
    finally:
        over.set()
        for runner in runners:
            runner.join()
        if raised:
            raise raised[0]


class OwnDatabase:
    """A store whose `Database` each process opens for itself, when it is first used there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: tuple[int, Database] | None = None
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        self.lock = threading.Lock()

    def mine(self) -> Database:
        with self.lock:
            if self.opened is None or self.opened[0] != os.getpid():
                folder = self.folder / f"data-{os.getpid()}"
                self.opened = os.getpid(), Database.open(folder, durability="relaxed")
            return self.opened[1]

    def put(self, key: bytes, value: bytes) -> None:
        self.mine().put(key, value)

    def get(self, key: bytes) -> bytes | None:
        return self.mine().get(key)

    def delete(self, key: bytes) -> None:
        self.mine().delete(key)

    def scan(self, prefix: bytes, after: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        return self.mine().scan(prefix, after, limit)


DOCUMENT = """
version: 1
name: preloaded
hooks:
  - {on: before_write, keys: "system/**", action: deny, reason: not for agents}
rate_limits:
  - {operation: write, max_per_hour: 1000000, scope: agent_id}
audit: {max_entries: 1000, file: {path: "FILE"}}
"""


def preloaded(folder: Path) -> PolicyEngine:
    """What a server makes before it forks its workers."""
    from checkrein import PolicyDocument

    document = PolicyDocument.parse(DOCUMENT.replace("FILE", str(folder / "audit.jsonl")), "yaml")
    return PolicyEngine(OwnDatabase(folder), document)
