"""Runs the tests of every language, one after the other, and ends with each runner's own summary.

    python3 tests/run.py [STAGE …]

A stage is a target of the Makefile, `test-STAGE`. Its output is shown and kept in build/logs. A stage that fails does
not stop the others. A stage whose runner reports no test has failed: nothing may be skipped unseen.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
STAGES = ["rust", "python", "python-async", "node", "c", "go", "seeds"]

# The closing lines of the runners: cargo test, pytest, node --test, go test, and "N passed, N failed".
SUMMARY = re.compile(
    r"^(test result: .*|\d+ passed.* in [\d.]+s.*|=+ .*(passed|failed|error).* =+|# (tests|pass|fail) \d+|ℹ (tests|pass|fail) \d+"
    r"|ok\s+\S+\s+[\d.]+s.*|FAIL\s+\S+.*|.*\b\d+ passed, \d+ failed.*|conformance: .*|\w+: the samples do what they claim)$"
)
NO_TEST = re.compile(r"^(test result: ok\. 0 passed; 0 failed.*|.*no tests to run.*|.*no tests ran.*)$")


def run(stage: str) -> tuple[bool, float, list[str]]:
    """Runs a stage; gives whether it passed, its seconds, and its summary lines."""
    print(f"\n==> test-{stage}", flush=True)
    started, lines = time.monotonic(), []
    command = ["make", "--no-print-directory", f"test-{stage}"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with (LOGS / f"{stage}.log").open("w") as log:
        for line in process.stdout:
            log.write(line)
            print(line, end="", flush=True)
            plain = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()
            if SUMMARY.match(plain) and not NO_TEST.match(plain):
                lines.append(plain)
    passed = process.wait() == 0
    if passed and not lines:
        passed, lines = False, ["no test was reported"]
    return passed, time.monotonic() - started, lines


def main() -> int:
    stages = sys.argv[1:] or STAGES
    LOGS.mkdir(parents=True, exist_ok=True)
    results = {stage: run(stage) for stage in stages}
    if stages == STAGES:
        compare = ROOT / "tests" / "conformance" / "compare.py"
        logs = [LOGS / f"{stage}.log" for stage in ["rust", "python", "python-async", "node", "go", "c"]]
        print("\n==> the same vectors in every language", flush=True)
        done = subprocess.run([sys.executable, compare, *logs], cwd=ROOT)
        results["conformance"] = (done.returncode == 0, 0.0, [])
    print("\n==> summary", flush=True)
    for stage, (passed, seconds, lines) in results.items():
        print(f"{'passed' if passed else 'FAILED'}  {stage}  {seconds:.0f} s")
        for line in lines:
            print(f"        {line}")
    failed = sum(not passed for passed, _, _ in results.values())
    print(f"stages: {len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
