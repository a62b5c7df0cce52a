"""已核验 in the browser: pictures shown beside the lists of those recorded, with the holes that a recording may have."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.needed import needed

NODE = shutil.which("node")
SCRIPT = Path("streaming/site/static/recorded.js").resolve()
BEGUN = datetime(2026, 5, 6, 9, 30, tzinfo=UTC)
FRAME = 1 / 12
"""Seconds from one picture to the next."""


def picture(number: int) -> str:
    return base64.b64encode(number.to_bytes(16, "big")).decode()


def moment(second: float) -> str:
    return (BEGUN + timedelta(seconds=second)).isoformat()


def pieces(first: int, last: int) -> list[dict[str, object]]:
    """Pieces of a second each, with the pictures of that second."""
    return [
        {
            "at": moment(second),
            "ms": 1000,
            "pictures": base64.b64encode(
                b"".join((second * 12 + n).to_bytes(16, "big") for n in range(12))
            ).decode(),
        }
        for second in range(first, last)
    ]


def verdict(listed: list[dict[str, object]], *, other_from: float = 1e9, until: int = 60) -> str:
    """What is said at second `until` of a viewer who saw every picture, and others from a second on."""
    needed(NODE is not None, "node")
    seen = [
        {
            "at": (BEGUN + timedelta(seconds=n * FRAME)).timestamp() * 1000,
            "digest": picture(n + (1_000_000 if n * FRAME >= other_from else 0)),
        }
        for n in range(until * 12)
    ]
    code = f"""
      import {{ Recorded }} from {json.dumps(SCRIPT.as_uri())};
      const {{ seen, list, now }} = JSON.parse(await new Response(process.stdin).text());
      const recorded = new Recorded();
      recorded.seen = seen;
      recorded.add(list);
      recorded.forget(now);
      console.log(recorded.verdict(now));
    """
    given = {
        "seen": seen,
        "list": {"since": moment(0), "pieces": listed},
        "now": (BEGUN + timedelta(seconds=until)).timestamp() * 1000,
    }
    command = [str(NODE), "--input-type=module", "-e", code]
    run = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_what_is_listed_is_recorded() -> None:
    assert verdict(pieces(0, 58)) == "recorded"


def test_other_pictures_than_those_recorded_differ() -> None:
    assert verdict(pieces(0, 58), other_from=40) == "differs"


def test_where_the_recording_was_interrupted_nobody_is_accused() -> None:
    """Pictures of a hole within one list were shown and not recorded: that is no other picture, nor is it verified."""
    assert verdict([*pieces(0, 50), *pieces(53, 58)]) == ""
    assert verdict([*pieces(0, 50), *pieces(53, 73)], until=75) == "recorded"


def test_a_hole_that_is_long_past_hides_no_other_picture() -> None:
    assert verdict([*pieces(0, 10), *pieces(12, 58)], other_from=40) == "differs"
