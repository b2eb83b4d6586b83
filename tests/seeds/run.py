"""Runs the samples of the seed documents, with checks of what the documents claim of them.

    python3 tests/seeds/run.py rust
    python3 tests/seeds/run.py python --python .venv/bin/python   an interpreter that can import checkrein
    python3 tests/seeds/run.py node --package bindings-node       the built npm package
    python3 tests/seeds/run.py go --module go                     the Go module with its library

Each program runs in an empty directory of its own.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import extract

REPOSITORY = extract.REPOSITORY
BUILD = extract.BUILD
PATTERNS = BUILD / "data-hooks-patterns.json"


def call(command, **options):
    print("+", " ".join(str(part) for part in command), flush=True)
    return subprocess.run([str(part) for part in command], check=True, **options)


def run_program(language, command, **options):
    """Runs a program in an empty directory; it must say at its end that all went well."""
    with tempfile.TemporaryDirectory() as directory:
        output = call([*command, PATTERNS], cwd=directory, stdout=subprocess.PIPE, text=True, **options).stdout
    print(output, end="")
    if f"{language}: the samples do what they claim" not in output:
        sys.exit(f"{language}: the program did not reach its end")


def rust(given):
    folder = BUILD / "rust"
    manifest = f"""[package]
name = "checkrein-seed-samples"
version = "0.0.0"
edition = "2024"
publish = false

[[bin]]
name = "data_hooks"
path = "data_hooks.rs"

[dependencies]
checkrein = {{ path = {str(REPOSITORY / "core")!r} }}
serde_json = "1"

[workspace]
"""
    (folder / "Cargo.toml").write_text(manifest, encoding="utf-8")
    # The versions that the project is tested with.
    shutil.copy(REPOSITORY / "Cargo.lock", folder / "Cargo.lock")
    target = os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    call([given.cargo, "build", "--quiet", "--manifest-path", folder / "Cargo.toml"], env=environment)
    run_program("rust", [pathlib.Path(target).resolve() / "debug" / "data_hooks"])


def python(given):
    # Not resolved: an interpreter of a virtual environment is known by where its link stands.
    run_program("python", [os.path.abspath(given.python), BUILD / "python" / "data_hooks.py"])


def node(given):
    folder, package = BUILD / "node", pathlib.Path(given.package).resolve()
    modules = folder / "node_modules"
    modules.mkdir(parents=True, exist_ok=True)
    for name, source in [("checkrein", package), ("@types", package / "node_modules" / "@types")]:
        link = modules / name
        link.unlink(missing_ok=True)
        link.symlink_to(source, target_is_directory=True)
    compiler = package / "node_modules" / ".bin" / "tsc"
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node", "--outDir", "out"]
    call([compiler, *options, "data_hooks.mts"], cwd=folder)
    run_program("node", [given.node, folder / "out" / "data_hooks.mjs"])


def go(given):
    folder, module = BUILD / "go", pathlib.Path(given.module).resolve()
    name = next(line.split()[1] for line in (module / "go.mod").read_text().splitlines() if line.startswith("module "))
    version = next(line.split()[1] for line in (module / "go.mod").read_text().splitlines() if line.startswith("go "))
    (folder / "go.mod").write_text(
        f"module samples\n\ngo {version}\n\nrequire {name} v0.0.0\n\nreplace {name} => {module}\n", encoding="utf-8"
    )
    call([given.go, "build", "-o", "samples", "."], cwd=folder)
    run_program("go", [folder / "samples"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", help="the folder of the seed documents")
    languages = parser.add_subparsers(dest="language", required=True)
    languages.add_parser("rust").add_argument("--cargo", default="cargo")
    languages.add_parser("python").add_argument("--python", default=sys.executable)
    for_node = languages.add_parser("node")
    for_node.add_argument("--package", default=REPOSITORY / "bindings-node")
    for_node.add_argument("--node", default="node")
    for_go = languages.add_parser("go")
    for_go.add_argument("--module", default=REPOSITORY / "go")
    for_go.add_argument("--go", default="go")
    given = parser.parse_args()
    extract.write_programs(extract.samples(given.seeds))
    {"rust": rust, "python": python, "node": node, "go": go}[given.language](given)


if __name__ == "__main__":
    main()
