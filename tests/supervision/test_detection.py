"""The detectors: formulas by worked examples and by brute force, the commands at their door, figures on published data."""

from __future__ import annotations

import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

from benchmarks import detection as measuring
from messages import Invalid, Message, local
from sunbid.cli import app
from supervision.detection.channels import judge, price_level, reasons, score
from supervision.detection.market import Market, Offer, market_of, read_market
from supervision.detection.screens import screens
from supervision.detection.tendency import (
    benjamini_hochberg,
    compare,
    own_affiliation,
    read_scores,
    tendencies,
)
from supervision.detection.ties import co_bids, log_chance, mean_elsewhere, pairs

REFERENCE = os.environ.get("SUNBID_REFERENCE_DATA", "")
"""Folder with the published data sets that docs/detection.md names; their licences keep them out of the project."""
published = pytest.mark.skipif(
    not REFERENCE, reason="SUNBID_REFERENCE_DATA names no folder of published data"
)


def market(*tenders: str, value: float = 100.0) -> Market:
    """Tenders in order of time, each a string of one-letter bidders."""
    return market_of(
        Offer(f"t{n}", who, value + place) for n, bidders in enumerate(tenders) for place, who in enumerate(bidders)
    )  # fmt: skip


def test_screens_are_the_sample_statistics_of_the_bids() -> None:
    bids = {"a": [90.0, 97.5, 99.0, 100.0, 103.0], "b": [5.0, 6.0], "c": [7.0, 7.0, 7.0, 7.0], "d": [3.0]}
    found = screens(market_of(Offer(name, "", value) for name, values in bids.items() for value in values))
    a = np.array(bids["a"])
    assert found.cv[0] == pytest.approx(a.std(ddof=1) / a.mean())
    assert found.spd[0] == pytest.approx(13 / 90)
    assert found.kurt[0] == pytest.approx(stats.kurtosis(a, bias=False))
    assert found.skew[0] == pytest.approx(stats.skew(a, bias=False))
    assert found.ks[0] == pytest.approx(stats.kstest((a - 90) / 13, "uniform").statistic)
    assert np.isnan([found.kurt[1], found.skew[1], found.kurt[2], found.skew[2], found.ks[2]]).all()
    assert found.cv[2] == found.spd[2] == 0
    assert np.isnan([found.cv[3], found.spd[3], found.ks[3]]).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1e305])
def test_screens_and_levels_depend_on_no_unit_of_money(unit: float) -> None:
    plain = [Offer(f"T{n}", w, 100.0 + n * k, 2026) for n in range(1, 5) for k, w in enumerate("abcde")]
    one, other = (
        score(market_of(each)) for each in (plain, [o._replace(value=o.value * unit) for o in plain])
    )
    for name in ("cv", "spd", "kurt", "skew", "ks"):
        np.testing.assert_allclose(
            getattr(other.screens, name), getattr(one.screens, name), rtol=1e-6, atol=1e-9
        )
    assert np.array_equal(other.level_rank, one.level_rank)


def test_a_reason_says_no_larger_share_of_the_market_than_is_less_tight() -> None:
    found = score(market_of(Offer(f"T{n}", "", 100.0 + n * k) for n in range(1, 6) for k in range(3)))
    cv = round(100 * found.screens.cv[0], 2)
    assert Message("collusion.reason.tight", cv=cv, share=80) in reasons(found, 0)  # 4 of the 5


def test_the_past_tightness_stays_within_0_and_1() -> None:
    bids = [Offer(f"T{n}", w, 100.0 + k * (1 + n), n) for n in range(10) for k, w in enumerate("abc")]
    later = ((10, 910, 1810), (100, 101, 102), (100, 101, 102), (100, 110.5, 121))
    bids += [
        Offer(f"L{n}", w, p, 1000 + n)
        for n, prices in enumerate(later)
        for w, p in zip("xyz", prices, strict=True)
    ]
    past = score(market_of(bids)).past_tightness
    assert np.nanmin(past) >= 0 and np.nanmax(past) <= 1


@given(st.lists(st.text("abcdefg", min_size=1, max_size=5), min_size=2, max_size=9))
def test_co_bids_count_the_other_tenders_in_which_a_pair_meets(tenders: list[str]) -> None:
    found = co_bids(market(*tenders))
    sets = [set(bidders) for bidders in tenders]
    for n, here in enumerate(sets):
        met = [
            (sum(set(p) <= s for s in sets[:n]), sum(set(p) <= s for s in sets) - 1) for p in combinations(here, 2)
        ]  # fmt: skip
        if not met:
            assert np.isnan(found.past[n]) and np.isnan(found.other[n])
        else:
            assert [found.past[n], found.other[n]] == pytest.approx(np.mean(met, axis=0))


