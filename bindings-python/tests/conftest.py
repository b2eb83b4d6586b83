"""What the tests share, and the closing lines about the conformance vectors."""

from __future__ import annotations

import conformance_async
import conformance_runner as runner
import pytest

from checkrein import Database, ManualClock, PolicyEngine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall_ns=1_700_000_000_000_000_000)


@pytest.fixture
def policy(clock: ManualClock) -> PolicyEngine:
    engine = PolicyEngine(Database.memory(), clock=clock)
    engine.enable_audit()
    return engine


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The event loops that tests with the mark `anyio` run under, each under both."""
    backend: str = request.param
    return backend


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The lines that `tests/conformance/compare.py` reads. The async API is a run of its own, with a log of its own: its
    lines stand at the end of a run of its file alone, which `make test-python-async` is."""
    for file, lacking, parameters in (
        ("test_conformance.py", runner.lacking, 0),
        # A vector runs several times: under each event loop, with each kind of host.
        ("test_conformance_async.py", conformance_async.lacking, 2),
    ):
        ran = {
            report.nodeid.partition("::test_vector[")[2].rsplit("-", parameters)[0]
            for outcome in ("passed", "failed", "error")
            for report in terminalreporter.getreports(outcome)
            if f"{file}::test_vector[" in report.nodeid
        }
        if not ran:
            continue
        left_out = [(vector["name"], need) for vector in runner.vectors() if (need := lacking(vector))]
        terminalreporter.write_line(f"conformance: {len(ran)} run, {len(left_out)} left out")
        for name, need in left_out:
            terminalreporter.write_line(f"left out: {name} (needs {need})")
        return
