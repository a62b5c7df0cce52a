"""How the decryption went, as the public reads it: what nobody has told is neither a success nor 0."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig


def at_the_opening(rig: Rig) -> bool:
    """Whether the board has followed: the room is at the opening."""
    return bool(rig.get("/api/rooms").json()[0]["opening"] == "O1")


def when_told(rig: Rig, path: str, events: int) -> str:
    """A page as text, as soon as the hub has heard of so many events."""
    until = time.monotonic() + 20
    while len(rig.get("/api/openings/O1/events").json()) < events or not at_the_opening(rig):
        assert time.monotonic() < until, "the hub has not heard of the events"
        time.sleep(0.02)
    return re.sub(r"<[^>]+>", " ", rig.get(path).text)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"total": 3}, "共 3 家，解密结果未报"),
        ({"done": 0, "total": 3}, "成功 0 · 失败 0 · 未报 3"),
        ({"done": 1, "failed": 1, "total": 3}, "成功 1 · 失败 1 · 未报 1"),
        ({"done": 2, "failed": 1, "total": 3}, "成功 2 · 失败 1"),
        ({"done": 3, "total": 3}, "3 家全部成功"),
    ],
)
def test_the_result_is_said_as_far_as_it_is_known(rig: Rig, told: dict[str, Any], words: str) -> None:
    market.opening(rig.ledger)
    market.event(rig.ledger, "O1", "bidders_published", count=3, bidders=market.bidders(3))
    market.event(rig.ledger, "O1", "decrypt_progress", **told)
    market.read(rig.ledger, "O1", 1)
    page = when_told(rig, "/room/hz-01", 4)
    assert words in page
    assert ("全部成功" in page) is (told.get("done") == 3)
    assert rig.get("/api/openings/O1/events").json()[2]["payload"].get("done") == told.get("done")


def test_while_it_is_decrypted_unknown_is_no_progress(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.event(rig.ledger, "O1", "bidders_published", count=3, bidders=market.bidders(3))
    market.event(rig.ledger, "O1", "decrypt_progress", total=3)
    page = when_told(rig, "/room/hz-01", 3)
    assert "共 3 家，解密结果未报" in page and "家已解密" not in page