@given(st.lists(st.text("abcd", min_size=1, max_size=4), min_size=2, max_size=8), st.booleans())
def test_what_bidders_have_elsewhere_is_the_mean_over_those_with_another_tender(
    tenders: list[str], earlier: bool
) -> None:
    value = np.array([np.nan if n % 3 == 2 else n * n for n in range(len(tenders))])
    found = mean_elsewhere(market(*tenders), value, earlier=earlier)
    for n, bidders in enumerate(tenders):
        means = []
        for who in set(bidders):
            others = range(n) if earlier else (m for m in range(len(tenders)) if m != n)
            there = [value[m] for m in others if who in tenders[m] and not np.isnan(value[m])]
            means += [np.mean(there)] if there else []
        assert found[n] == pytest.approx(np.mean(means)) if means else np.isnan(found[n])


def test_a_pair_is_measured_against_what_is_usual_in_its_stratum() -> None:
    found = pairs(market("ab", "ab", "cd", "cd"), np.array([0, 0, 1, 1]))
    assert found.met.tolist() == [2, 2] and found.expected.tolist() == [2.0, 2.0]
    whole = market("ab", "ab", "cd", "ce", "de", "cd")
    together = pairs(whole)
    assert together.expected[0] == pytest.approx(2 * 2 / 6)
    assert np.exp(log_chance(whole, together)[0]) == pytest.approx(1 / 15)
    assert together.variance[0] == pytest.approx(stats.hypergeom(6, 2, 2).var())


def test_tenders_are_put_in_order_of_date_unless_one_has_none() -> None:
    offers = [Offer("late", "a", 1, 2020), Offer("early", "b", 1, 2019)]
    assert market_of(offers).tenders == ["early", "late"]
    assert market_of([*offers, Offer("undated", "c", 1)]).tenders == ["late", "early", "undated"]


def test_the_price_level_is_of_the_control_price_else_of_the_years_median() -> None:
    known = market_of([Offer("a", "x", 90, 2020, 100), Offer("b", "x", 80, 2021)])
    assert price_level(known)[0] == pytest.approx(0.9) and np.isnan(price_level(known)[1])
    years = market_of([Offer("a", "x", 10, 2020), Offer("b", "x", 30, 2020), Offer("c", "x", 7, 2021)])
    assert price_level(years).tolist() == [0.5, 1.5, 1.0]


@pytest.mark.parametrize(
    ("dear", "meetings", "opens"),
    [(True, 9.0, "both"), (True, 1.0, "price"), (False, 9.0, "ring"), (False, 1.0, "unverified")],
)
def test_the_gate_opens_where_the_tight_are_dear_and_where_bidders_meet(
    dear: bool, meetings: float, opens: str
) -> None:
    tight, counted = np.linspace(0, 1, 30), np.ones(30, np.bool_)
    gate = judge(tight, tight if dear else -tight, np.full(30, meetings), counted)
    assert gate.opens == opens


def test_nothing_to_judge_by_leaves_the_price_channel_unverified() -> None:
    found = score(market_of(Offer(f"t{n}", "", 100 + n * k) for n in range(20) for k in range(4)))
    assert found.gate.opens == "unverified" and np.isnan(found.ring_channel).all()
    assert found.score.tolist() == found.price_channel.tolist()


def cartel(seed: int) -> tuple[Market, np.ndarray]:
    """200 tenders of 40 firms; five of them meet in every fourth, bid within 1 % of each other and a tenth dearer."""
    rng = np.random.default_rng(seed)
    offers, guilty = [], []
    for n in range(200):
        ring = n % 4 == 0
        outsiders = rng.choice(np.arange(5, 40), 2 if ring else 6, replace=False).tolist()
        who = [*range(5), *outsiders] if ring else outsiders
        price = rng.normal(99, 0.5, 7) if ring else rng.normal(88, 5, 6)
        offers += [Offer(str(n), str(f), p, n, 100) for f, p in zip(who, price, strict=True)]
        guilty.append(ring)
    return market_of(offers), np.array(guilty)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_planted_cartel_is_found_without_labels(seed: int) -> None:
    made, guilty = cartel(seed)
    found = score(made)
    assert found.gate.opens in ("price", "both")
    assert measuring.auc(guilty, found.score) > 0.95


