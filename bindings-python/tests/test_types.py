"""The types: the stub is what the native module is, and a user's file passes `mypy --strict`."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def mypy(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stub_is_what_the_module_is() -> None:
    mypy("mypy.stubtest", "checkrein")


def test_the_package_and_a_users_file_pass_mypy() -> None:
    mypy("mypy", "--strict", "python", "tests/typing_sample.py")


def test_the_users_file_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(ROOT / "tests" / "typing_sample.py"))
    assert "system/config -> denied" in capsys.readouterr().out


def test_every_public_name_has_a_docstring() -> None:
    import checkrein
    from checkrein import policy

    for module in (checkrein, policy):
        for name in module.__all__:
            thing = getattr(module, name)
            assert name == "__version__" or thing.__doc__, name
            for member, value in vars(thing).items() if isinstance(thing, type) else ():
                assert member.startswith("_") or member.isupper() or not callable(value) or value.__doc__, member
