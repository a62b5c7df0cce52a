"""What rules saw, in words: nothing that a rule finds is shown as its value and threshold alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

import messages
from dashboard.live import warning_evidence
from dashboard.live.rule_evidence import Reader, stratum_name
from records import chain
from records.clock import now
from records.ledger import Ledger
from records.tables.supervision import Warning
from supervision.rules.experts import WinsWithExpert
from supervision.rules.finding import Finding, Subject
from supervision.rules.market_rule import AT_LEAST, most_extreme
from supervision.rules.registry import MARKET_RULES, RULES
from supervision.rules.scan import scan
from supervision.warnings import masks
from supervision.warnings.desk import WarningRow, get_warning
from supervision.warnings.raising import raise_warning
from supervision.warnings.tally import usual
from tests.supervision.conftest import Market
from tests.supervision.test_lot_rules_around import full_market
from tests.supervision.test_market_rules import found, made_up, panels, registered, with_ring

BY_FACT = {"O1", "E5", "B4", "B6", "B10", "B9"}
"""Rules whose evidence has no figures beside what it lists, or that always told theirs; O1 says all in its title."""


def row_of(finding: Finding) -> WarningRow:
    """The warning that a finding would be, its evidence as the ledger keeps it."""
    return WarningRow(
        id="W", rule=finding.rule, rule_version="1", family=finding.family, level=finding.level, title="", title_en="",
        lot_id=finding.lot_id, lot_name=None, centre_id=None, centre_name=None,
        subjects=tuple(one.as_dict() for one in finding.subjects), value=finding.value, baseline=finding.baseline,
        threshold=finding.threshold, stratum=finding.stratum, evidence=json.loads(chain.canonical(finding.evidence)),
        raised_at=now(), state="new", disposition=None, note=None, handler=None, assignee=None, assignee_name=None,
        acted_at=None,
    )  # fmt: skip


def told(finding: Finding, lang: str = "zh") -> list[dict[str, str]]:
    row = row_of(finding)
    return warning_evidence.lines(row, Reader(masks.labels(row, lang, names=False), {}, lang, "CNY"))


@pytest.fixture(scope="module")
def of_market() -> list[Finding]:
    held_bids, held_lots = made_up()
    beside = panels(held_bids, held_lots)
    with_ring(held_bids, held_lots)
    with duckdb.connect(":memory:") as connection:
        ask = registered(connection, {"bids": held_bids, "lots": held_lots, **beside})
        loose = {"stratum": 20.0, "met_before": 0.0, "of_others": 0.98, "cap": 0.1}
        every = [
            found(ask, rule.id, **{name: value for name, value in loose.items() if name in rule.settings()})
            for rule in MARKET_RULES.values()
            if rule.mode == "on"
        ]
    return [one for some in every for one in some]


def test_a_market_rules_figures_are_in_its_own_sentence(of_market: list[Finding]) -> None:
    """E4 is judged by a row of its own: nobody wins by one expert's sitting in this market."""
    row = {"expert_id": "E1", "bidder_id": "F", "sat": 6, "wins": 6, "every": 60, "all_wins": 6, "tested": 10}
    of_market = [*of_market, *WinsWithExpert().judge([row], WinsWithExpert().settings())]
    seen = {one.rule for one in of_market}
    assert {"T1", "B1", "B2", "B18", "B3", "B11", "B13", "E1", "E2", "E3", "E4", "E6", "E8"} <= seen
    for finding in of_market:
        for lang in messages.languages():
            lines = told(finding, lang)
            assert lines and not any("{" in line["text"] + line["detail"] for line in lines)
            if messages.known(f"rule.{finding.rule}.saw"):
                measured = messages.say("evidence.measured", lang, value="", threshold="").split()[0]
                assert measured in lines[0]["detail"] and measured not in lines[0]["text"], finding.rule


def test_a_ring_is_told_with_its_lots_and_drawn_as_meeting(of_market: list[Finding]) -> None:
    (ring,) = [one for one in of_market if one.rule == "B1"]
    lines = told(ring)
    assert [line["lot"] for line in lines[1:]] == ring.evidence["lots"], "each can be opened"
    assert [line["rest"] for line in lines[1:]] == [False] * 12 + [True] * 3
    assert {line["strength"] for line in lines[1:]} == {""}, "a lot is a place to look"
    row = row_of(ring)
    drawn = warning_evidence.diagram(row, Reader(masks.labels(row, "zh", names=False), {}, "zh", "CNY"))  # fmt: skip
    assert [one["title"] for one in drawn["left"]] == ["投标人甲", "投标人乙", "投标人丙"]
    assert drawn["right"][0]["title"] == "共同投标 15 个标段" and len(drawn["links"]) == 3


def test_an_experts_mark_is_told_with_who_and_by_how_much(of_market: list[Finding]) -> None:
    one = next(found for found in of_market if found.rule == "E1")
    text = told(one)[0]["text"]
    assert text.startswith("专家甲给投标人甲 ") and one.subjects[1].id not in text


