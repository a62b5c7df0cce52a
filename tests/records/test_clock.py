"""One clock: the Beijing day, whatever the machine's zone; nobody else reads the machine's."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from records import clock

ROOT = Path(__file__).parents[2]
PACKAGES = ("sunbid", "pages", "dashboard", "supervision", "ingest", "streaming", "records")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-26T15:59:59.999+00:00", "2026-11-26"),
        ("2026-11-26T16:00:00+00:00", "2026-11-27"),
        ("2026-12-31T15:30:00+00:00", "2026-12-31"),
        ("2026-12-31T16:30:00+00:00", "2027-01-01"),
        ("2028-02-28T16:00:00+00:00", "2028-02-29"),
        ("2028-02-29T16:00:00+00:00", "2028-03-01"),
        ("2028-02-29T23:30:00+08:00", "2028-02-29"),
    ],
)
def test_the_day_is_beijings(moment: str, day: str) -> None:
    with clock.running_from(datetime.fromisoformat(moment)):
        assert clock.today() == date.fromisoformat(day)
        start, end = clock.bounds(clock.today(), clock.today())
        assert start <= clock.now() < end and end - start == timedelta(days=1)
        assert clock.local_day(clock.now()) == day


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_the_machines_zone_plays_no_part(zone: str) -> None:
    said = "from records import clock; print(clock.today(), clock.now().isoformat()[-6:])"
    told = subprocess.run(
        [sys.executable, "-c", said],
        env={"TZ": zone, "PATH": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = datetime.now(UTC).astimezone(clock.BEIJING)
    assert told[1] == "+00:00"
    assert abs(date.fromisoformat(told[0]) - expected.date()) <= timedelta(
        days=1 if (expected.hour, expected.minute) in {(23, 59), (0, 0)} else 0
    )


def test_a_test_gives_the_clock_its_time() -> None:
    began, ahead = datetime(2028, 2, 29, 15, 30, tzinfo=UTC), clock.now() - datetime.now(UTC)
    with clock.running_from(began) as forward:
        assert timedelta() <= clock.now() - began < timedelta(seconds=30)
        forward(timedelta(hours=1))
        assert timedelta(hours=1) <= clock.now() - began < timedelta(hours=1, seconds=30)
    assert abs(clock.now() - datetime.now(UTC) - ahead) < timedelta(seconds=30)
    with pytest.raises(ValueError, match="offset"), clock.running_from(datetime(2026, 1, 1)):
        raise AssertionError("not reached")


def readings() -> Iterator[str]:
    """Where a module of ours reads the machine's clock, or lets a widget do so."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path == ROOT / "records" / "clock.py":
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                if _asks_the_machine(node.func) or any(map(_asks_a_widget, node.keywords)):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node.func)}"


MACHINE = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time")
LIKEWISE = ("time.localtime", "func.now", "func.current_timestamp")


def _asks_the_machine(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or f".{function.attr}" not in " ".join((*MACHINE, *LIKEWISE)):
        return False  # writing out every call of the code takes longer than the rest of this test
    said = ast.unparse(function)
    return said in MACHINE or said.endswith(LIKEWISE)


def _asks_a_widget(keyword: ast.keyword) -> bool:
    return keyword.arg == "value" and ast.unparse(keyword.value) in {"'today'", "'now'"}


def test_nobody_else_reads_the_machines_clock() -> None:
    assert list(readings()) == []
