"""What a test needs and does not find is a failure that says what to install, never a silent skip."""

from __future__ import annotations

import importlib.util
import os
import subprocess

import pytest


def needed(present: object, what: str) -> None:
    """Fail where `what` is missing: `make test` installs it."""
    if not present:
        pytest.fail(f"缺少 {what}，请运行 make test / missing, make test installs it", pytrace=False)


def needs_native() -> None:
    """The native fan-out must be built wherever a C compiler works; skip where there is none, as is allowed."""
    if not _compiles():
        pytest.skip("no working C compiler here: the path that needs none is in use")
    needed(importlib.util.find_spec("streaming.fanout._native"), "streaming.fanout._native")


def _compiles() -> bool:
    command = [os.environ.get("CC", "cc"), "-x", "c", "-c", "-o", os.devnull, "-"]
    try:
        return subprocess.run(command, input=b"int x;", capture_output=True, check=False).returncode == 0
    except OSError:
        return False