def test_a_favour_is_told_with_both_masked_and_every_lots_marks(of_market: list[Finding]) -> None:
    (one,) = [found for found in of_market if found.rule == "E2"]
    first, *lots = told(one)
    assert first["text"].startswith("专家甲与投标人甲同场 ")
    assert [line["lot"] for line in lots[:12]] == [sheet["lot"] for sheet in one.evidence["marks"][:12]]
    assert "其他专家平均" in lots[0]["text"]
    assert not any(who.id in line["text"] + line["detail"] for who in one.subjects for line in (first, *lots))


def test_a_lot_rules_dates_firms_and_pairs_are_told(ledger: Ledger) -> None:
    full_market(ledger, Market(ledger), now() - timedelta(days=40))
    findings = {one.rule: one for one in scan(ledger) if one.rule == one.lot_id}
    text = {rule: " | ".join(line["text"] for line in told(one)) for rule, one in findings.items()}
    assert text["T4"] == "招标人或代理与投标人甲：亲属"
    assert text["B16"] == "投标人甲与投标人乙：控股，经由同一单位"
    assert "未能解密" in text["B15"] and "投标中" in text["B17"] and "成为分包人" in text["B20"]
    assert text["O8"].startswith("截止 20") and "定标 20" in text["O8"] and text["O10"].startswith("公示 20")
    assert "项目负责人同名（王…）" in text["B7"] and text["O7"].count("提出的异议或投诉成立") == 2
    assert not [rule for rule, said in text.items() if "测得" in said and rule not in BY_FACT]


def test_bids_that_evidence_names_by_number_are_told_with_whose_they_are() -> None:
    title, who = messages.Message("common.comma"), tuple(Subject("bidder", firm) for firm in ("F-X", "F-Y"))
    evidence = {
        "lines": [{"zh": "投标 6 与 1：正文雷同", "en": "bids 6 and 1: text alike", "strength": "medium"}], "files": "compared",
        "bids": [{"bidder": "F-X", "order": 6}, {"bidder": "F-Y", "order": 1}, {"bidder": "F-Z", "order": 3}],
    }  # fmt: skip
    finding = Finding("B9", "1", "files", "red", title, who, value=2.0, threshold=2.0, evidence=evidence)
    assert told(finding)[0]["text"] == "投标 1 是投标人乙；投标 6 是投标人甲"
    row = row_of(finding)
    named = tuple(one | {"name": f"企业{one['id']}"} for one in row.subjects)
    shown = masks.labels(replace(row, subjects=named), "zh", names=True)
    first = warning_evidence.lines(row, Reader(shown, {}, "zh", "CNY"))[0]
    assert first["text"] == "投标 1 是企业F-Y；投标 6 是企业F-X"


def test_every_sentence_names_only_what_its_rule_tells() -> None:
    """A sentence whose parameters the evidence lacks is never shown: here each has a rule."""
    for lang in messages.languages():
        sayings = {key for key in messages.words(lang, "rule.") if key.endswith(".saw")}
        assert sayings <= {f"{rule}.saw" for rule in RULES}


def test_a_cap_on_findings_about_parties_keeps_the_most_extreme() -> None:
    def finding(n: int) -> Finding:
        title, who = messages.Message("common.comma"), (Subject("bidder", f"F{n:02d}"),)
        return Finding("T1", "1", "tenderers", "orange", title, who, value=2.0 + n, threshold=2.0)

    every = [finding(n) for n in range(20)]
    kept = most_extreme(every, 8)
    assert [one.value for one in kept] == [2.0 + n for n in range(12, 20)]
    assert {one.threshold for one in kept} == {14.0}, "what it took to be told"
    assert most_extreme(every, 0) == most_extreme(every, AT_LEAST) and len(most_extreme(every, 0)) == AT_LEAST
    assert most_extreme(every[:5], 0) == every[:5]


def test_the_usual_value_of_a_rule_is_that_of_its_newest_warnings(ledger: Ledger) -> None:
    market = Market(ledger)
    base: dict[str, Any] = {"rule": "B11", "rule_version": "1", "family": "bidders", "level": "yellow"}
    for n, (stratum, baseline) in enumerate(
        (("works/road/open", 0.02), ("works/road/open", 0.03), ("all", 0.05), ("all", 0.07))
    ):
        market.lot(f"L{n}", now() - timedelta(days=9), flags=["rehearsal"] if n == 3 else [])
        with ledger.write() as session:
            subject = (Subject("lot", f"L{n}"),)
            one = Finding(**base, title=messages.Message("common.comma"), subjects=subject, value=0.001, threshold=0.002,
                          baseline=baseline, stratum=stratum, lot_id=f"L{n}")  # fmt: skip
            raise_warning(session, one, now() - timedelta(hours=9 - n))
    with ledger.read() as session:
        shown = [(stratum_name(one.stratum or "", "zh"), one.baseline, one.warnings) for one in usual(session, "B11")]  # fmt: skip
        assert get_warning(session, session.query(Warning.id).first()[0]).baseline is not None  # type: ignore[index]
    assert shown == [("工程建设 · road · 公开招标", 0.03, 2), ("全市场", 0.05, 1)]
