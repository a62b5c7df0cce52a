"""Rings and favours: planted ones are found among crowded tenders and strict panels, and nothing else."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from supervision.detection.favour import Marks, deviations, favours, measurable, power
from supervision.detection.groups import groups, links
from supervision.detection.market import Market, Offer, market_of
from supervision.detection.sharing import chance_of_repeats, rotation, territories
from supervision.studies import store


def crowded(seed: int, ring: int = 5, meetings: int = 8, present: float = 1.0) -> Market:
    """150 tenders of 5 to 150 of 400 firms; firms 0…ring−1 meet in `meetings` more, with three others each, and come to
    each with the chance `present`."""
    rng = np.random.default_rng(seed)
    activity = rng.pareto(1.2, 400) + 0.1
    activity[:ring] = 0.1
    chance = activity / activity.sum()
    sizes = np.exp(rng.uniform(np.log(5), np.log(150), 150)).astype(int)
    tenders = [rng.choice(400, size, replace=False, p=chance).tolist() for size in sizes]
    tenders += [
        [
            *np.flatnonzero(rng.random(ring) < present).tolist(),
            *rng.choice(np.arange(ring, 400), 3, replace=False).tolist(),
        ]
        for _ in range(meetings)
    ]
    order = rng.permutation(len(tenders)) if ring else range(len(tenders))
    return market_of(Offer(f"t{n}", f"f{who}", 100.0) for n in order for who in tenders[n])  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_ring_is_found_among_tenders_of_hundreds_and_nothing_else(seed: int) -> None:
    market = crowded(seed)
    found = groups(market, links(market))
    assert [{market.bidders[n] for n in group.members} for group in found] == [{f"f{n}" for n in range(5)}]
    assert found[0].met >= 8 and found[0].expected < 1
    assert found[0].cohesion > 0.9 and 0 < found[0].exclusivity <= 1 and found[0].log_p < math.log(1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_market_without_a_ring_has_no_group(seed: int) -> None:
    market = crowded(seed, ring=0, meetings=0)
    assert groups(market, links(market)) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_ring_whose_members_miss_one_meeting_in_five_is_found(seed: int) -> None:
    market = crowded(seed, meetings=12, present=0.8)
    (found,) = groups(market, links(market))
    assert {market.bidders[n] for n in found.members} == {f"f{n}" for n in range(5)}


@pytest.mark.parametrize(("kept", "count"), [(0, 1), (3, 0)])
def test_a_group_no_closer_than_is_usual_in_its_trade_is_none(kept: int, count: int) -> None:
    """Three meet 8 times among five others: exclusivity 3.43 ÷ (24 − 3.43) = 0.17. The others of the trade either bid in
    crowds of 300 alone, or three times each in a trio of their own and once in the crowd: 4.5 ÷ (12 − 4.5) = 0.6."""
    ring = [["r0", "r1", "r2", *(f"p{n}{k}" for k in range(5))] for n in range(8)]
    trios = [[f"o{n}a", f"o{n}b", f"o{n}c"] for n in range(100)]
    crowd = [[one for trio in trios for one in trio]] * (4 - kept)
    tenders = ring + trios * kept + crowd
    market = market_of(Offer(f"t{n:03}", who, 1.0) for n, tender in enumerate(tenders) for who in tender)
    found = groups(market, links(market))
    assert len(found) == count
    assert all(one.exclusivity == pytest.approx(0.1667, abs=1e-4) and one.cohesion == 1 for one in found)


def test_a_trade_in_which_everybody_meets_everybody_is_no_ring() -> None:
    market = market_of(Offer(f"t{n}", f"f{who}", 1.0) for n in range(30) for who in range(4))
    assert groups(market, links(market)) == []


def test_rotation_is_the_evenness_of_wins_and_how_seldom_one_wins_twice_running() -> None:
    entropy, repeats, expected, p = rotation([0, 1, 2, 0, 1, 2], 3)
    assert (entropy, repeats) == (pytest.approx(1), 0) and expected == pytest.approx(3 * 2 * 1 / 6)
    assert p == pytest.approx(30 / 90), "of 90 orders of two each of three, 30 have no two alike side by side"
    assert rotation([0, 0, 0], 3)[:2] == (pytest.approx(0), 2)
    assert math.isnan(rotation([], 3)[0])


@pytest.mark.parametrize("counts", [(2, 2, 2), (3, 1), (4, 2, 1), (3, 3), (1, 1, 1)])
def test_the_chance_of_so_few_repeats_counted_one_order_at_a_time(counts: tuple[int, ...]) -> None:
    things = [kind for kind, n in enumerate(counts) for _ in range(n)]
    orders = set(itertools.permutations(things))
    for most in range(len(things)):
        few = sum(sum(a == b for a, b in itertools.pairwise(order)) <= most for order in orders)
        assert chance_of_repeats(counts, most) == pytest.approx(few / len(orders))


def test_members_that_win_each_in_its_own_district_divide_the_territory() -> None:
    divided = territories([0, 0, 0, 1, 1, 1, 2, 2, 2], list("aaabbbccc"), 3)
    assert (divided.share, divided.alone, divided.masters) == (1.0, pytest.approx(1 / 3), 3)
    assert divided.p < 0.02, "6 · 3!³ of 9! deals"
    anywhere = territories([0, 1, 2, 0, 1, 2, 0, 1, 2], list("aaabbbccc"), 3)
    assert anywhere.share == pytest.approx(1 / 3) and anywhere.p > 0.9
    one_wins_all = territories([0] * 6, list("aabbcc"), 3)
    assert (one_wins_all.share, one_wins_all.alone, one_wins_all.masters, one_wins_all.p) == (1, 1, 1, 1)


def panels(bias: float, seed: int = 1) -> Marks:
    """200 sessions of 5 of 20 experts and 6 of 30 bidders; expert 0 adds `bias` points for bidder 0."""
    rng = np.random.default_rng(seed)
    rows = []
    for session in range(200):
        experts, bidders = rng.choice(20, 5, replace=False), rng.choice(30, 6, replace=False)
        generous, merit = rng.normal(0, 1, 5), rng.normal(35, 3, 6)
        for seat, expert in enumerate(experts):
            for place, bidder in enumerate(bidders):
                mark = (
                    merit[place] + generous[seat] + rng.normal(0, 0.6) + bias * (expert == 0 and bidder == 0)
                )
                rows.append((session, expert, bidder, mark))
    table = np.array(rows)
    session, expert, bidder = (table[:, n].astype(np.int64) for n in range(3))
    return Marks(session, expert, bidder, table[:, 3], np.full(len(rows), 50.0))


@pytest.mark.parametrize("seed", range(3))
def test_the_expert_who_favours_a_bidder_leads_the_list_in_points(seed: int) -> None:
    marks = panels(3.0, seed)
    found = favours(marks, deviations(marks))
    assert (found.expert[0], found.bidder[0]) == (0, 0)
    assert found.effect[0] == pytest.approx(3.0, abs=1.0) and found.low[0] < 3.0 < found.high[0] + 0.5
    assert found.adjusted_p[0] < 0.05 and (found.adjusted_p[1:] < 0.05).sum() <= 2


def test_generosity_is_no_favour() -> None:
    marks = panels(0.0)
    generous = Marks(
        marks.session, marks.expert, marks.bidder, marks.points + 4.0 * (marks.expert == 3), marks.full
    )
    before, after = (favours(each, deviations(each)) for each in (marks, generous))
    assert after.effect == pytest.approx(before.effect) and after.p == pytest.approx(before.p, abs=0.2)


def test_power_grows_with_the_bias() -> None:
    marks = panels(0.0)
    found = deviations(marks)
    shares = [power(marks, found, favours(marks, found), bias) for bias in (0.0, 0.5, 1.0, 2.0)]
    assert shares == sorted(shares) and shares[0] < 0.05 and shares[-1] > 0.8


def test_where_experts_never_meet_a_bidder_again_power_is_measured_on_drawn_bids() -> None:
    strangers = panels(0.0)
    strangers = replace(strangers, bidder=strangers.session * 30 + strangers.bidder)
    found = deviations(strangers)
    every = favours(strangers, found)
    marks, drawn = measurable(strangers, found, every)
    assert (len(every.p), len(drawn.p)) == (0, 120) and set(drawn.sessions) == {4}
    shares = [power(marks, found, drawn, bias) for bias in (0.0, 1.0, 2.0, 4.0)]
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] > 0.9
    assert np.isnan(power(strangers, found, every, 2.0)), "of no pair no share"


def test_a_study_is_replaced_whole_and_a_damaged_one_counts_as_none(tmp_path: Path) -> None:
    assert store.held(tmp_path, "rings") is None
    store.keep(tmp_path, "rings", {"a": 1})
    assert store.held(tmp_path, "rings") == {"a": 1}
    store.keep(tmp_path, "rings", {"a": 2})
    assert store.held(tmp_path, "rings") == {"a": 2}
    (tmp_path / "studies" / "rings.json").write_text("{")
    assert store.held(tmp_path, "rings") is None
