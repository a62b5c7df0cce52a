"""The city market: exact totals, planted answers that hold, and a load that gives it all to the ledger."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import fmean, median

import pytest
from sqlalchemy import func, select, text

from ingest.envelope import read
from records.clock import start_of
from records.ledger import Ledger
from records.tables.broadcast import BroadcastSession
from records.tables.intake import Held, Journal
from records.tables.leads import LeadBatch
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.supervision import WatchMark
from sunbid.demo import envelopes, load, market
from sunbid.demo.city import build, other_records
from sunbid.demo.city.bidding import bidding, forced
from sunbid.demo.city.clock import REFERENCE
from sunbid.demo.city.firms import CityFirms
from sunbid.demo.city.history import held_city
from sunbid.demo.city.lot import COEFFICIENT, LOWEST
from sunbid.demo.city.pieces import City
from sunbid.demo.city.targets import Targets
from sunbid.demo.city.volume import MOST
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters
from supervision.lens.reader import Lens
from supervision.rules.market_run import findings_of_market, on_lens
from supervision.rules.registry import MARKET_RULES
from supervision.studies import experts, rings
from tests.ledgers import new_ledger

NOW = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)
KEY = b"k" * 32
FRACTION = 0.01


@cache
def city(fraction: float = FRACTION) -> City:
    return City(1, NOW, fraction)


@cache
def small_records() -> list[envelopes.Envelope]:
    return list(city().generate())


# ── the plan of the whole city, without its bids ─────────────────────────────


@pytest.mark.parametrize("fraction", [FRACTION, 1.0])
def test_the_reference_year_adds_up_to_the_unit(fraction: float) -> None:
    plan = city(fraction).plan
    targets, lots = plan.targets, plan.of_year(REFERENCE)
    assert len(lots) == targets.lots
    assert sum(lot.bids for lot in lots) == targets.participations
    assert sum(lot.outside for lot in lots) == targets.outside
    assert sum(lot.outside > 0 for lot in lots) == targets.outside_lots
    assert sum(lot.broadcast for lot in lots) == targets.broadcasts
    assert sum(lot.bids for lot in lots if lot.broadcast) == targets.served
    assert Counter(lot.tier for lot in lots if lot.tier) == targets.remote
    assert Counter(lot.key_flag for lot in lots if lot.key_flag) == targets.key
    assert sum(lot.committee for lot in lots) == targets.attendances
    assert sum(sum(lot.paid) for lot in lots) == targets.fees
    assert sum(lot.transfers for lot in lots) == targets.refunds
    assert sum(lot.transfers * lot.deposit for lot in lots) == targets.refunded * 100
    assert sum(lot.records(NOW) for lot in plan.lots) + other_records.count(plan) == targets.records


@pytest.mark.parametrize("fraction", [FRACTION, 1.0])
def test_the_deals_of_the_programme(fraction: float) -> None:
    plan = city(fraction).plan
    deals = [lot for lot in plan.lots if lot.deal]
    period = plan.clock.reference
    assert len(deals) == plan.targets.deals
    assert sum(lot.award_cents for lot in deals) == plan.targets.deal_amount * 100
    assert round(100 * fmean(1 - lot.award_cents / 100 / lot.control for lot in deals), 2) == 16.34
    weighted = 1 - sum(lot.award_cents for lot in deals) / 100 / sum(lot.control for lot in deals)
    assert round(100 * weighted, 2) == 16.34
    assert all(start_of(period.start) <= lot.awarded_at < start_of(period.end) for lot in deals)


def test_the_whole_city_is_the_one_of_the_domain() -> None:
    targets = Targets.scaled(1)
    assert round(100 * targets.outside / targets.participations, 2) == 34.15
    assert f"{targets.outside / 10_000:.2f}" == "31.26"
    assert f"{targets.attendances / targets.lots:.2f}" == "4.53"
    assert f"{targets.attendances / 10_000:.2f}" == "2.24"
    assert (
        targets.fees == 23_233_400
        and sum(targets.key.values()) == 513
        and sum(targets.remote.values()) == 360
    )
    lots = city(1.0).plan.of_year(REFERENCE)
    counts = [lot.bids for lot in lots]
    assert 10 <= median(counts) <= 15
    heavy = [lot for lot in lots if lot.bids > 300]
    assert len(heavy) > 400 and {lot.family for lot in heavy} == {"works"}
    assert {lot.committee for lot in lots} == {3, 5, 7}
    assert all(lot.committee >= 5 for lot in lots if lot.family == "works")
    assert len({lot.room for lot in lots}) == 28 and len({lot.division for lot in lots}) == 14


def test_a_city_of_twice_the_lots_has_the_same_firms_and_no_lot_more_bidders_than_there_are() -> None:
    assert CityFirms(1, 2.0).bidders == CityFirms(1).bidders
    assert all(0 <= lot.bids <= MOST for lot in city(2.0).plan.lots)


def test_no_deposit_is_larger_than_the_law_allows() -> None:
    for lot in city(1.0).plan.lots:
        assert lot.deposit <= min(80_000_000, lot.control * 2)


# ── the records of a small city ──────────────────────────────────────────────


def test_the_records_are_as_many_as_planned_and_all_pass_the_intake() -> None:
    records = small_records()
    assert len(records) == city().plan.targets.records
    for record in records:
        read(record, envelopes.SOURCE, KEY)
    assert len({(r["kind"], r["key"]) for r in records}) == len(records)


def test_the_same_seed_and_moment_give_the_same_city_in_whatever_order() -> None:
    one, two = City(1, NOW, FRACTION), City(1, NOW, FRACTION)
    pieces = one.pieces()
    backwards = {piece: list(two.records(piece)) for piece in reversed(pieces)}
    assert all(list(one.records(piece)) == backwards[piece] for piece in pieces)
    other = City(2, NOW, FRACTION)
    assert [lot.bids for lot in other.plan.lots] != [lot.bids for lot in one.plan.lots]


def test_everything_of_the_city_has_happened_before_it_is_built() -> None:
    assert all(datetime.fromisoformat(r["occurred_at"]) <= NOW for r in small_records())


def test_bids_of_the_records_are_the_reference_years_participations() -> None:
    plan = city().plan
    year = {lot.key for lot in plan.of_year(REFERENCE)}
    home = {firm.id for firm in plan.firms.bidders if not firm.outside}
    bids = [r["data"] for r in small_records() if r["kind"] == "bid" and r["data"]["lot"] in year]
    assert len(bids) == plan.targets.participations
    assert sum(bid["bidder"] not in home for bid in bids) == plan.targets.outside
    assert len({(bid["lot"], bid["bidder"]) for bid in bids}) == len(bids)


def test_money_of_the_records() -> None:
    plan = city().plan
    start, end = start_of(plan.clock.reference.start), start_of(plan.clock.reference.end)

    def within(record: envelopes.Envelope, field: str) -> bool:
        return field in record["data"] and start <= datetime.fromisoformat(record["data"][field]) < end

    back = [r["data"] for r in small_records() if r["kind"] == "deposit" and within(r, "refunded_at")]
    due = [r["data"] for r in small_records() if r["kind"] == "deposit" and within(r, "due_refund_at")]
    assert len(back) == len(due) == plan.targets.refunds
    assert sum(Decimal(one["amount"]) for one in back) == plan.targets.refunded
    assert all(one["refunded_at"] <= one["due_refund_at"] for one in back)
    fees = [
        Decimal(r["data"]["amount"]) for r in small_records() if r["kind"] == "fee" and within(r, "paid_at")
    ]
    assert (len(fees), sum(fees)) == (plan.targets.attendances, plan.targets.fees)


def test_prices_follow_the_way_of_evaluation() -> None:
    plan = city().plan
    for lot in plan.lots:
        if lot.failed or lot.family in ("land", "property"):
            continue
        bids = bidding(plan.firms, lot)
        ratios = [cents / 100 / lot.control for cents in bids.prices.tolist()]
        assert len(set(bids.prices.tolist())) == lot.bids and max(ratios) < 1.0001
        assert int(bids.prices[bids.ranking[0]]) == lot.award_cents
        if lot.evaluation_method == COEFFICIENT:
            assert max(ratios) - min(ratios) < 0.03 and min(ratios) > 0.93
        if lot.evaluation_method == LOWEST and not lot.deal:
            assert min(ratios) > 0.915 and max(ratios) < 0.995
            assert int(bids.prices[~bids.rejected].min()) == lot.award_cents


# ── what is planted ──────────────────────────────────────────────────────────


def answers(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(build.write_answers(city(), tmp_path).read_text())
    return found


def bidders_of() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for record in small_records():
        if record["kind"] == "bid":
            found[record["data"]["lot"]].add(record["data"]["bidder"])
    return found


def winners() -> dict[str, str]:
    return {
        r["data"]["lot"]: r["data"]["bidder"]
        for r in small_records()
        if r["kind"] == "award" and r["data"]["rank"] == 1
    }


def test_planted_rings_bid_together_take_turns_and_cover(tmp_path: Path) -> None:
    bidders, won = bidders_of(), winners()
    prices = {
        (r["data"]["lot"], r["data"]["bidder"]): Decimal(r["data"]["price"])
        for r in small_records()
        if r["kind"] == "bid"
    }
    rings = answers(tmp_path)["rings"]
    assert 3 <= len(rings) <= 5
    for ring in rings:
        members, lots = set(ring["members"]), ring["lots"]  # type: ignore[call-overload]
        together = [lot for lot, who in bidders.items() if members <= who]
        assert set(lots) <= set(together) and len(lots) >= 8
        elsewhere = [lot for lot, who in bidders.items() if members & who and lot not in lots]
        assert len(elsewhere) <= len(lots)
        assert {lot: won[lot] for lot, turn in lots.items() if turn} == {k: v for k, v in lots.items() if v}
        wins = Counter(won[lot] for lot in lots if won[lot] in members)
        assert len(wins) == len(members) and max(wins.values()) - min(wins.values()) <= 2
        for lot, turn in lots.items():
            losing = sorted(prices[lot, m] for m in members if m != turn)
            assert (losing[-1] - losing[0]) / losing[0] < Decimal("0.004")
            assert turn is None or losing[0] / prices[lot, turn] > Decimal("1.01")


def test_ring_members_share_a_machine_now_and_then_and_nobody_else_does() -> None:
    plan = city().plan
    shared = []
    for lot in plan.lots:
        if lot.failed:
            continue
        machines = Counter(bidding(plan.firms, lot).machines.tolist())
        if max(machines.values()) > 1:
            shared.append(lot)
    assert shared and all(lot.planted == "ring" and lot.plant == 0 for lot in shared)


def test_captive_tenderers_prefer_one_firm(tmp_path: Path) -> None:
    bidders, won = bidders_of(), winners()
    tenderer = {r["key"]: r["data"]["tenderer"] for r in small_records() if r["kind"] == "lot"}
    for captive in answers(tmp_path)["captive_tenderers"]:
        mine = [lot for lot, who in tenderer.items() if who == captive["tenderer"]]
        assert sorted(mine) == captive["lots"] and len(mine) >= 8
        at_home = fmean(won[lot] == captive["bidder"] for lot in mine)
        others = [lot for lot, who in bidders.items() if captive["bidder"] in who and lot not in mine]
        assert at_home >= 0.6
        assert not others or at_home > 2 * fmean(won.get(lot) == captive["bidder"] for lot in others)


def test_biased_experts_deviate_and_the_others_do_not(tmp_path: Path) -> None:
    marks: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    kinds: dict[str, set[float]] = defaultdict(set)
    bid_of = {r["key"]: r["data"]["bidder"] for r in small_records() if r["kind"] == "bid"}
    for record in small_records():
        if record["kind"] != "score":
            continue
        data = record["data"]
        share = float(data["score"]) / float(data["full_marks"])
        if data["kind"] == "subjective":
            marks[data["evaluation"], data["bid"], data["item"]][data["expert"]] = share
        else:
            kinds[f"{data['evaluation']}/{data['bid']}"].add(share)
    assert all(len(values) == 1 for values in kinds.values())
    planted = {one["expert"]: one for one in answers(tmp_path)["biased_experts"]}
    off: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (evaluation, bid, _item), given in marks.items():
        for expert, share in given.items():
            rest = fmean(v for e, v in given.items() if e != expert)
            one = planted.get(expert)
            favoured = one is not None and bid_of[bid] == one["bidder"] and evaluation in one["evaluations"]  # type: ignore[operator]
            off[expert if one else "honest", "own" if favoured else "other"].append(share - rest)
    for expert in planted:
        assert len(off[expert, "own"]) >= 8
        assert fmean(off[expert, "own"]) > 0.05 and fmean(off[expert, "other"]) < 0
    assert abs(fmean(off["honest", "other"])) < 0.02


def test_planted_firms_are_in_their_lots() -> None:
    plan = city(1.0).plan
    kinds = Counter((lot.planted, lot.plant) for lot in plan.lots if lot.planted)
    assert len(kinds) == 8 and min(kinds.values()) >= 30
    lot = next(lot for lot in plan.lots if lot.planted == "bias")
    assert set(forced(plan.firms, lot)) <= set(bidding(plan.firms, lot).firms.tolist())


# ── the load ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a small city, built once."""
    folder = tmp_path_factory.mktemp("city")
    book = new_ledger(folder / "ledger.db")
    load.ensure_source(book)
    added, built_at = build.ensure(book, folder, 1, NOW, FRACTION)
    assert (added, built_at) == (city().plan.targets.records, NOW)
    book.close()
    return folder


