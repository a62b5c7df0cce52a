"""A lot ready to be opened, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from records import states
from records.tables.openings import Opening
from records.tables.organisations import Centre, Organisation, Room
from records.tables.projects import Lot, Project

DEADLINE = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
AFTER = DEADLINE + timedelta(minutes=1)


def lot_with_opening(
    session: Session, *, prequalification: bool = False, deadline: datetime = DEADLINE
) -> Opening:
    session.add_all(
        [
            Centre(id="3301", name="市本级", level="city", source="test"),
            Organisation(id="T1", name="示例城建", roles=["tenderer"], source="test"),
        ]
    )
    session.flush()
    session.add_all(
        [
            Room(id="hz-01", centre_id="3301", name="开标一室", source="test"),
            Project(id="P1", name="示例学校", source="test"),
        ]
    )
    session.flush()
    session.add(
        Lot(
            id="L1", project_id="P1", name="示例学校一标段", tenderer_id="T1", deadline=deadline,
            prequalification=prequalification, source="test",
        )
    )  # fmt: skip
    session.flush()
    opening = Opening(id="O1", lot_id="L1", room_id="hz-01", scheduled_at=deadline, source="test")
    return states.new_opening(session, opening)
