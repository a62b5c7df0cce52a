"""The command line: exit codes, JSON, quick help."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sunbid.cli import app

ROOT = Path(__file__).parents[2]


def sunbid(data: Path, *words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in this process: starting one takes longer than most commands."""
    ours: dict[str, str | None] = {name: None for name in os.environ if name.startswith("SUNBID_")}
    with chdir(data):
        runner = CliRunner(env={**ours, "SUNBID_DATA": str(data), **variables})
        done = runner.invoke(app, list(words), input=stdin)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def process(data: Path, *words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sunbid", *words],
        env=environment(data, **variables),
        cwd=data, input=stdin, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def environment(data: Path, **variables: str) -> dict[str, str]:
    """What a command finds in its environment: nothing of ours but the folder and `variables`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SUNBID_")}
    return {**clean, "SUNBID_DATA": str(data), **variables}


CHINESE = re.compile(r"[\u4e00-\u9fff]")
SPOKEN = [(("room", "add", "--help"), 0), (("--help",), 0), (("settings",), 0), (("room", "token", "r9"), 1)]
"""Commands and their exit codes."""
ASK = """
import json, sys
from typer.testing import CliRunner
from sunbid.cli import app
answers = [CliRunner().invoke(app, words) for words in json.load(sys.stdin)]
print(json.dumps([(one.exit_code, one.output) for one in answers]))
"""


@pytest.mark.parametrize(
    ("locale", "chinese"), [("C.UTF-8", True), ("zh_CN.UTF-8", True), ("en_US.UTF-8", False)]
)
def test_the_command_line_speaks_the_language_of_its_environment(
    tmp_path: Path, locale: str, chinese: bool
) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=environment(tmp_path, LC_ALL=locale), cwd=tmp_path,
        input=json.dumps([words for words, _ in SPOKEN]), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for (words, code), (ended, said) in zip(SPOKEN, json.loads(asked.stdout), strict=True):
        assert ended == code, (words, said)
        assert bool(CHINESE.search(said)) is chinese, (words, said)


def test_help_is_quick(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = process(tmp_path, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert answer.returncode == 0
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5
    for command in (
        "demo",
        "up",
        "import",
        "scan",
        "room",
        "user",
        "source",
        "db",
        "settings",
        "doctor",
        "bench",
    ):
        assert command in answer.stdout


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, sunbid.cli; print([m for m in ('sqlalchemy', 'pydantic', 'streamlit') if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.soak
def test_a_scan_prints_findings_and_nothing_else(tmp_path: Path) -> None:
    """Though it builds the columnar copy on the way where no watch keeps it."""
    assert process(tmp_path, "import", str(ROOT / "examples" / "tsuchiura")).returncode == 0
    answer = process(tmp_path, "scan", "--rule", "B13", "--rule", "R058", "--json")
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 0 and {finding["rule"] for finding in found} == {"B13", "R058"}
    assert all({"value", "threshold", "subjects", "evidence"} <= set(finding) for finding in found)


_RUN_ON = {"demo", "up", "hub", "desk", "intake", "watch"}
"""Commands that run until they are stopped and report nothing; a benchmark's options are its own."""


def test_every_command_that_reports_takes_json() -> None:
    from typer.main import get_command

    commands: list[tuple[str, Any]] = [("", get_command(app))]
    without = set()
    while commands:
        name, command = commands.pop()
        inner = getattr(command, "commands", None)
        if inner is not None:
            commands += [(f"{name} {one}".strip(), held) for one, held in inner.items()]
        elif "--json" not in {option for each in command.params for option in each.opts}:
            without.add(name)
    assert without == _RUN_ON | {"bench"}


def test_a_command_that_only_reads_tells_a_mistyped_folder_and_makes_nothing_in_it(tmp_path: Path) -> None:
    mistyped = tmp_path / "mistyped"
    for words in (("scan", "--json"), ("db", "check"), ("export", "--out", str(tmp_path / "out"))):
        answer = sunbid(tmp_path, *words, SUNBID_DATA=str(mistyped))
        assert answer.returncode == 2 and str(mistyped / "ledger.db") in answer.stderr, answer.stderr
        assert not answer.stdout and not mistyped.exists()


def test_an_upgrade_says_the_version_as_json(tmp_path: Path) -> None:
    told = json.loads(sunbid(tmp_path, "db", "upgrade", "--json").stdout)
    assert told["version"] and told["database"].startswith("sqlite")


@pytest.mark.parametrize(
    "words",
    [
        ("frobnicate",),
        ("demo", "--scale", "galaxy"),
        ("import", "/nowhere/at/all"),
        ("import", ".", "--format", "docx"),
        ("scan", "--rule", "NONE"),
        ("scan", "--set", "NONE.x=1"),
        ("room", "add", "r1", "--name", "一室", "--centre", "c1", "--kind", "kitchen"),
        ("user", "add", "eve", "--role", "queen", "--password-stdin"),
        ("bench", "nothing"),
        ("scan", "--since", "notadate"),
        ("scan", "--engine", "foo"),
        ("flags", "/nowhere/at/all"),
        ("flags", "."),
        ("export", "--format", "xml", "--out", "x"),
    ],
)
def test_bad_use_ends_with_2_and_says_why(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = sunbid(tmp_path, *words)
    assert answer.returncode == 2
    assert answer.stderr.strip() and "Traceback" not in answer.stderr
    assert not re.search("Value error|Errno", answer.stderr)


def test_what_is_no_release_is_named_line_by_line(tmp_path: Path) -> None:
    """What is printed stays Cardinal's; a file without a single release is a failure."""
    lines = ["[]", "null", '{"ocid":1}', '{"ocid":"a"', '{"ocid":"a"}']
    (tmp_path / "some.jsonl").write_text("\n".join(lines), encoding="utf-8")
    some = sunbid(tmp_path, "flags", str(tmp_path / "some.jsonl"))
    assert some.returncode == 0 and json.loads(some.stdout) == {}
    assert all(f"some.jsonl 第 {n} 行" in some.stderr for n in range(1, 5)) and "第 5 行" not in some.stderr
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    binary = sunbid(tmp_path, "flags", str(tmp_path / "binary"))
    assert binary.returncode == 1 and "binary" in binary.stderr


def test_a_benchmark_tells_its_own_options(tmp_path: Path) -> None:
    assert "--json" in sunbid(tmp_path, "bench", "fanout", "--help").stdout
    assert "sunbid bench" in sunbid(tmp_path, "bench", "--help").stdout


def test_the_list_of_commands_is_whole(tmp_path: Path) -> None:
    told = process(tmp_path, "--help", LC_ALL="en_US.UTF-8").stdout
    listed = told.partition("Commands:")[2]
    assert "..." not in listed and "…" not in listed
    assert all(line[2] == " " or line.split()[1][0].isupper() for line in listed.splitlines() if line.strip())


def test_an_import_of_which_nothing_was_taken_says_where_the_reasons_are(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("nonsense", encoding="utf-8")
    told = sunbid(tmp_path, "import", str(tmp_path / "bad.json"))
    report = json.loads(told.stdout)
    assert report["rejected"] and told.returncode == 0 and report["rejects_file"] in told.stderr


def test_empty_templates_are_written_by_a_command(tmp_path: Path) -> None:
    told = sunbid(
        tmp_path, "export", "--format", "csv", "--templates", "--out", str(tmp_path / "t"), "--json"
    )
    files = json.loads(told.stdout)["files"]
    assert len(files) > 20 and all(Path(one).read_text("utf-8-sig").strip() for one in files)
    assert sunbid(tmp_path, "export", "--templates", "--out", str(tmp_path / "u")).returncode == 2


def test_an_unknown_setting_ends_with_2(tmp_path: Path) -> None:
    answer = process(tmp_path, "settings", SUNBID_COLOUR="red")
    assert answer.returncode == 2 and "SUNBID_COLOUR" in answer.stderr


def test_settings_as_json(tmp_path: Path) -> None:
    rows = json.loads(sunbid(tmp_path, "settings", "--json", SUNBID_HUB_PORT="8700").stdout)
    hub = next(row for row in rows if row["name"] == "hub_port")
    assert (hub["value"], hub["source"]) == (8700, "SUNBID_HUB_PORT") and hub["meaning"]


def test_a_room_its_token_and_its_absence(tmp_path: Path) -> None:
    added = process(tmp_path, "room", "add", "hz-01", "--name", "开标一室", "--centre", "330100", "--json")
    assert added.returncode == 0
    first = json.loads(added.stdout)["token"]
    assert json.loads(added.stdout)["page"].endswith("/room/hz-01"), "where to watch"
    listed = json.loads(sunbid(tmp_path, "room", "list", "--json").stdout)
    assert [(row["id"], row["public"], row["token"]) for row in listed] == [("hz-01", True, True)]
    assert first not in json.dumps(listed)
    again = sunbid(tmp_path, "room", "token", "hz-01", "--json")
    assert json.loads(again.stdout)["token"] != first
    closed = sunbid(
        tmp_path, "room", "add", "hz-e1", "--name", "评标一室", "--centre", "330100", "--kind", "evaluation"
    )
    assert "/whip/hz-e1" in closed.stdout and "/room/hz-e1" not in closed.stdout, "it has no public page"
    assert "/room/hz-01" in sunbid(tmp_path, "room", "token", "hz-01").stdout
    assert sunbid(tmp_path, "room", "token", "hz-99").returncode == 1
    assert sunbid(tmp_path, "room", "add", "hz-01", "--name", "x", "--centre", "c").returncode == 1


def test_an_account_is_added_once_and_disabled(tmp_path: Path) -> None:
    words = ("user", "add", "li", "--role", "supervisor", "--password-stdin")
    assert process(tmp_path, *words, stdin="long enough\n").returncode == 0
    assert sunbid(tmp_path, *words, stdin="long enough\n").returncode == 1
    assert sunbid(tmp_path, "user", "disable", "li").returncode == 0
    listed = json.loads(sunbid(tmp_path, "user", "list", "--json").stdout)
    assert listed == [{"name": "li", "role": "supervisor", "display_name": "li", "disabled": True}]
    assert sunbid(tmp_path, "db", "check").returncode == 0


def test_import_reports_and_a_second_time_accepts_nothing(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "organisations.csv").write_text("key,name\nA1,示例一\nA2,示例二\n", encoding="utf-8")
    first = json.loads(sunbid(tmp_path, "import", str(pack)).stdout)
    assert (first["read"], first["accepted"], first["rejected"]) == (2, 2, 0)
    second = json.loads(sunbid(tmp_path, "import", str(pack), "--json").stdout)
    assert (second["accepted"], second["duplicate"]) == (0, 2)


def test_doctor_names_every_check_with_a_remedy_where_needed(tmp_path: Path) -> None:
    answer = sunbid(tmp_path, "doctor", "--json")
    checks = json.loads(answer.stdout)
    names = {check["name"].split()[0] for check in checks}
    assert {"python", "fanout", "ffmpeg", "fonts", "port", "disk", "ledger", "clock"} <= names
    assert all(check["remedy"] for check in checks if check["state"] != "ok")
    assert answer.returncode == (1 if any(check["state"] == "error" for check in checks) else 0)


def test_what_the_system_refuses_is_one_line(tmp_path: Path) -> None:
    answer = process(tmp_path, "user", "list", SUNBID_DATA="/proc/none")
    assert answer.returncode == 1 and "SUNBID_DATA" in answer.stderr and "Traceback" not in answer.stderr