@pytest.fixture
def loaded(home: Path) -> Iterator[Ledger]:
    book = Ledger(f"sqlite:///{home / 'ledger.db'}")
    yield book
    book.close()


def test_the_lens_over_a_fresh_city_shows_the_reference_year(home: Path) -> None:
    targets, plan = city().plan.targets, city().plan
    filters = Filters(period=plan.clock.reference)
    lens = Lens(home)
    share = Answers(lens).value("M04", filters)
    assert (share.numerator, share.denominator) == (targets.outside, targets.participations)
    assert Answers(lens).value("M07", filters).numerator == targets.outside_lots
    assert Answers(lens).value("M11", filters).numerator == targets.failed
    deals = "SELECT count(*) FROM lots WHERE project_id IN (SELECT unnest($ids)) AND winner_id IS NOT NULL"
    ids = [f"XM-{lot.key}" for lot in plan.lots if lot.deal]
    assert lens.one(deals, {"ids": ids})[0] == targets.deals
    lens.close()


def test_the_ledger_of_a_fresh_city_is_whole(loaded: Ledger) -> None:
    targets, period = city().plan.targets, city().plan.clock.reference
    start, end = start_of(period.start), start_of(period.end)
    live = select(func.count()).where(
        BroadcastSession.seconds_live >= 60, BroadcastSession.live_at >= start, BroadcastSession.live_at < end
    )
    with loaded.read() as session:
        assert session.scalar(select(func.count()).select_from(Held)) == targets.records
        assert session.scalar(select(func.max(Journal.seq))) == targets.records
        assert not session.execute(text("PRAGMA foreign_key_check")).all()
        assert session.scalar(live) == targets.broadcasts
        assert session.scalar(select(func.count()).select_from(LeadBatch)) == 13
        assert {"watch:journal", "watch:deadline"} <= set(session.scalars(select(WatchMark.name)))


