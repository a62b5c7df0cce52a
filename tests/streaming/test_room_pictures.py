"""Which rooms have sound pictures is written down while nothing else goes on in them; of rooms without a public way nothing is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from records.clock import now, today
from records.tables.broadcast import RoomPicture
from streaming.live.pictures import sound
from streaming.rooms.room import RoomStatus
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

WELL = RoomStatus(publishing=True, video="H264", fps=5.0, loss=0.01)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (WELL, True),
        (RoomStatus(publishing=False, video="H264", fps=5.0), False),
        (RoomStatus(publishing=True, audio="opus"), False),
        (RoomStatus(publishing=True, video="H264", fps=0.0), False),
        (RoomStatus(publishing=True, video="H264", fps=25.0, loss=0.1), False),
    ],
    ids=["well", "away", "sound only", "frozen", "a tenth lost"],
)
def test_a_picture_is_sound_while_it_moves_and_most_of_it_arrives(status: RoomStatus, expected: bool) -> None:
    assert sound(status) is expected


def test_the_public_rooms_with_a_sound_picture_are_in_the_ledger(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = now()
    statuses = {"hz-01": WELL, "hz-e1": WELL, "hz-x": WELL}
    monkeypatch.setattr(rig.media, "status", lambda room: statuses.get(room, RoomStatus()))

    def held() -> list[RoomPicture]:
        with rig.ledger.read() as session:
            return list(session.scalars(select(RoomPicture)))

    until(lambda: [(row.room_id, row.day) for row in held()], [("hz-01", today())])
    first = held()[0].seen_at
    assert first >= began
    until(lambda: [row.seen_at > first for row in held()], [True])


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streaming.live.pictures.EVERY_SECONDS", 0.05)
