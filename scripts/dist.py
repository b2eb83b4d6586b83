"""Makes what users install, in dist/: the Python wheel, the npm tarball, the archives of the C library and of the command
line; and Go's static library, in go/lib.

    python3 scripts/dist.py --python .venv/bin/python      an interpreter with maturin
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    print("==>", *command, flush=True)
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def metadata() -> dict:
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)


def version() -> str:
    packages = metadata()["packages"]
    return next(package["version"] for package in packages if package["name"] == "checkrein")


def built_for() -> str:
    return f"{version()}-{platform.system().lower()}-{platform.machine()}"


def wheel(python: str) -> None:
    command = [python, "-m", "maturin", "build", "--profile", "dist", "--quiet", "--out", DIST]
    run(*command, cwd=ROOT / "bindings-python")


def tarball() -> None:
    package = ROOT / "bindings-node"
    if not (package / "node_modules").is_dir():
        run("npm", "ci", "--no-audit", "--no-fund", "--silent", cwd=package)
    run("npm", "run", "--silent", "build", cwd=package)
    run("npm", "pack", "--silent", "--pack-destination", DIST, cwd=package)


def c_archive() -> None:
    """Header, libraries and pkg-config file; the file finds its own place, so the archive may be unpacked anywhere."""
    name = f"checkrein-c-{built_for()}"
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / name
        environment = {**os.environ, "DESTDIR": folder, "PREFIX": f"/{name}"}
        build = ROOT / "bindings-c"
        run("make", "--no-print-directory", "lib", "PROFILE=dist", cwd=build)
        command = ["make", "--no-print-directory", "install", f"DESTDIR={folder}", f"PREFIX=/{name}"]
        subprocess.run(command, cwd=build, check=True, env=environment)
        package = home / "lib" / "pkgconfig" / "checkrein.pc"
        lines = package.read_text("utf-8").splitlines()
        lines = ["prefix=${pcfiledir}/../.." if line.startswith("prefix=") else line for line in lines]
        package.write_text("\n".join(lines) + "\n", "utf-8")
        shutil.copy(ROOT / "LICENSE", home)
        with tarfile.open(DIST / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(home, arcname=name)


def command_line() -> None:
    """The binary `checkrein`, for those who install neither the Python package nor the npm one."""
    run("cargo", "build", "--quiet", "--package", "checkrein-cli", "--profile", "dist")
    name = f"checkrein-{built_for()}"
    program = "checkrein.exe" if platform.system() == "Windows" else "checkrein"
    with tarfile.open(DIST / f"{name}.tar.gz", "w:gz") as archive:
        archive.add(Path(metadata()["target_directory"]) / "dist" / program, arcname=f"{name}/{program}")
        archive.add(ROOT / "LICENSE", arcname=f"{name}/LICENSE")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    DIST.mkdir(exist_ok=True)
    for old in DIST.iterdir():
        old.unlink()
    wheel(options.python)
    tarball()
    c_archive()
    command_line()
    run(ROOT / "go" / "build.sh", "dist")
    for made in sorted(DIST.iterdir()):
        print(f"dist/{made.name}: {made.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