def test_a_second_start_adds_nothing_and_another_seed_is_refused(loaded: Ledger, home: Path) -> None:
    assert build.ensure(loaded, home, 1, NOW, FRACTION) == (0, NOW)
    with pytest.raises(build.CityRefused, match="种子"):
        build.ensure(loaded, home, 2, NOW, FRACTION)
    with loaded.read() as session:
        assert held_city(session) is not None


def test_the_days_around_today_come_on_top(loaded: Ledger, home: Path) -> None:
    since = city().plan.clock.today - timedelta(days=2)
    records = list(market.generate("city", 1, NOW, since=since))
    assert {r["kind"] for r in records} >= {"lot", "bid", "opening_event"}
    assert load.load(loaded, home, records) == len(records)
    assert load.load(loaded, home, records) == 0
    with loaded.read() as session:
        ahead = select(func.count()).where(Opening.scheduled_at > NOW)
        assert (session.scalar(ahead) or 0) > 5
        bidders = {r["data"]["bidder"] for r in records if r["kind"] == "bid"}
        assert bidders <= set(session.scalars(select(Organisation.id)))


def test_a_ledger_with_the_small_market_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    load.ensure_source(ledger)
    load.load(ledger, tmp_path, list(market.generate("small", 1, NOW))[:50])
    with pytest.raises(build.CityRefused, match="small"):
        build.ensure(ledger, tmp_path, 1, NOW, FRACTION)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_bid_of_the_whole_city_counted_as_it_streams() -> None:
    whole = city(1.0)
    plan, kinds, outside = whole.plan, Counter[str](), 0
    abroad = {firm.id for firm in plan.firms.bidders if firm.outside}
    year = {lot.key for lot in plan.of_year(REFERENCE)}
    reference = 0
    for record in whole.generate():
        kinds[record["kind"]] += 1
        if record["kind"] == "bid" and record["data"]["lot"] in year:
            reference += 1
            outside += record["data"]["bidder"] in abroad
    assert (reference, outside) == (915_373, 312_600)
    assert kinds.total() == 3_661_492