# ── reviewers ────────────────────────────────────────────────────────────────


def test_the_closed_form_agrees_with_shuffling_within_kinds() -> None:
    rng = np.random.default_rng(3)
    deviation, kind = rng.normal(0, 1, 60), np.repeat([0, 1, 2], 20)
    chosen = rng.random(60) < 0.3
    deviation[chosen] += 0.5
    deviation += kind
    effect, p = compare(deviation, chosen, kind)
    assert effect == pytest.approx(deviation[chosen].mean() - deviation[~chosen].mean())
    usual = sum(deviation[kind == k].mean() * chosen[kind == k].sum() for k in range(3))
    seen = abs(deviation[chosen].sum() - usual)
    shuffled = np.concatenate(
        [rng.permuted(np.tile(deviation[kind == k], (20000, 1)), axis=1) for k in range(3)], 1
    )
    assert p == pytest.approx((np.abs(shuffled[:, chosen].sum(1) - usual) >= seen).mean(), abs=0.02)  # fmt: skip


def test_false_discoveries_are_held_as_benjamini_and_hochberg_say() -> None:
    adjusted = benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03, 0.5]))
    assert adjusted.tolist() == pytest.approx([0.04, 4 * 0.04 / 3, np.nan, 4 * 0.04 / 3, 0.5], nan_ok=True)


def panel_table(bias: float, seed: int = 1) -> pd.DataFrame:
    """Five reviewers, 40 sessions of 4 subjects, two countries each; reviewer 0 favours its own by `bias` points."""
    rng = np.random.default_rng(seed)
    rows = []
    for session in range(40):
        for subject in range(4):
            merit = rng.normal(80, 5)
            for reviewer in range(5):
                own = reviewer % 4 == subject
                mark = merit + reviewer + rng.normal(0, 1) + bias * (reviewer == 0 and own)
                rows.append((session, f"r{reviewer}", f"s{subject}", mark, f"c{reviewer % 4}", f"c{subject}"))
    names = "session_id reviewer_id subject_id score affiliation_reviewer affiliation_subject"
    return pd.DataFrame(rows, columns=names.split())


