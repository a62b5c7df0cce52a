"""The suite at other hours, in other zones: its quick part run whole with the product's clock set to them.

Midnight in Beijing is 16:00 in London and morning in New York: a test or a page that takes the machine's day for
Beijing's is right most of the time, and wrong every evening.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MOMENT

pytestmark = pytest.mark.soak
ROOT = Path(__file__).parents[2]
MOMENTS = (
    "2026-11-26T23:30:00+08:00",
    "2026-11-27T00:30:00+08:00",
    "2026-12-31T23:30:00+08:00",
    "2027-01-01T00:30:00+08:00",
    "2028-02-29T23:30:00+08:00",
    "2028-02-29T00:30:00+08:00",
)
ZONES = ("UTC", "Asia/Shanghai", "America/New_York")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_quick_part_of_the_suite_is_green(moment: str, zone: str, tmp_path: Path) -> None:
    chosen = "not browser and not server and not soak"
    command = [
        sys.executable, "-m", "pytest", "-m", chosen, "--basetemp", str(tmp_path / "run"),
        "-n", "2", "--dist", "loadfile",
    ]  # fmt: skip
    env = {**os.environ, "TZ": zone, MOMENT: moment}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{moment} in {zone}:\n{done.stdout[-4000:]}\n{done.stderr[-1000:]}"
