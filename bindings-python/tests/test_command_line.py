"""The command line: the bytes that the native binary gives, however it is started from Python."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).resolve().parents[2] / "cli" / "tests" / "cases"
CALLS: list[dict[str, Any]] = json.loads((CASES / "cases.json").read_text("utf-8"))
MODULE = [sys.executable, "-m", "checkrein"]


def run(command: list[str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *args], cwd=CASES, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("case", CALLS, ids=lambda case: " ".join(case["args"]) or "nothing")
def test_the_module_says_what_the_binary_says(case: dict[str, Any]) -> None:
    said = run(MODULE, *case["args"])
    assert (said.returncode, said.stdout, said.stderr) == (case["code"], case["out"], case["err"])


def test_the_script_is_the_module() -> None:
    script = Path(sysconfig.get_path("scripts")) / "checkrein"
    said = run([str(script)], "eval", "policy.yaml", "write", "system/x", "-c", "agent_id=a1")
    assert said.returncode == 1
    assert said.stdout.startswith("denied: write of `system/x` by agent `a1`\n")


def test_arguments_that_are_not_text_arrive_as_their_bytes() -> None:
    said = subprocess.run(
        [os.fsencode(part) for part in MODULE] + [b"eval", b"policy.yaml", b"read", b"a\xff"],
        cwd=CASES,
        capture_output=True,
    )
    assert said.stdout.startswith(b"allowed: read of `a\\xff`\n")


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        said = subprocess.run([*MODULE, "--help"], stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (said.returncode, said.stderr) == (0, b"")


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_a_terminal_is_shown_colours_unless_it_does_not_want_them(variables: dict[str, str], coloured: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    main, terminal = pty.openpty()
    try:
        subprocess.run(
            [*MODULE, "check", "policy.yaml"],
            cwd=CASES,
            env={**environment, "TERM": "xterm", **variables},
            stdout=terminal,
            check=True,
        )
        shown = os.read(main, 4096)
    finally:
        os.close(terminal)
        os.close(main)
    assert b"policy.yaml: 4 hooks" in shown
    assert (b"\x1b[32m" in shown) == coloured


def test_an_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    # It waits for somebody to write the document.
    policy = tmp_path / "policy.yaml"
    os.mkfifo(policy)
    process = subprocess.Popen([*MODULE, "check", str(policy)])
    writer = os.open(policy, os.O_WRONLY)
    try:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
    finally:
        os.close(writer)
        process.kill()
        process.wait()