def test_a_reviewer_who_favours_its_own_is_flagged_and_the_generous_is_not(tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    panel_table(2.0).to_csv(file, index=False)
    scores = read_scores(file, pytest.fail)
    found = {scores.reviewers[one.reviewer]: one for one in tendencies(scores)}
    assert [name for name, one in found.items() if one.flag] == ["r0"]
    assert found["r0"].effect == pytest.approx(2.0, abs=0.5) and found["r0"].sessions == 40


def test_without_affiliations_the_strongest_tendency_is_towards_one_subject(tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    panel_table(2.0).drop(columns=["affiliation_reviewer", "affiliation_subject"]).to_csv(file, index=False)
    scores = read_scores(file, pytest.fail)
    first = tendencies(scores)[0]
    assert (scores.reviewers[first.reviewer], scores.subjects[first.subject], first.flag) == (
        "r0",
        "s0",
        True,
    )


def test_a_score_beyond_every_scale_is_named_and_left_out(tmp_path: Path) -> None:
    file, said = tmp_path / "marks.csv", list[str]()
    panel_table(2.0).to_csv(file, index=False)
    fine = read_scores(file, pytest.fail)
    lines = file.read_text().splitlines()
    place = lines[0].split(",").index("score")
    for one, huge in ((2, "1e308"), (3, "-1e308")):
        fields = lines[one].split(",")
        lines[one] = ",".join([*fields[:place], huge, *fields[place + 1 :]])
    file.write_text("\n".join(lines))
    scores = read_scores(file, lambda message: said.append(str(message)))
    assert len(said) == 2 and "1e308" in said[0] and "-1e308" in said[1]
    assert len(scores.reviewer) == len(fine.reviewer) - 2 and tendencies(scores)[0].flag


def test_fixed_effects_are_those_of_least_squares_with_dummies(tmp_path: Path) -> None:
    file, table = tmp_path / "marks.csv", panel_table(1.0).sample(frac=0.8, random_state=1)
    table.to_csv(file, index=False)
    scores = read_scores(file, pytest.fail)
    assert scores.own is not None
    panels, reviewers = np.eye(scores.panel.max() + 1)[scores.panel], np.eye(5)[scores.reviewer]
    own = scores.own[:, None].astype(float)
    found = own_affiliation(scores)
    for design, ours in (
        (np.hstack([own, panels]), found.within_panel),
        (np.hstack([own, panels, reviewers]), found.within_panel_and_reviewer),
    ):
        assert ours == pytest.approx(np.linalg.lstsq(design, scores.score, rcond=None)[0][0], abs=1e-6)


# ── the commands ─────────────────────────────────────────────────────────────

TABLE = "tender_id,bidder_id,bid_value,date\n"


def ask(*arguments: object) -> tuple[int, list[dict[str, object]], str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_collusion_prints_an_object_for_every_tender_with_two_bids(tmp_path: Path) -> None:
    file = tmp_path / "bids.csv"
    file.write_text(f"\ufeff{TABLE}A,x,100,2026-01-05\nA,y,110,2026年1月5日\nB,x,90,2025/3/1\nC,,5,\nC,,7,\n")
    code, told, _ = ask("collusion", "--dataset", file, "--json")
    assert code == 0 and {one["tender_id"] for one in told} == {"A", "C"}
    assert set(told[0]) == {"tender_id", "score", "features", "reasons"}
    features = told[0]["features"]
    assert isinstance(features, dict)
    assert {"CV", "SPD", "KURT", "SKEW", "KS", "price_channel", "past_tightness", "gate"} <= set(features)
    assert features["KURT"] is None and features["SPD"] == pytest.approx(0.1) and features["winners"] is None


def test_a_tender_without_exactly_one_winner_is_noted_beside_its_score(tmp_path: Path) -> None:
    """A winner without a price counts; the score is the same as without the column."""
    rows = ["A,x,100,1", "A,y,110,1", "A,z,,1", "B,x,90,0", "B,y,95,0", "C,x,90,1", "C,y,95,0"]
    head = "tender_id,bidder_id,bid_value"
    plain, told = tmp_path / "plain.csv", tmp_path / "won.csv"
    told.write_text("\n".join([f"{head},winner", *rows]))
    plain.write_text("\n".join([head, *(row.rpartition(",")[0] for row in rows)]))
    code, found, _ = ask("collusion", "--dataset", told, "--json")
    assert code == 0
    assert {one["tender_id"]: one["features"]["winners"] for one in found} == {"A": 3, "B": 0, "C": 1}  # type: ignore[index]
    assert [one["score"] for one in found] == [
        one["score"] for one in ask("collusion", "--dataset", plain, "--json")[1]
    ]
    said = CliRunner().invoke(app, ["collusion", "--dataset", str(told)]).stdout
    assert "表中记有 3 个中标人" in said and "表中没有中标人" in said and "2 个标段的中标人不是一个" in said


def test_columns_that_nothing_is_computed_from_are_named(tmp_path: Path) -> None:
    file = tmp_path / "bids.csv"
    file.write_text("tender_id,bidder_id,bid_value,currency,Category\nA,x,1,CNY,\nA,y,2,USD,\n")
    code, told, complaint = ask("collusion", "--dataset", file, "--json")
    assert code == 0 and len(told) == 1
    assert str(Message("table.unused_columns", columns=["currency", "Category"])) in complaint


def test_wrong_rows_are_named_and_the_rest_is_computed(tmp_path: Path) -> None:
    file = tmp_path / "bids.csv"
    file.write_text(
        TABLE + "A,x,12万,2026\nA,y,110,2026\nA,z,120,2026\nA,w,130,soon\n,v,1,2026\nA,q,-1,2026\nA,b\n"
    )
    code, told, complaint = ask("collusion", "--dataset", file, "--json")
    assert code == 1 and [one["tender_id"] for one in told] == ["A"]
    for line, column in ((2, "bid_value"), (5, "date"), (6, "tender_id"), (7, "bid_value")):
        assert str(Message("table.wrong", line=line, column=column, why="")) in complaint
    assert str(Message("table.width", line=8, found=2, expected=4)) in complaint
    assert "12万" in complaint


def test_a_bidders_second_bid_in_a_tender_is_a_wrong_row_and_changes_no_score(tmp_path: Path) -> None:
    once, twice = tmp_path / "once.csv", tmp_path / "twice.csv"
    rows = TABLE + "".join(f"T{n},{who},{100 + n * k},\n" for n in range(4) for k, who in enumerate("abc"))
    once.write_text(rows + "T9,,5,\nT9,,5,\n")
    twice.write_text(rows + "T1,a,100,\nT1,b,777,\nT9,,5,\nT9,,5,\n")
    (code, told, _), (other, same, complaint) = (
        ask("collusion", "--dataset", f, "--json") for f in (once, twice)
    )
    assert (code, other) == (0, 1) and told == same
    for line, bidder, first in ((14, "a", 5), (15, "b", 6)):
        why = Message("table.bid_twice", bidder=bidder, first=first)
        assert str(Message("table.wrong", line=line, column="bidder_id", why=why)) in complaint


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "table.no_header"),
        (b"\x89PNG\r\n\x1a\n\0\0", "table.no_text"),
        (b"tender,price\nA,1\n", "table.no_column"),
        (b"tender_id,bidder_id,bid_value\n", "table.no_rows"),
        (b"tender_id,bidder_id,bid_value,bid_value\n", "table.column_twice"),
        (b"tender_id;bidder_id;bid_value\nA;x;1\n", "table.separator"),
    ],
)
def test_a_file_that_is_no_bid_table_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, key: str
) -> None:
    file = tmp_path / "bids.csv"
    file.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        read_market(file, pytest.fail)
    assert refused.value.message.key == key
    assert ask("collusion", "--dataset", file, "--json")[0] == 2


