"""The demonstration market: the same for the same seed, valid, and with what is planted in it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select

from ingest.envelope import read
from records.identifiers import uscc_check
from records.ledger import Ledger
from records.states import verify_opening
from records.tables.broadcast import BroadcastSession
from records.tables.openings import Opening
from sunbid.demo import (
    bid_files,
    broadcasts,
    envelopes,
    evaluations,
    load,
    market,
    names,
    opening_steps,
    player,
    script,
)
from sunbid.demo.link import Link
from sunbid.demo.lots import LotPlan, room_ids, rooms_on_air
from sunbid.demo.people import People
from supervision.detection.favour import Marks, deviations, favours
from supervision.detection.tendency import FALSE_DISCOVERIES
from supervision.lens.reader import Lens
from supervision.rules.prices import ladder_deviation
from supervision.studies import rings

NOW = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)
KEY = b"k" * 32


@cache
def records() -> list[envelopes.Envelope]:
    return list(market.generate("small", 1, NOW))


@cache
def plans() -> list[LotPlan]:
    return list(market.plans(People(1), NOW))


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    assert records() == list(market.generate("small", 1, NOW))
    assert records() != list(market.generate("small", 2, NOW))


def test_an_unknown_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="galaxy"):
        next(market.generate("galaxy", 1, NOW))


def test_every_record_passes_the_intake_and_no_key_comes_twice_in_one_version() -> None:
    for record in records():
        read(record, envelopes.SOURCE, KEY)
    seen = Counter((record["kind"], record["key"], record["version"]) for record in records())
    assert max(seen.values()) == 1


def test_a_later_start_repeats_what_was_sent_unchanged() -> None:
    before = {(r["kind"], r["key"], r["version"]): r["data"] for r in records()}
    also = {NOW.date() + timedelta(days=i) for i in range(-2, 2)}
    later = market.generate("small", 1, NOW + timedelta(days=9), also)
    shared = [r for r in later if (r["kind"], r["key"], r["version"]) in before]
    changed = [r for r in shared if before[r["kind"], r["key"], r["version"]] != r["data"]]
    assert len(shared) > 5000
    # An opening that has grown older than the logged ones comes as one of the archive; the ledger keeps its log.
    assert (
        all(r["kind"] == "opening" and r["data"]["state"] == "ended" for r in changed) and len(changed) < 10
    )


def test_centres_rooms_lots_and_firms_have_the_promised_size() -> None:
    kinds = Counter(record["kind"] for record in records())
    rooms = Counter(r["data"].get("kind", "opening") for r in records() if r["kind"] == "room")
    assert (kinds["centre"], rooms["opening"]) == (14 + 22, 28), (
        "14 centres, and 22 of small value in one district"
    )
    assert rooms["evaluation"] >= 14, "every centre has one to evaluate in"
    assert 170 <= len(plans()) <= 230
    firms = People(1).bidders
    assert len({firm.id for firm in firms}) == len({firm.name for firm in firms}) == 600
    assert all(uscc_check(firm.id) and "示例" in firm.name for firm in firms)


def test_a_steady_third_of_the_participations_comes_from_outside() -> None:
    bids = [bid for plan in plans() for bid in plan.bids]
    outside = sum(bid.firm.outside for bid in bids)
    assert 0.34 <= outside / len(bids) <= 0.37


def test_bids_per_lot_are_log_normal_around_twelve() -> None:
    counts = [len(plan.bids) for plan in plans() if plan.planted is None]
    assert 10 <= median(counts) <= 14 and max(counts) > 50


def test_machines_and_accounts_are_shared_only_where_planted() -> None:
    for plan in plans():
        machines = Counter(bid.machine.mac for bid in plan.bids)
        accounts = Counter(bid.payer.account for bid in plan.bids if bid.form == "transfer")
        assert max(machines.values()) == (3 if plan.planted in ("machine", "collusion") else 1)
        assert max(accounts.values(), default=0) <= (2 if plan.planted in ("account", "collusion") else 1)
    assert Counter(plan.planted for plan in plans())["machine"] == 2
    assert Counter(plan.planted for plan in plans())["account"] == 2


def test_today_and_tomorrow_have_openings_to_come() -> None:
    ahead = [plan.deadline - NOW for plan in plans() if plan.deadline > NOW]
    assert sum(wait < timedelta(hours=14) for wait in ahead) >= 3
    assert sum(wait > timedelta(hours=14) for wait in ahead) >= 5


def test_nothing_of_a_bid_is_known_before_its_deadline() -> None:
    ahead = {plan.key for plan in plans() if plan.deadline > NOW}
    assert ahead
    assert not [
        r for r in records() if r["kind"] in ("bid", "deposit", "award") and r["data"]["lot"] in ahead
    ]


def test_the_opening_on_air_starts_with_280_bidders_and_a_planted_ring() -> None:
    first = [next(script.room_script(People(1), NOW, place)) for place in range(4)]
    assert len(first[0].bids) == 280
    ring = [bid for bid in first[1].bids if bid.machine != bid.firm]
    assert len(ring) == 2 and len({bid.machine for bid in ring}) == 1
    reading = [step.at for step in opening_steps.steps(first[1], script.show_pace(first[1])) if step.bid]
    assert reading[-1] - NOW < timedelta(seconds=110)


def test_two_starts_never_share_an_opening_on_air() -> None:
    one = next(script.room_script(People(1), NOW, 0))
    two = next(script.room_script(People(1), NOW + timedelta(seconds=1), 0))
    assert one.opening_key != two.opening_key and script.LIVE_MARK in one.opening_key
    assert not [plan for plan in plans() if script.LIVE_MARK in plan.opening_key]


def test_rooms_on_air_are_all_rooms_and_the_market_keeps_out_of_the_first_ones() -> None:
    order = rooms_on_air()
    assert len(set(order)) == 28
    taken = {ids[0] for ids in room_ids().values() if len(ids) > 1}
    assert not [plan for plan in plans() if plan.room in taken]


def test_some_opinions_wait_for_an_answer_and_others_have_one() -> None:
    sent = [e for e in records() if e["kind"] == "opinion"]
    answered = {e["key"] for e in sent if e["version"] == 2}
    waiting = {e["key"] for e in sent} - answered
    assert len(waiting) >= 2 and len(answered) >= 5
    assert all(e["data"]["public_text"] for e in sent if e["version"] == 2)


def test_loading_is_complete_chained_and_only_done_once(ledger: Ledger, tmp_path: Path) -> None:
    load.ensure_source(ledger)
    assert load.load(ledger, tmp_path, records()) == len(records())
    assert load.load(ledger, tmp_path, records()) == 0
    with ledger.read() as session:
        done = session.scalars(select(Opening).where(Opening.state == "ended", Opening.head_seq > 0)).all()
        assert len(done) > 15
        assert all(verify_opening(session, opening.id) is None for opening in done)
        assert session.scalar(select(func.count()).select_from(Opening)) == len(plans())


def test_an_opening_left_on_air_is_ended_at_the_next_start(ledger: Ledger, tmp_path: Path) -> None:
    load.ensure_source(ledger)
    people = People(1)
    load.load(ledger, tmp_path, envelopes.centres_and_firms(people, market.FOUNDED))
    plan = next(script.room_script(people, NOW, 2))
    steps = list(opening_steps.steps(plan, script.show_pace(plan)))[:4]
    load.load(ledger, tmp_path, [*envelopes.notice(plan), envelopes.opening(plan), *(s.event for s in steps)])
    ahead = next(script.room_script(people, NOW + timedelta(hours=1), 3))
    load.load(ledger, tmp_path, [*envelopes.notice(ahead), envelopes.opening(ahead)])
    signing = next(script.room_script(people, NOW + timedelta(minutes=6), 4))
    sign_in = envelopes.opening_event(signing, 1, NOW, "sign_in", {"count": 3})
    load.load(ledger, tmp_path, [*envelopes.notice(signing), envelopes.opening(signing), sign_in])
    load.load(ledger, tmp_path, load.leftovers(ledger, NOW + timedelta(minutes=5)))
    with ledger.read() as session:
        left = session.get_one(Opening, plan.opening_key)
        assert (left.state, left.result) == ("ended", "terminated")
        for early in (ahead, signing):  # those whose time had not come are called off
            assert session.get_one(Opening, early.opening_key).state == "cancelled"
    assert not list(load.leftovers(ledger, NOW))


def test_no_title_says_the_same_twice_or_builds_where_nothing_can_be_built() -> None:
    odd = (
        "学校学校",
        "小学学校",
        "中学学校",
        "医院学校",
        "路道路",
        "仓储仓储",
        "泵站学校",
        "桥学校",
        "公园学校",
        "码头食堂",
    )
    titles = [plan.name for plan in plans()]
    titles += [names.title(place, subject) for place in names.PLACES for subject in names.FITS]
    assert not [title for title in titles if any(words in title for words in odd)]
    assert set(names.FITS) == {subject for group in names.SUBJECTS.values() for subject, _ in group}


def test_the_days_of_the_work_are_those_the_tender_allows() -> None:
    for plan in plans():
        days = [bid.duration_days for bid in plan.bids]
        assert not days or max(days) <= plan.period <= 730
        assert not days or min(days) >= 0.89 * plan.period - 1


def test_small_value_lots_are_small_and_say_so() -> None:
    small = [plan for plan in plans() if plan.small]
    assert len(small) >= 4 and all(plan.control_price <= 2_000_000 for plan in small)
    flagged = {r["key"] for r in records() if r["kind"] == "lot" and "small_value" in r["data"]["flags"]}
    assert flagged == {plan.key for plan in small}


def test_only_openings_on_air_are_rehearsals() -> None:
    live = next(script.room_script(People(1), NOW, 2))
    assert "rehearsal" in envelopes.lot_data(live)["flags"]
    assert not [r for r in records() if r["kind"] == "lot" and "rehearsal" in r["data"]["flags"]]


def test_ladders_of_prices_are_planted_exact_and_nearly_so() -> None:
    found = Counter(plan.planted for plan in plans())
    assert (found["ladder"], found["steps"]) == (4, 6)
    for plan in plans():
        if plan.planted in ("ladder", "steps"):
            deviation = ladder_deviation([bid.price for bid in plan.bids])
            assert deviation is not None
            assert deviation == 0 if plan.planted == "ladder" else 0.005 < deviation <= 0.02


def test_two_in_three_of_the_past_were_broadcast_and_a_second_start_adds_none(ledger: Ledger) -> None:
    for _ in range(2):
        with ledger.write() as session:
            broadcasts.leave(session, plans(), NOW)
    with ledger.read() as session:
        held = session.scalars(select(BroadcastSession)).all()
    shown = {one.opening_id for one in held}
    for days in (30, 365, 731):  # the last month, which comes with its log, no less than the years before
        past = [
            p
            for p in plans()
            if NOW - timedelta(days=days) < p.deadline < NOW - timedelta(days=1) and not p.fails
        ]
        assert 0.6 < sum(p.opening_key in shown for p in past) / len(past) < 0.74, days
    assert all(one.seconds_live >= 600 and one.state == "ended" for one in held)


def test_the_study_of_rings_finds_the_planted_five_and_that_they_take_turns() -> None:
    """By its own thresholds, over the market as the lens holds it."""
    rows = [
        {
            "lot_id": plan.key, "bidder_id": bid.firm.id, "price": float(bid.price), "control": float(plan.control_price),
            "is_winner": bid is winner, "opened_at": pd.Timestamp(plan.deadline), "lot_name": plan.name,
            "centre_id": plan.division, "category": plan.category,
        }
        for plan in plans() if not plan.on_air and market.is_over(plan, NOW)
        for winner in [None if plan.fails else next(iter(plan.ranking()), None)] for bid in plan.bids
    ]  # fmt: skip
    lens = SimpleNamespace(frame=lambda _query, _given: pd.DataFrame(rows))
    (group,) = rings.study(cast(Lens, lens), NOW)["groups"]
    assert set(group["members"]) == {firm.id for firm in People(1).ring}
    assert group["met"] > 3 * group["expected"] and group["rotation"] > 0.9


def test_the_study_of_experts_finds_the_one_who_leans_to_a_member_of_the_ring() -> None:
    bidders = {record["key"]: record["data"]["bidder"] for record in records() if record["kind"] == "bid"}
    marks = pd.DataFrame(record["data"] for record in records() if record["kind"] == "score")
    marks = marks[marks["kind"] == "subjective"].assign(
        points=marks["score"].astype(float), bidder=marks["bid"].map(bidders)
    )
    given = marks.groupby(["evaluation", "expert", "bidder"], as_index=False)["points"].sum()
    session, expert, bidder = (pd.factorize(given[name]) for name in ("evaluation", "expert", "bidder"))
    table = Marks(session[0], expert[0], bidder[0], given["points"].to_numpy(), np.full(len(given), 50.0))
    found = favours(table, deviations(table))
    first = (expert[1][found.expert[0]], bidder[1][found.bidder[0]])
    assert first == (evaluations.expert(evaluations.LEANING), People(1).ring[0].id) and found.effect[0] > 1
    assert (found.adjusted_p <= FALSE_DISCOVERIES).sum() == 1 and len(found.p) > 40


def test_the_files_a_live_lot_refers_to_lie_there_when_it_is_announced(tmp_path: Path) -> None:
    people, sent = People(1), []

    class Intake:
        async def send(self, records: Iterable[envelopes.Envelope]) -> None:
            sent.extend(records)

    rooms = (script.room_script(people, NOW, place) for place in range(8))
    plan = next(one for room in rooms for one in islice(room, 2) if one.planted in bid_files.PLANTED)
    few = replace(plan, bids=plan.bids[:2])
    asyncio.run(player.announce(cast(Link, Intake()), few, people, tmp_path))
    references = [one for bid in few.bids for one in bid_files.references(few, bid) or []]
    assert len(references) == 4 and sent
    assert all((tmp_path / bid_files.FOLDER / one["path"]).is_file() for one in references)
