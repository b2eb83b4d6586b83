"""Checks that every language ran the same vectors: reads what the runners printed, one file for each runner.

    python3 tests/conformance/compare.py rust.log python.log python-async.log node.log go.log c.log

In each file every line `conformance: N run, M left out` must add up to the number of vectors, and every line
`left out: NAME (needs CAPABILITY)` must name a vector that needs that capability. With all six, a vector that no runner ran fails too.
Python's async API is a run of its own.
"""

import json
import pathlib
import re
import sys

FOLDER = pathlib.Path(__file__).parent / "vectors"
# Rust, Python, Python's async API, Node, Go and C.
RUNS = 6
SUMMARY = re.compile(r"conformance: (\d+) run, (\d+) left out")
LEFT_OUT = re.compile(r"left out: (.*) \(needs (\w+)\)\s*$")


def needs_of_vectors():
    needs = {}
    for path in sorted(FOLDER.glob("*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            needs[vector["name"]] = vector.get("needs", [])
    return needs


def check(path, needs):
    """The faults of one runner, and the vectors that it left out."""
    text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    summaries = [(int(run), int(left)) for run, left in SUMMARY.findall(text)]
    faults, left_out = [], set()
    if not summaries:
        faults.append("no line `conformance: N run, M left out`")
    for run, left in summaries:
        if run + left != len(needs):
            faults.append(f"{run} run and {left} left out make {run + left}, but there are {len(needs)} vectors")
    for line in text.splitlines():
        found = LEFT_OUT.search(line)
        if not found:
            continue
        name, capability = found.groups()
        left_out.add(name)
        if name not in needs:
            faults.append(f"left out `{name}`, which is no vector")
        elif capability not in needs[name]:
            faults.append(f"left out `{name}`, which does not need `{capability}`")
    if summaries and len(left_out) != max(left for _, left in summaries):
        faults.append(f"{len(left_out)} vectors are named as left out, the summary says otherwise")
    return faults, left_out


def main(paths):
    needs = needs_of_vectors()
    failed, by_all = False, set(needs)
    for path in paths:
        faults, left_out = check(path, needs)
        by_all &= left_out
        failed |= bool(faults)
        print(f"{path}: {len(needs) - len(left_out)} of {len(needs)} vectors run, {len(left_out)} left out by need")
        for fault in faults:
            print(f"  {fault}")
    if len(paths) >= RUNS and by_all:
        failed = True
        print("run by nobody: " + ", ".join(sorted(by_all)))
    sys.exit(1 if failed or not paths else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
