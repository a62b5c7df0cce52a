"""A full disk costs log lines, never a process: neither the log on disk nor the pump of a child's log stops."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from pathlib import Path

import pytest

from sunbid.logs.file import LogFile
from sunbid.processes import child as children
from sunbid.processes.child import Command

FULL = Path("/dev/full")
"""Linux' device on which every write fails as on a full disk."""


def test_lines_lost_to_a_full_disk_are_counted_once_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "log" / "sunbid.log"
    log = LogFile(path)
    log.write("hub", "before")
    log.close()
    kept = path.read_text()
    path.unlink()
    path.symlink_to(FULL)
    for number in range(3):
        log.write("hub", f"lost {number}")
    path.unlink()
    log.write("hub", "after")
    text = path.read_text()
    assert "before" in kept and "after" in text and "3 行" in text and "lost 0" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_vanished_comes_back(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log" / "sunbid.log")
    (tmp_path / "log").write_text("in the way")
    log.write("hub", "one")
    (tmp_path / "log").unlink()
    log.write("hub", "two")
    assert "two" in log.path.read_text()


CHATTY = "import sys\nfor n in range(20000): print('x' * 100, n)\nprint('end'); sys.stdout.flush()"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no space"), BrokenPipeError(), ValueError("closed file")]
)
async def test_a_child_never_stands_still_because_its_log_cannot_be_written(error: Exception) -> None:
    taken: list[str] = []

    def take(line: str) -> None:
        if len(taken) < 5 or line == "end":
            taken.append(line)
            if line != "end":
                raise error

    process, output = await children.start(Command("chatty", (sys.executable, "-c", CHATTY)))
    await asyncio.wait_for(children.lines(output, take), 60)
    assert await asyncio.wait_for(process.wait(), 10) == 0 and taken[-1] == "end"


async def test_a_child_that_gives_way_does_so_from_its_first_moment() -> None:
    told: list[str] = []
    own = (sys.executable, "-c", "import os; print(os.nice(0))")
    here = os.nice(0)
    for niceness in (0, 7):
        process, output = await children.start(Command("polite", own, niceness=niceness))
        await asyncio.wait_for(children.lines(output, told.append), 60)
        await asyncio.wait_for(process.wait(), 10)
    assert told == [str(here), str(min(here + 7, 19))]
