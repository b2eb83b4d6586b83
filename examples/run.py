"""Runs an example in five languages, and checks that all of them said the same.

    python3 examples/run.py NAME --python PYTHON

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

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def commands(example: str, python: str, folder: Path) -> dict[str, list[list[str]]]:
    """For each language the commands to run; the last one prints what is compared."""
    sources = HERE / example
    c_program = str(folder / example)
    compile_c = [
        os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra", "-Werror",
        "-I", str(ROOT / "bindings-c" / "include"), str(sources / f"{example}.c"),
        "-o", c_program, str(ROOT / "bindings-c" / "build" / "libcheckrein.a"), "-lm", "-ldl", "-lpthread",
    ]  # fmt: skip
    return {
        "Python": [[python, str(sources / f"{example}.py")]],
        "Node": [["node", str(as_npm_user(sources / f"{example}.mjs", folder))]],
        "Go": [["go", "-C", str(ROOT / "go"), "run", str(sources / f"{example}.go")]],
        "C": [compile_c, [c_program]],
        "Rust": [["cargo", "run", "--quiet", "--release", "--package", "checkrein", "--example", example, "--"]],
    }


def as_npm_user(source: Path, folder: Path) -> Path:
    """The Node program in a project of its own, which depends on the package."""
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "checkrein").symlink_to(ROOT / "bindings-node", target_is_directory=True)
    return Path(shutil.copy(source, folder))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("example")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    outputs = {}
    with tempfile.TemporaryDirectory() as folder:
        for language, steps in commands(options.example, options.python, Path(folder)).items():
            *before, last = steps
            for step in before:
                subprocess.run(step, check=True, cwd=ROOT)
            data = str(Path(folder) / f"data-{language.lower()}")
            done = subprocess.run([*last, data], check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
            outputs[language] = done.stdout
            print(f"\n{language}")
            print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
    same = len(set(outputs.values())) == 1
    print(f"\n{len(outputs)} languages, {'the same answers' if same else 'DIFFERENT answers'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
