"""`sunbid verify` on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence import verify
from sunbid.cli import app
from tests.evidence.packages import LOG, make

RUN = CliRunner()


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("package"), segments=8).zip


def test_a_package_that_holds(zipped: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(str(LOG.verifier))
    told = RUN.invoke(app, ["verify", str(zipped), "--key", str(key), "--json"])
    assert told.exit_code == 0
    answer = json.loads(told.stdout)
    assert (
        answer["ok"] is True
        and answer["broken"] == []
        and set(answer["checkpoint"]) >= {"size", "root", "signed_by", "cosigned_by"}
    )
    assert "未发现任何改动" in RUN.invoke(app, ["verify", str(zipped)]).stdout


def test_a_package_that_does_not(zipped: Path, tmp_path: Path) -> None:
    raw = bytearray(zipped.read_bytes())
    raw[raw.index(b"read me")] ^= 1
    changed = tmp_path / "changed.zip"
    changed.write_bytes(raw)
    told = RUN.invoke(app, ["verify", str(changed)])
    assert told.exit_code == 1 and "README.md" in told.stdout and "第 3 行" in told.stdout
    answer = json.loads(RUN.invoke(app, ["verify", str(changed), "--json"]).stdout)
    assert (
        not answer["ok"]
        and answer["broken"][0]["file"] == "README.md"
        and set(answer["broken"][0]) >= {"file", "place", "why"}
    )


def test_bad_use(zipped: Path, tmp_path: Path) -> None:
    assert RUN.invoke(app, ["verify", str(tmp_path / "none.zip")]).exit_code == 2
    assert RUN.invoke(app, ["verify", str(zipped), "--key", str(tmp_path / "none")]).exit_code == 2
    assert RUN.invoke(app, ["verify"]).exit_code == 2


@pytest.mark.parametrize("files", [{}, {"a.txt": "a"}])
def test_what_is_no_package_is_said_to_be_none(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    said = RUN.invoke(app, ["verify", str(path)])
    assert said.exit_code == 1 and "不是证据包" in said.stderr and said.stdout == ""
    for run in (
        RUN.invoke(app, ["verify", str(path), "--json"]),
        subprocess.run(
            [sys.executable, str(verify.__file__), str(path), "--json"], capture_output=True, check=False
        ),
    ):
        told = json.loads(run.stdout)
        assert told["ok"] is False and [one["code"] for one in told["broken"]] == ["no_package"]
        assert "不是证据包" in told["broken"][0]["why"]


def test_the_file_alone_says_bad_use_where_there_is_no_file(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(verify.__file__), str(tmp_path / "none.zip")], capture_output=True, check=False
    )
    assert run.returncode == 2 and b"none.zip" in run.stderr


@pytest.mark.parametrize("command", [[str(verify.__file__)], ["-m", "sunbid.cli", "verify"]])
@pytest.mark.parametrize(("flip", "code"), [(0, 0), (1, 1)])
def test_whoever_reads_one_line_only_hears_no_more_and_the_answer_stands(
    zipped: Path, tmp_path: Path, command: list[str], flip: int, code: int
) -> None:
    """As with `| head -1`: the pipe is closed before anything is said."""
    raw = bytearray(zipped.read_bytes())
    raw[raw.index(b"read me")] ^= flip
    path = tmp_path / "p.zip"
    path.write_bytes(raw)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        run = subprocess.run(
            [sys.executable, *command, str(path)], stdout=writer, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writer)
    assert (run.returncode, run.stderr) == (code, b"")
