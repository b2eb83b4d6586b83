"""What the tests share, and the closing lines about the conformance vectors."""

from __future__ import annotations

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = [
        report
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.getreports(outcome)
        if "test_conformance.py::test_vector[" in report.nodeid
    ]
    if not ran:
        return
    left_out = [(vector["name"], need) for vector in runner.vectors() if (need := runner.lacking(vector))]
    terminalreporter.write_line(f"conformance: {len(ran)} run, {len(left_out)} left out")
    for name, need in left_out:
        terminalreporter.write_line(f"left out: {name} (needs {need})")
