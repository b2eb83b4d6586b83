"""Runs the quick start in five languages, and checks that all of them gave the same verdicts.

    python3 examples/quickstart/run.py --python PYTHON

Expects what `make demo` builds: the Python package, the npm package, the C library and Go's copy of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent


def commands(python: str, folder: Path) -> dict[str, list[list[str]]]:
    """For each language the commands to run; the last one prints the verdicts."""
    c_program = str(folder / "quickstart-c")
    compile_c = [
        os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror",
        "-I", str(ROOT / "bindings-c" / "include"), str(HERE / "quickstart.c"),
        "-o", c_program, str(ROOT / "bindings-c" / "build" / "libcheckrein.a"), "-lm", "-ldl", "-lpthread",
    ]  # fmt: skip
    return {
        "Python": [[python, str(HERE / "quickstart.py")]],
        "Node": [["node", str(as_npm_user(folder))]],
        "Go": [["go", "-C", str(ROOT / "go"), "run", str(HERE / "quickstart.go")]],
        "C": [compile_c, [c_program]],
        "Rust": [["cargo", "run", "--quiet", "--release", "--package", "checkrein", "--example", "quickstart", "--"]],
    }


def as_npm_user(folder: Path) -> Path:
    """The Node quick start in a project of its own, which depends on the package."""
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "checkrein").symlink_to(ROOT / "bindings-node", target_is_directory=True)
    return Path(shutil.copy(HERE / "quickstart.mjs", folder))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    outputs = {}
    with tempfile.TemporaryDirectory() as folder:
        for language, steps in commands(options.python, Path(folder)).items():
            *before, last = steps
            for step in before:
                subprocess.run(step, check=True, cwd=ROOT)
            data = str(Path(folder) / f"data-{language.lower()}")
            done = subprocess.run([*last, data], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            outputs[language] = done.stdout
            print(f"\n{language}")
            print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    same = len(set(outputs.values())) == 1
    print(f"\n{len(outputs)} languages, {'the same verdicts' if same else 'DIFFERENT verdicts'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
