"""A lot of the city as record envelopes, each in the version it has come to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sunbid.demo import home
from sunbid.demo.city import other_records
from sunbid.demo.city.bidding import Bidding, bidding
from sunbid.demo.city.clock import REFERENCE, stamp
from sunbid.demo.city.lot import DISPLAYED_FOR, PUBLICITY_AFTER, REFUND_DUE, SCORED_ITEMS, CityLot, hash_free
from sunbid.demo.city.plan import CityPlan
from sunbid.demo.city.scores import committee, scores
from sunbid.demo.envelopes import SOURCE, Envelope
from sunbid.demo.lots import start_price

DEAL_SECTOR = "亚运项目"
_OBJECTIONS = ("对评标结果中业绩分有异议。", "对候选人项目负责人资格有异议。", "对控制价编制依据有异议。")
_LONGEST_OPENING = 150
_RECOGNISED = frozenset(one.partition(":")[0] for one in home.CERTIFICATES.split())
"""Provinces whose certificates are recognised; firms of others hold one of the home province."""


class Writer:
    """Writes the records of lots; `now` is the moment they are seen from."""

    def __init__(self, plan: CityPlan) -> None:
        self.firms, self.now = plan.firms, plan.clock.now
        self._opinions = other_records.opinions(plan, plan.of_year(REFERENCE))

    def lot(self, lot: CityLot) -> Iterator[Envelope]:
        """All records of a lot, parents first."""
        yield self._project(lot)
        yield self._lot(lot)
        yield from self._notices(lot)
        yield from self._opinions.get(lot.key, ())
        ended = lot.deadline + timedelta(
            minutes=10 if lot.failed else min(_LONGEST_OPENING, 30 + lot.bids // 5)
        )
        if lot.failed:
            yield self._opening(lot, ended)
            return
        bids = bidding(self.firms, lot)
        yield from self._bids(lot, bids)
        yield self._opening(lot, ended)
        yield from self._deposits(lot, bids)
        yield from self._evaluation(lot, bids, ended)
        yield from self._awards(lot, bids)

    def _one(self, kind: str, key: str, at: str, data: dict[str, Any]) -> Envelope:
        return {"source": SOURCE, "kind": kind, "key": key, "version": 1, "occurred_at": at, "data": data}

    # ── the lot ──────────────────────────────────────────────────────────────

    def _project(self, lot: CityLot) -> Envelope:
        data = {
            "name": lot.title,
            "trade_family": lot.family,
            "sector": DEAL_SECTOR if lot.deal else lot.category,
            "investment": str(lot.control * 6 // 5),
            "tenderer": self.firms.tenderers[lot.tenderer].id,
            "division_code": lot.division,
        }
        if lot.key_flag:
            data["key_flag"] = lot.key_flag
        return self._one("project", f"XM-{lot.key}", stamp(lot.notice_at), data)

    def _lot(self, lot: CityLot) -> Envelope:
        flags = ["electronic"]
        flags += ["key"] if lot.key_flag else []
        flags += ["remote"] if lot.tier else []
        flags += ["small_value"] if lot.family == "other" else []
        data = {
            "project": f"XM-{lot.key}",
            "name": lot.title,
            "tenderer": self.firms.tenderers[lot.tenderer].id,
            "agency": self.firms.agencies[lot.agency].id,
            "centre": lot.centre,
            "trade_family": lot.family,
            "category": lot.category,
            "method": lot.method,
            "evaluation_method": lot.evaluation_method,
            "control_price": str(lot.control),
            "notice_at": stamp(lot.notice_at),
            "deadline": stamp(lot.deadline),
            "planned_award_at": stamp(lot.awarded_at + timedelta(days=hash_free(lot.key) % 8 - 1)),
            "flags": flags,
            "division_code": lot.division,
            "status": lot.status(self.now),
        }
        if (start := start_price(lot.family, lot.control)) is not None:
            data["start_price"] = str(start)
        if lot.deposit:
            data["deposit_required"] = _yuan(lot.deposit)
        return self._one("lot", lot.key, stamp(lot.notice_at), data)

    def _notices(self, lot: CityLot) -> Iterator[Envelope]:
        if lot.displayed:
            shown = stamp(lot.notice_at - DISPLAYED_FOR)
            data = {
                "lot": lot.key,
                "type": "documents",
                "title": f"{lot.title}招标文件公示",
                "published_at": shown,
            }
            yield self._one("notice", f"GS-{lot.key}", shown, data)
        moments = (
            ("tender", "招标公告", lot.notice_at, lot.deadline),
            ("candidates", "中标候选人公示", lot.deadline + PUBLICITY_AFTER, lot.awarded_at),
            ("result", "中标结果公告", lot.awarded_at, None),
        )
        for number, (kind, words, at, until) in enumerate(moments[: lot.published_notices(self.now)]):
            data = {"lot": lot.key, "type": kind, "title": f"{lot.title}{words}", "published_at": stamp(at)}
            if until:
                data["until"] = stamp(until)
            yield self._one("notice", f"GG-{lot.key}-{number + 1}", stamp(at), data)

    def _opening(self, lot: CityLot, ended: datetime) -> Envelope:
        data = {
            "lot": lot.key,
            "room": lot.room,
            "scheduled_at": stamp(lot.deadline),
            "state": "ended",
            "ended_at": stamp(ended),
            "result": "failed" if lot.failed else "opened",
        }
        if not lot.failed:
            data["started_at"] = stamp(lot.deadline)
        return self._one("opening", f"KB-{lot.key}", stamp(ended), data)

    # ── bids and deposits ────────────────────────────────────────────────────

    def _bids(self, lot: CityLot, bids: Bidding) -> Iterator[Envelope]:
        """At length with the files' analysis; shortly with who, when and at which price."""
        at, key, bidders = stamp(lot.deadline), lot.key, self.firms.bidders
        places = zip(
            bids.firms.tolist(), bids.prices.tolist(), bids.before.tolist(), bids.rejected.tolist(),
            bids.machines.tolist(), strict=True,
        )  # fmt: skip
        for number, (firm, cents, before, rejected, machine) in enumerate(places):
            data = {
                "lot": key,
                "bidder": bidders[firm].id,
                "received_at": stamp(lot.deadline - timedelta(seconds=before)),
                "price": _yuan(cents),
                "ca_region": _certificate(bidders[firm].division),
            }
            if rejected:
                data["status"], data["reject_reason"] = "disqualified", "未实质性响应招标文件"
            if lot.long:
                data["decrypt_status"], data["mac"] = "success", self.firms.mac(machine)
            yield self._one("bid", f"{key}-{number + 1:04d}", at, data)

    def _deposits(self, lot: CityLot, bids: Bidding) -> Iterator[Envelope]:
        for number in range(lot.transfers + lot.guarantees):
            paid = lot.deadline - timedelta(days=2, minutes=int(bids.before[number]) // 60)
            firm = self.firms.bidders[int(bids.firms[number])]
            data: dict[str, Any] = {
                "lot": lot.key,
                "bidder": firm.id,
                "bid": f"{lot.key}-{number + 1:04d}",
                "amount": _yuan(lot.deposit) if lot.deposit else str(min(800_000, lot.control // 50)),
                "received_at": stamp(paid),
            }
            at = paid
            if number < lot.transfers:
                at = lot.deadline + timedelta(days=6 + hash_free(lot.key) % 4, hours=number % 6)
                data |= self._refund(lot, firm.account, at, paid)
            else:
                data["form"] = "guarantee"
            yield self._one("deposit", f"BZJ-{lot.key}-{number + 1:04d}", stamp(at), data)

    def _refund(self, lot: CityLot, account: str, at: datetime, paid: datetime) -> dict[str, Any]:
        """Back within five days of the contract's usual day, with interest (实施条例 art. 57)."""
        interest = lot.deposit * 35 * (at - paid).days // 3_600_000
        return {
            "payer_account": account,
            "due_refund_at": stamp(lot.deadline + REFUND_DUE),
            "refunded_at": stamp(at),
            "status": "refunded",
            "interest": _yuan(interest),
        }

    # ── evaluation ───────────────────────────────────────────────────────────

    def _evaluation(self, lot: CityLot, bids: Bidding, ended: datetime) -> Iterator[Envelope]:
        began = ended + timedelta(minutes=30)
        over = began + timedelta(minutes=40 + min(240, 6 * lot.bids) + hash_free(lot.key) % 60)
        key = f"PB-{lot.key}"
        data: dict[str, Any] = {
            "lot": lot.key,
            "mode": "remote" if lot.tier else "on_site",
            "main_site": "示例主场",
            "experts": lot.committee,
            "scheduled_at": stamp(began),
            "started_at": stamp(began),
            "ended_at": stamp(over),
            "state": "ended",
        }
        if lot.tier:
            data |= {"tier": lot.tier, "secondary_sites": [_SITES[lot.tier][hash_free(lot.key) % 2]]}
        yield self._one("evaluation", key, stamp(over), data)
        experts = (
            [self.firms.experts[n] for n in committee(self.firms, lot)] if lot.paid or lot.scored else []
        )
        for place, amount in enumerate(lot.paid):
            fee = {
                "evaluation": key,
                "expert": experts[place],
                "amount": str(amount),
                "status": "paid",
                "paid_at": stamp(over),
            }
            yield self._one("fee", f"ZF-{lot.key}-{place + 1}", stamp(over), fee)
        if lot.scored:
            yield from self._scores(lot, bids, key, experts, stamp(over))

    def _scores(
        self, lot: CityLot, bids: Bidding, key: str, experts: list[str], at: str
    ) -> Iterator[Envelope]:
        for place, bid, item, mark in scores(self.firms, lot, bids.firms):
            name, kind, full = SCORED_ITEMS[item]
            data = {
                "evaluation": key,
                "expert": experts[place],
                "bid": f"{lot.key}-{bid + 1:04d}",
                "item": name,
                "kind": kind,
                "full_marks": str(full),
                "score": mark,
                "submitted_at": at,
            }
            yield self._one("score", f"PF-{lot.key}-{place + 1}-{bid + 1}-{item + 1}", at, data)

    # ── the result ───────────────────────────────────────────────────────────

    def _awards(self, lot: CityLot, bids: Bidding) -> Iterator[Envelope]:
        publicity = lot.deadline + PUBLICITY_AFTER
        if publicity > self.now:
            return
        awarded = lot.awarded_at <= self.now
        for rank, place in enumerate(bids.ranking[: lot.candidates].tolist(), 1):
            won = awarded and rank == 1
            data = {
                "lot": lot.key,
                "bidder": self.firms.bidders[int(bids.firms[place])].id,
                "rank": rank,
                "price": _yuan(int(bids.prices[place])),
                "status": "awarded" if won else "candidate",
                "publicity_from": stamp(publicity),
                "publicity_until": stamp(publicity + timedelta(days=3)),
            }
            if won:
                data["awarded_at"] = stamp(lot.awarded_at)
            yield self._one("award", f"ZB-{lot.key}-{rank}", stamp(publicity), data)
        yield from self._objection(lot)
        if lot.contract_at <= self.now:
            yield self._contract(lot, bids)

    def _contract(self, lot: CityLot, bids: Bidding) -> Envelope:
        first = int(bids.ranking[0])
        data = {
            "lot": lot.key,
            "bidder": self.firms.bidders[int(bids.firms[first])].id,
            "signed_at": stamp(lot.contract_at),
            "value": _yuan(int(bids.prices[first])),
        }
        return self._one("contract", f"HT-{lot.key}", stamp(lot.contract_at), data)

    def _objection(self, lot: CityLot) -> Iterator[Envelope]:
        if not lot.objected:
            return
        at = lot.deadline + PUBLICITY_AFTER + timedelta(hours=5)
        number = hash_free(lot.key)
        data = {
            "lot": lot.key,
            "stage": "candidates",
            "kind": "complaint" if number % 5 == 0 else "objection",
            "content": _OBJECTIONS[number % len(_OBJECTIONS)],
            "raised_at": stamp(at),
            "answer": "经核查，异议不成立。",
            "answered_at": stamp(at + timedelta(days=2)),
            "upheld": False,
        }
        yield self._one("objection", f"YY-{lot.key}", stamp(at), data)


_SITES = {
    "city": ("萧山分中心", "建德分中心"),
    "cross_city": ("温州市公共资源交易中心", "宁波市公共资源交易中心"),
    "cross_province": ("烟台市公共资源交易中心", "合肥市包河区公共资源交易中心"),
}


def _yuan(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _certificate(division: str) -> str:
    """Whose certificate a firm bids with."""
    return division[:2] if division[:2] in _RECOGNISED else home.PLACE.province
