"""The arrows between the packages run down only (architecture: imports are checked, not promised)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "lint-imports"
    env = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }  # the packages of `folder`
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_the_arrows_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    assert "2 kept, 0 broken" in result.stdout


def test_an_arrow_that_runs_up_is_noticed(tmp_path: Path) -> None:
    for package in (
        "sunbid",
        "pages",
        "dashboard",
        "supervision",
        "ingest",
        "streaming",
        "records",
        "messages",
    ):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "records" / "bad.py").write_text("import ingest\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    result = lint(tmp_path)
    assert result.returncode != 0
    assert "records.bad -> ingest" in result.stdout
