"""What the reader of OCDS releases expects at each place it reads."""

from __future__ import annotations

from typing import Any

from ingest.ocds import codelists as ocdsmap
from ingest.ocds.walk import (
    Walk,
    code,
    either,
    flag,
    listed,
    mapping,
    money,
    named,
    thing,
    time,
    words,
)  # fmt: skip

__all__ = ["Walk", "release"]
Json = dict[str, Any]

_ID = words(500, numbers=True)
_TEXT = words()
_UNKNOWN = "没有编号、名称和登记号，不能识别 / without id, name or registered number nobody can be known"
_TAGS = [
    "planning",
    "planningUpdate",
    "tender",
    "tenderAmendment",
    "tenderUpdate",
    "tenderCancellation",
    "award",
    "awardUpdate",
    "awardCancellation",
    "contract",
    "contractUpdate",
    "contractAmendment",
    "implementation",
    "implementationUpdate",
    "contractTermination",
    "compiled",
]

_FIELDS = {
    "id": words(1000, numbers=True),
    "name": _TEXT,
    "identifier": thing(scheme=_TEXT, id=words(1000, numbers=True), legalName=_TEXT),
}


def _known(**more: Any) -> Any:
    return named(
        thing(**_FIELDS, **more), "id", "name", "identifier.id", "identifier.legalName", reason=_UNKNOWN
    )


_PARTY = _known()
_PERIOD = thing(startDate=time, endDate=time)
_RELATED = {"relatedLot": _ID, "relatedLots": listed(_ID, single=True)}
_BID = thing(id=_ID, date=time, status=code((), kept=True), value=money, tenderers=listed(_PARTY), **_RELATED)
_LOT = named(
    thing(id=_ID, title=_TEXT, status=code(ocdsmap.TENDER_STATUS), value=money),
    "id",
    reason="标段没有编号 / a lot without an id",
)
_TENDER = thing(
    id=_ID,
    title=_TEXT,
    status=code(ocdsmap.TENDER_STATUS),
    procurementMethod=code(ocdsmap.METHODS),
    mainProcurementCategory=code(ocdsmap.CATEGORIES),
    awardCriteria=_TEXT,
    awardCriteriaDetails=_TEXT,
    value=money,
    procuringEntity=_PARTY,
    tenderers=listed(_PARTY),
    tenderPeriod=_PERIOD,
    awardPeriod=thing(startDate=time),
    lots=listed(_LOT, unique=True),
    items=listed(thing(id=_ID, relatedLot=_ID, classification=thing(description=_TEXT, id=_ID))),
)
_AWARD = thing(
    id=_ID, title=_TEXT, date=time, status=code((), kept=True), value=money, suppliers=listed(_PARTY),
    **_RELATED,
)  # fmt: skip
_PLANNING = thing(
    project=either(thing(title=_TEXT), (dict, list), _TEXT),
    budget=thing(amount=money, project=_TEXT, projectID=_ID),
)
_OWN = thing(source=_TEXT, demo=flag, fields=mapping, records=listed(mapping))

_RELEASE = thing(
    ocid=words(1000, numbers=True),
    id=words(1000, numbers=True),
    date=time,
    tag=listed(code(_TAGS, kept=True), single=True),
    initiationType=_TEXT,
    language=_TEXT,
    url=words(2000),
    parties=listed(
        _known(
            roles=listed(code(ocdsmap.ROLES), single=True),
            address=thing(region=_TEXT, locality=_TEXT, streetAddress=_TEXT),
        ),
        unique=True,
    ),
    buyer=_PARTY,
    planning=_PLANNING,
    tender=_TENDER,
    bids=either(listed(_BID), list, thing(details=listed(_BID))),
    awards=listed(_AWARD),
    x_sunbid=_OWN,
)


def release(walk: Walk, value: Json) -> Json:
    """A release in which every place that is read has the shape the reader expects, or is not there."""
    made: Json = _RELEASE(walk, value, "")
    return made