def test_a_table_saved_by_a_chinese_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "bids.csv"
    file.write_bytes((TABLE + "甲标段,某公司,1,2026\n").encode("gb18030"))
    assert read_market(file, pytest.fail).tenders == ["甲标段"]


def test_bias_prints_an_object_for_every_reviewer(tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    panel_table(2.0).to_csv(file, index=False)
    code, told, _ = ask("bias", "--dataset", file, "--json")
    assert code == 0 and len(told) == 5 and told[0]["reviewer_id"] == "r0" and told[0]["flag"] is True
    keys = {"reviewer_id", "tendency", "p_value", "adjusted_p", "sessions", "flag"}
    assert keys <= set(told[0])


def test_a_reviewer_who_cannot_be_compared_stands_in_the_table_without_figures(tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    file.write_text("session_id,reviewer_id,subject_id,score\nS,R,A,3\nS,Q,A,4\n")
    done = CliRunner().invoke(app, ["bias", "--dataset", str(file)])
    assert done.exit_code == 0 and "R\t—\t—\t—\t1" in done.stdout


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    code, _, complaint = ask("bias", "--dataset", tmp_path, "--json")
    assert code == 2 and local("cli.no_file", path=tmp_path) in complaint


def test_pairs_are_listed_least_likely_first(tmp_path: Path) -> None:
    file = tmp_path / "bids.csv"
    rows = [f"{n},{who},{100 + n}," for n in range(12) for who in ("ab" if n < 5 else "cdefgh"[n % 6 :][:2])]
    file.write_text(TABLE + "\n".join(rows))
    code, told, _ = ask("collusion", "--dataset", file, "--pairs", "--json")
    assert code == 0 and told[0]["bidders"] == ["a", "b"] and told[0]["co_bids"] == 5


# ── published data ───────────────────────────────────────────────────────────

BARS = {
    "Brazil": {"price_channel": 0.895, "score": 0.94},
    "Italy": {"price_channel": 0.63, "ring_channel": 0.82, "score": 0.85},
    "US milk": {"ring_channel": 0.72, "score": 0.80},
    "Swiss GR": {},
}
"""What docs/detection.md publishes, as the least the code may reach."""


@published
def test_the_published_cartels_are_found_as_well_as_the_documents_say() -> None:
    for case in measuring.labelled(Path(REFERENCE)):
        found = measuring.measured(case)
        assert found["difference"] <= 0.0001, case.name
        for name, least in BARS[case.name].items():
            assert found[name] >= least, (case.name, name)


@published
def test_the_convicted_milk_firms_are_the_least_likely_pairs() -> None:
    case = next(c for c in measuring.labelled(Path(REFERENCE)) if c.name == "US milk")
    found = pairs(case.market)
    first = np.argsort(log_chance(case.market, found))[:3]
    firms = {case.market.bidders[firm] for end in (found.one, found.other) for firm in end[first]}
    assert firms == {"22", "43", "64"}


@published
def test_ski_jumping_judges_favour_their_own_nation_as_published(tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    measuring.marks(Path(REFERENCE)).to_csv(file, index=False)
    found = own_affiliation(read_scores(file, pytest.fail))
    assert (round(found.within_panel, 3), round(found.within_panel_and_reviewer, 3)) == (0.065, 0.075)
