"""Forks under load: what the child finds of its parent's is refused or starts afresh, and nothing hangs."""

from __future__ import annotations

import http.client
import itertools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forks import OwnDatabase, in_child, load, preloaded, wait_for

import checkrein
from checkrein import CheckreinError, Database, PolicyEngine, StoreError, UsageError

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """A test that hangs ends all of them, with a trace of each thread."""
    import faulthandler

    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def head_in(file: Path) -> tuple[str, str]:
    """The parent's head and file that the first line of a child's file names."""
    first = json.loads(file.read_text().splitlines()[0])
    return first["parent"], first["parent_file"]


def test_the_childs_database_says_open_it_after_the_fork(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "data")
    policy = PolicyEngine(database)
    policy.add_audit_file(tmp_path / "audit.jsonl")
    numbers = itertools.count()

    def child() -> None:
        for call in (lambda: policy.put(b"k", b"v"), lambda: policy.get(b"k"), lambda: database.get(b"k")):
            with pytest.raises(StoreError, match="open it after the fork") as raised:
                call()
            assert raised.value.code == "store_closed"
        with pytest.raises(StoreError, match="open it after the fork"):
            list(policy.scan(b""))
        database.close()
        with Database.open(tmp_path / f"data-{os.getpid()}") as mine:
            PolicyEngine(mine).put(b"k", b"mine")
            assert mine.get(b"k") == b"mine"

    with load(lambda thread: policy.put(b"load/%d" % (next(numbers) % 100), b"v")):
        for pid in [in_child(child) for _ in range(8)]:
            wait_for(pid)
    policy.put(b"after", b"v")
    assert database.get(b"after") == b"v"
    policy.flush_audit()
    assert checkrein.verify_audit(tmp_path / "audit.jsonl")["ok"]


def test_limits_and_audit_start_afresh_and_the_file_names_its_parents_head(tmp_path: Path) -> None:
    policy = preloaded(tmp_path)
    policy.add_rate_limit("read", max_per_hour=2)
    policy.get(b"k")
    policy.get(b"k")
    parent = tmp_path / "audit.jsonl"

    def child() -> None:
        (limit,) = policy.rate_limit_status("read")
        assert limit["remaining"] == limit["capacity"] == 2
        policy.put(b"users/a", b"1", {"agent_id": "child"})
        assert policy.get(b"users/a") == b"1"
        with pytest.raises(checkrein.PolicyViolation, match="not for agents"):
            policy.put(b"system/x", b"1", {"agent_id": "child"})
        assert [entry["sequence"] for entry in policy.get_audit_log()] == [1, 2, 3]
        policy.flush_audit()
        mine = tmp_path / f"audit-{os.getpid()}.jsonl"
        report = checkrein.verify_audit(mine)
        assert report["ok"] and report["lines"] == 4, report

    children = []
    with load(lambda thread: policy.put(b"load/%d" % thread, b"v", {"agent_id": f"a{thread}"})):
        for _ in range(8):
            children.append(in_child(child))
            wait_for(children[-1])
    policy.flush_audit()
    assert checkrein.verify_audit(parent)["ok"]
    lines = map(json.loads, parent.read_text().splitlines())
    heads = {f"{line['sequence']}:{line['hash']}" for line in lines}
    for pid in children:
        head, name = head_in(tmp_path / f"audit-{pid}.jsonl")
        assert name == parent.name and head in heads


def test_children_of_children(tmp_path: Path) -> None:
    policy = preloaded(tmp_path)

    def grandchild() -> None:
        policy.put(b"users/b", b"2")
        policy.flush_audit()
        mine = tmp_path / f"audit-{os.getpid()}.jsonl"
        assert checkrein.verify_audit(mine)["ok"]
        assert head_in(mine)[1] == f"audit-{os.getppid()}.jsonl"

    def child() -> None:
        policy.put(b"users/a", b"1")
        wait_for(in_child(grandchild))
        policy.put(b"users/a", b"1")
        assert len(policy.get_audit_log()) == 2

    with load(lambda thread: policy.put(b"load/%d" % thread, b"v")):
        wait_for(in_child(child))


