"""The project and the lots of an OCDS release: what its planning, tender, bids and awards say of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from ingest.files.pieces import Piece
from ingest.ocds.codelists import LOT_STATUS, METHODS, TRADE_FAMILIES, vat
from ingest.ocds.reading.organisations import Organisations
from ingest.ocds.reading.reconcile import lot_after, over
from ingest.ocds.reading.release import Release
from ingest.ocds.values import amount, children, fit, moment, section, text, words
from messages import Message

Json = dict[str, Any]
_PARTICIPANTS = 100


def project(release: Release, buyer: str | None) -> Piece:
    """The project, as the planning section names it; else the tender."""
    data = {**_planned(release), "tenderer": buyer}
    if not release.has_tender:
        return release.envelope("project", release.key, {"name": text(release.ocid)}, version=0)
    if not release.partial:
        data["name"] = data["name"] or text(release.ocid)
        return release.envelope("project", release.key, data)
    last = release.source.last_sent.get("project", release.key)
    data = over(last[1] if last else {}, data)
    release.source.last_sent.put("project", release.key, release.version, data)
    return release.envelope("project", release.key, data, partial=True)


def _planned(release: Release) -> Json:
    planning = section(release.json, "planning")
    budget = section(planning, "budget")
    titles = (section(planning, "project").get("title"), planning.get("project"), budget.get("project"))
    return {
        "name": next(filter(None, map(text, titles)), None) or text(release.tender.get("title")),
        "trade_family": _trade_family(release),
        "investment": amount(section(budget, "amount").get("amount")),
    }


def _trade_family(release: Release) -> str | None:
    """交易类别 from mainProcurementCategory; of a partial release that does not name it nothing is known."""
    main = release.tender.get("mainProcurementCategory")
    if main is None and release.partial:
        return None
    return TRADE_FAMILIES.get(str(main), "other")


class Lots:
    """The lots of one release; None stands for the tender itself where it has no lots."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._described = children(release.tender.get("lots"))
        ids = [text(lot.get("id"), 500) for lot in self._described]
        self._only = ids[0] if len(ids) == 1 else None

    def key(self, lot_id: str | None) -> str:
        """The key of a lot of this tender; the tender's own where it has no lots."""
        return self._release.key if lot_id is None else fit(f"{self._release.ocid}/{lot_id}")

    def ids_of(self, item: Json) -> list[str | None]:
        """The ids of the lots a bid or an award is related to; the only lot where it names none."""
        related = item.get("relatedLots")
        given = related if isinstance(related, list) else [item.get("relatedLot")]
        ids: list[str | None] = [found for one in given if (found := text(one, 500))]
        return list(dict.fromkeys(ids)) or [self._only]

    def _by_lot(self, items: list[Json]) -> dict[str | None, list[Json]]:
        grouped: dict[str | None, list[Json]] = defaultdict(list)
        for item in items:
            for lot_id in self.ids_of(item):
                grouped[lot_id].append(item)
        return grouped

    def pieces(self, organisations: Organisations, buyer: str | None, agency: str | None) -> Iterator[Piece]:
        """Every lot that the tender describes, or that a bid or an award names."""
        release = self._release
        bids, awards = self._by_lot(release.bids), self._by_lot(release.awards)
        named: dict[str | None, Json] = {
            text(lot.get("id"), 500): lot for lot in self._described if lot.get("id") is not None
        }
        lots = {lot_id: named.get(lot_id, {}) for lot_id in (*named, *bids, *awards)} or {None: {}}
        participants = _participants(release, organisations)
        for lot_id, lot in lots.items():
            data = _lot(release, lot, bids.get(lot_id, []), awards.get(lot_id, [])) | {
                "project": release.key,
                "tenderer": buyer,
                "agency": agency,
                "participants": None if lot_id in bids else participants,
            }
            yield self._piece(self.key(lot_id), data)

    def _piece(self, key: str, data: Json) -> Piece:
        release = self._release
        if not release.partial:
            return release.envelope("lot", key, {**data, "name": data["name"] or text(key)})
        last = release.source.last_sent.get("lot", key)
        data = lot_after(last[1] if last else {}, data)
        release.source.last_sent.put("lot", key, release.version, data)
        return release.envelope("lot", key, data, partial=True)


def _participants(release: Release, organisations: Organisations) -> list[str] | None:
    """Who is said to have taken part in the tender (tender.tenderers): nothing else is known of them."""
    keys = organisations.keys(children(release.tender.get("tenderers")))
    if len(keys) > _PARTICIPANTS:
        reason = Message("ocds.too_many_tenderers", most=_PARTICIPANTS)
        release.note("tender.tenderers", keys[_PARTICIPANTS:], reason)
    return keys[:_PARTICIPANTS] or None


def _lot(release: Release, lot: Json, bids: list[Json], awards: list[Json]) -> Json:
    """What a release says of one lot, its organisations left out."""
    tender = release.tender
    period, value = section(tender, "tenderPeriod"), section(lot, "value") or section(tender, "value")
    method = tender.get("procurementMethod")
    return {
        "name": text(lot.get("title")) or text(tender.get("title")),
        "trade_family": _trade_family(release),
        "category": _category(tender, text(lot.get("id"), 500)),
        "method": method if method in METHODS else None,
        "evaluation_method": text(tender.get("awardCriteria")) or text(tender.get("awardCriteriaDetails")),
        "currency": release.stated_currency,
        "vat": vat(value),
        "estimate": amount(value.get("amount")),
        "notice_at": moment(period.get("startDate")),
        "deadline": moment(period.get("endDate")),
        "planned_award_at": moment(section(tender, "awardPeriod").get("startDate")),
        "status": _status(lot.get("status") or tender.get("status"), bids, awards),
    }


def _category(tender: Json, lot_id: str | None) -> str | None:
    """The classification of the lot's first item; else of the tender's."""
    items = children(tender.get("items"))
    own = [item for item in items if lot_id and text(item.get("relatedLot"), 500) == lot_id]
    found = section((own or items)[0], "classification") if items else {}
    return (
        text(found.get("description")) or text(found.get("id")) or text(tender.get("mainProcurementCategory"))
    )


def _status(stated: Any, bids: list[Json], awards: list[Json]) -> str | None:
    """Awards speak before the tender's status; bids that can be read were opened."""
    of_awards = {status for award in awards for status in words(award.get("status"))}
    if "active" in of_awards:
        return "awarded"
    status = LOT_STATUS.get(stated) if isinstance(stated, str) else None
    if status not in (None, "bidding", "opened"):
        return status
    if "pending" in of_awards:
        return "publicity"
    return "opened" if status is None and bids else status