# ── the planted answers, found ───────────────────────────────────────────────


def found_of(what: str, planted: set[tuple[str, ...]], found: set[tuple[str, ...]]) -> tuple[float, float]:
    """(precision, recall), printed."""
    hit = len(planted & found)
    precision, recall = hit / len(found) if found else 0.0, hit / len(planted)
    print(f"{what}: precision {precision:.3f}, recall {recall:.3f} of {len(planted)}")
    return precision, recall


def test_planted_rings_are_found_and_nothing_else(home: Path) -> None:
    lens = Lens(home)
    found = rings.study(lens, NOW)["groups"]
    lens.close()
    planted = json.loads((home / "demo" / "answers.json").read_text())["rings"]
    told = ({tuple(sorted(one["members"])) for one in each} for each in (planted, found))
    assert min(found_of("rings", *told)) >= 0.95


def test_planted_biased_experts_are_found_and_nothing_else(home: Path, loaded: Ledger) -> None:
    with loaded.read() as session:
        found = experts.study(session, NOW)["listed"]
    planted = json.loads((home / "demo" / "answers.json").read_text())["biased_experts"]
    told = ({(one["expert"], one["bidder"]) for one in each} for each in (planted, found))
    assert min(found_of("experts", *told)) >= 0.95


def test_the_rules_find_the_planted_rings_and_biased_experts_as_the_studies_do(home: Path) -> None:
    lens = Lens(home)
    with on_lens(lens) as ask:
        told = {
            rule: [{one.id for one in finding.subjects} for finding in findings_of_market(ask, [MARKET_RULES[rule]])]
            for rule in ("B1", "E2")
        }  # fmt: skip
    lens.close()
    planted = json.loads((home / "demo" / "answers.json").read_text())
    rings_ = {tuple(sorted(one["members"])) for one in planted["rings"]}
    experts_ = {tuple(sorted((one["expert"], one["bidder"]))) for one in planted["biased_experts"]}
    for rule, expected in (("B1", rings_), ("E2", experts_)):
        assert min(found_of(rule, expected, {tuple(sorted(one)) for one in told[rule]})) >= 0.95
