"""The kinds of records: the model of each, and what it refers to.

In the models an attribute is a column of the ledger, an alias the name on the wire. A version of a
record is the whole record: a field left out takes its default, it does not keep the value of the
version before. Unknown fields are refused, so nothing slips in unread.
"""

from __future__ import annotations

from ingest.kinds import market, procedure
from ingest.kinds.fields import Data

KINDS: dict[str, type[Data]] = {
    "centre": market.CentreData,
    "organisation": market.OrganisationData,
    "room": market.RoomData,
    "expert": procedure.ExpertData,
    "relation": market.RelationData,
    "credit": market.CreditData,
    "project": market.ProjectData,
    "opinion": procedure.OpinionData,
    "inspection": procedure.InspectionData,
    "lot": market.LotData,
    "notice": procedure.NoticeData,
    "bid": market.BidData,
    "deposit": market.DepositData,
    "control_price": procedure.ControlPriceData,
    "objection": procedure.ObjectionData,
    "opening": procedure.OpeningData,
    "opening_event": procedure.OpeningEventData,
    "evaluation": procedure.EvaluationData,
    "score": procedure.ScoreData,
    "fee": procedure.FeeData,
    "award": market.AwardData,
    "contract": market.ContractData,
}
"""Kinds taken, parents before children → model of their data."""

_LOT, _BIDDER, _BID = ("lot_id", "lot"), ("bidder_id", "organisation"), ("bid_id", "bid")
_SESSION, _EXPERT = ("evaluation_id", "evaluation"), ("expert_id", "expert")

REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "centre": (),
    "organisation": (),
    "room": (("centre_id", "centre"),),
    "expert": (),
    "relation": (("from_id", "organisation"), ("to_id", "organisation")),
    "credit": (("organisation_id", "organisation"),),
    "project": (("tenderer_id", "organisation"),),
    "opinion": (("project_id", "project"),),
    "inspection": (),
    "lot": (
        ("project_id", "project"),
        ("tenderer_id", "organisation"),
        ("agency_id", "organisation"),
        ("centre_id", "centre"),
    ),
    "notice": (_LOT,),
    "bid": (_LOT, _BIDDER),
    "deposit": (_LOT, _BIDDER, _BID),
    "control_price": (_BID, _LOT),
    "objection": (_LOT,),
    "opening": (_LOT, ("room_id", "room")),
    "opening_event": (("opening_id", "opening"),),
    "evaluation": (_LOT, ("room_id", "room")),
    "score": (_SESSION, _EXPERT, _BID),
    "fee": (_SESSION, _EXPERT),
    "award": (_LOT, _BIDDER),
    "contract": (_LOT, _BIDDER),
}
"""Kind → (attribute, kind it refers to). An expert's employers and an inspection's projects may stay unknown."""

LOT_THROUGH = {
    "opening_event": ("opening_id", "opening"),
    "control_price": _BID,
    "score": _SESSION,
    "fee": _SESSION,
}
"""Kinds that name their lot by another record: (attribute, its kind)."""