def test_what_was_going_on_in_a_hook_is_refused_in_the_child(tmp_path: Path) -> None:
    policy = PolicyEngine(OwnDatabase(tmp_path))
    children: list[int] = []

    @policy.before_write("k")
    def fork(*args: Any) -> None:
        children.append(os.fork())

    code = 1
    try:
        policy.put(b"k", b"v")
        code = 0
    except CheckreinError as error:
        if children[-1] == 0:
            print(error, file=sys.stderr)
            code = 7 if policy.get(b"k") is None else 3
    finally:
        if children[-1] == 0:
            os._exit(code)
    _, status = os.waitpid(children[0], 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert policy.get(b"k") == b"v"


def test_a_scan_of_the_parents_is_refused_in_the_child(tmp_path: Path) -> None:
    policy = PolicyEngine(OwnDatabase(tmp_path))
    for n in range(5):
        policy.put(b"k%d" % n, b"v")
    scan = policy.scan(b"k")
    assert next(scan) == (b"k0", b"v")

    def child() -> None:
        with pytest.raises(CheckreinError):
            next(scan)
        assert list(scan) == []
        scan.close()

    wait_for(in_child(child))
    assert [key for key, _ in scan] == [b"k1", b"k2", b"k3", b"k4"]


def test_a_handle_of_the_parents_file_is_refused_in_the_child(tmp_path: Path) -> None:
    policy = PolicyEngine(OwnDatabase(tmp_path))
    handle = policy.add_audit_file(tmp_path / "audit.jsonl", strict=True)
    policy.put(b"k", b"v")
    head = handle.head()

    def child() -> None:
        with pytest.raises(UsageError, match="fork"):
            handle.flush()
        policy.put(b"k", b"v")

    with load(lambda thread: policy.get(b"k"), threads=2):
        wait_for(in_child(child))
    handle.close()
    assert checkrein.verify_audit(tmp_path / "audit.jsonl", head=head)["ok"]


WORKER: dict[str, Any] = {}


def begin(folder: Path) -> None:
    signal.alarm(60)
    WORKER["policy"] = PolicyEngine(Database.open(folder / f"worker-{os.getpid()}"))


def write(number: int) -> int:
    WORKER["policy"].put(b"k/%d" % number, b"v")
    return sum(1 for _ in WORKER["policy"].scan(b"k/"))


def test_multiprocessing_with_fork_under_load(tmp_path: Path) -> None:
    policy = preloaded(tmp_path)
    with load(lambda thread: policy.put(b"load/%d" % thread, b"v")):
        with multiprocessing.get_context("fork").Pool(3, begin, (tmp_path,)) as pool:
            counts = pool.map(write, range(60), chunksize=5)
            pool.close()
            pool.join()
    assert sum(1 for count in counts if count == 1) <= 3 and max(counts) >= 20


def test_gunicorn_with_preload_under_load(tmp_path: Path) -> None:
    address = str(tmp_path / "socket")
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--worker-class", "gthread"]
    command += ["--threads", "4", "--bind", f"unix:{address}", "--log-level", "warning", "gunicorn_app:application"]
    environment = os.environ | {"CHECKREIN_TEST_FOLDER": str(tmp_path)}
    server = subprocess.Popen(command, cwd=Path(__file__).parent, env=environment)
    try:
        answers = served(server, address, 400)
    finally:
        server.terminate()
        assert server.wait(20) == 0
    assert all(status == (403 if "system" in path else 200) for path, status, _ in answers)
    workers = {pid for _, _, pid in answers}
    assert len(workers) > 1, "one worker did it all"
    parent = tmp_path / "audit.jsonl"
    assert checkrein.verify_audit(parent)["ok"]
    told = 0
    for pid in workers:
        mine = tmp_path / f"audit-{pid}.jsonl"
        assert checkrein.verify_audit(mine)["ok"]
        head, name = head_in(mine)
        assert name == parent.name and checkrein.verify_audit(parent, head=head)["ok"]
        told += checkrein.audit.stats(mine)["operations"]["write"]
    assert told == len(answers)


def served(server: subprocess.Popen[bytes], address: str, requests: int) -> list[tuple[str, int, str]]:
    """The answers to requests from eight threads: path, status, process."""
    deadline = time.monotonic() + 20
    while not reachable(address):
        assert server.poll() is None and time.monotonic() < deadline, "gunicorn did not start"
        time.sleep(0.02)  # Another process: there is nothing to wait for but its socket.
    answers: list[tuple[str, int, str]] = []
    numbers = itertools.count()

    def ask() -> None:
        while (number := next(numbers)) < requests:
            connection = http.client.HTTPConnection("localhost", timeout=20)
            connection.sock = connected(address)
            path = f"/system/{number}" if number % 5 == 0 else f"/users/{number}"
            connection.request("GET", path)
            reply = connection.getresponse()
            reply.read()
            answers.append((path, reply.status, reply.headers["X-Pid"]))
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == requests
    return answers


def connected(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def reachable(address: str) -> bool:
    try:
        connected(address).close()
    except OSError:
        return False
    return True
