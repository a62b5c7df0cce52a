"""The public rows of papers around a lot: notices, contracts, decisions, and what society was told.

Each is a subject of its own; the names of who complained, who sent an opinion and who evaluates are
in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.bulk import chunks
from records.clock import now, rfc3339
from records.public import masking, personal_numbers
from records.public.rows import Row, forget_unseen, money, row
from records.tables.broadcast import PublicEvent
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.procedure import Contract, Notice, Objection
from records.tables.projects import Lot
from records.tables.society import Opinion, OpinionAnswer
from records.visibility import FIRST_MOMENT, Datum, LotClock, notice_from, published_from


def notices(session: Session, ids: Iterable[str], lot_ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Rows (topic `notice`) of notices, each from the moment it is published and its lot allows it.

    `ids` are the notices just written; those of the lots just written that nobody has seen yet follow them.
    """
    rows = []
    for part in chunks(sorted({*ids, *_unseen(session, lot_ids)})):
        forget_unseen(session, "notice", part)
        query = select(Notice, Lot).join(Lot, Lot.id == Notice.lot_id).where(Notice.id.in_(part))
        for notice, lot in session.execute(query):
            since = notice_from(notice.type, lot.status, lot.deadline, notice.published_at)
            payload = {
                **_about(lot, notice.source in demo),
                "type": notice.type,
                "title": notice.title,
                "published_at": rfc3339(notice.published_at),
                "until": rfc3339(notice.until),
                "media": notice.media,
                "url": notice.url,
                "content_sha256": notice.content_sha256,
            }
            if since is not None:
                rows.append(row("notice", notice.id, payload, since))
    return rows


def _unseen(session: Session, lot_ids: Iterable[str]) -> Iterator[str]:
    """Notices of these lots that are not public yet."""
    hidden = (PublicEvent.topic == "notice", PublicEvent.visible_from > now())
    for part in chunks(sorted(set(lot_ids))):
        query = select(Notice.id).join(PublicEvent, PublicEvent.subject == Notice.id)
        yield from session.scalars(query.where(Notice.lot_id.in_(part), *hidden))


def _about(lot: Lot, demo: bool) -> dict[str, Any]:
    return {"lot": lot.id, "lot_title": lot.name, "project": lot.project_id, "demo": demo}


def _awarded(session: Session, lot_ids: Iterable[str]) -> dict[str, datetime]:
    """Lot → when it was awarded, of those whose award stands."""
    found: dict[str, datetime] = {}
    for part in chunks(sorted(set(lot_ids))):
        query = select(Award.lot_id, Award.awarded_at).where(
            Award.lot_id.in_(part), Award.status == "awarded", Award.awarded_at.is_not(None)
        )
        for lot_id, moment in session.execute(query):
            if moment is not None:
                found[lot_id] = max(moment, found.get(lot_id, FIRST_MOMENT))
    return found


def contracts(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Rows (topic `contract`) of the contracts of these lots, from award and signature on."""
    wanted = sorted(set(lot_ids))
    rows, awarded = [], _awarded(session, wanted)
    for part in chunks(wanted):
        query = (
            select(Contract, Lot, Organisation.name)
            .join(Lot, Lot.id == Contract.lot_id)
            .join(Organisation, Organisation.id == Contract.bidder_id)
            .where(Contract.lot_id.in_(part))
            .order_by(Contract.id)
        )
        found = session.execute(query).all()
        forget_unseen(session, "contract", [contract.id for contract, _, _ in found])
        for contract, lot, name in found:
            clock = LotClock(deadline=lot.deadline, awarded=awarded.get(lot.id, contract.signed_at))
            since = published_from(Datum.CONTRACT, clock, contract.signed_at)
            if since is not None:
                rows.append(row("contract", contract.id, _contract(contract, lot, name, demo), since))
    return rows


def _contract(contract: Contract, lot: Lot, name: str, demo: frozenset[str]) -> dict[str, Any]:
    changes = [{key: change.get(key) for key in ("at", "value", "reason")} for change in contract.changes]
    return {
        **_about(lot, contract.source in demo),
        "supplier": name,
        "signed_at": rfc3339(contract.signed_at),
        "value": money(contract.value),
        "currency": contract.currency,
        **({} if contract.vat is None else {"vat": contract.vat}),
        "changes": changes,
    }


def decisions(session: Session, lot_ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Rows (topic `decision`) of objections and complaints of these lots that have been decided.

    What was complained of stays inside; the text of the decision is published for complaints only, and
    for no qualification lot, where it would name bidders.
    """
    wanted = sorted(set(lot_ids))
    rows, awarded = [], _awarded(session, wanted)
    for part in chunks(wanted):
        query = select(Objection, Lot).join(Lot, Lot.id == Objection.lot_id).where(Objection.lot_id.in_(part))
        found = session.execute(query.order_by(Objection.id)).all()
        forget_unseen(session, "decision", [objection.id for objection, _ in found])
        for objection, lot in found:
            clock = LotClock(deadline=lot.deadline, awarded=awarded.get(lot.id))
            since = published_from(Datum.DECISIONS, clock, objection.answered_at)
            if since is not None:
                rows.append(row("decision", objection.id, _decision(objection, lot, demo), since))
    return rows


def _decision(objection: Objection, lot: Lot, demo: frozenset[str]) -> dict[str, Any]:
    public = objection.kind == "complaint" and not lot.prequalification
    who = masking.needles({objection.raised_by} if objection.raised_by else ())
    return {
        **_about(lot, objection.source in demo),
        "kind": objection.kind,
        "stage": objection.stage,
        "answered_at": rfc3339(objection.answered_at),
        "upheld": objection.upheld,
        "decision": personal_numbers.masked(masking.mask(objection.answer, who))
        if public and objection.answer
        else None,
    }


def opinions(session: Session, ids: Iterable[str], demo: frozenset[str]) -> list[Row]:
    """Rows (topic `opinion`) of what the office releases; nothing is said of one without `public_text`.

    A released text that is taken back is replaced by an empty one.
    """
    rows = []
    for part in chunks(sorted(set(ids))):
        before = select(PublicEvent.subject).where(
            PublicEvent.topic == "opinion", PublicEvent.subject.in_(part)
        )
        known = set(session.scalars(before))
        query = select(Opinion, OpinionAnswer).outerjoin(
            OpinionAnswer, OpinionAnswer.opinion_id == Opinion.id
        )
        for opinion, given in session.execute(query.where(Opinion.id.in_(part)).order_by(Opinion.id)):
            since, payload = _opinion_from(opinion, given), _opinion(opinion, given, opinion.source in demo)
            if since is not None and (payload["text"] or opinion.id in known):
                rows.append(row("opinion", opinion.id, payload, since))
    return rows


def _opinion_from(opinion: Opinion, given: OpinionAnswer | None) -> datetime | None:
    """From when the public may read what the office says of an opinion."""
    at = given.answered_at if given else opinion.answered_at or opinion.received_at
    return published_from(Datum.OPINIONS, LotClock(), at)


def _opinion(opinion: Opinion, given: OpinionAnswer | None, demo: bool) -> dict[str, Any]:
    """What the public may know of an opinion: what the office says, never what was sent nor by whom. An answer that
    a platform sent is published without anybody asking it again, so personal numbers in it stand behind asterisks."""
    text = (given or opinion).public_text
    return {
        "project": opinion.project_id,
        "text": personal_numbers.masked(text) if text else text,
        "answered_at": rfc3339(given.answered_at if given else opinion.answered_at),
        "demo": demo,
    }
