"""S13 and S14 show the studies the watch keeps: masked until somebody gives a reason, which the chain keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from dashboard import context
from dashboard.charts import marks
from dashboard.config import DeskConfig
from dashboard.exports.association_tables import ASSOCIATED
from dashboard.live import warnings
from dashboard.screens import BY_ID
from dashboard.shell.filters import Choice
from dashboard.signs import address_sign
from messages import Message
from records.tables.evaluation import Expert
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.tables.relations import Relation
from records.tables.users import AuditEntry
from supervision.rules.experts import FavoursBidder
from supervision.studies import associations, experts, rings, store
from supervision.warnings.raising import raise_warning
from tests.dashboard.conftest import BIDDERS
from tests.dashboard.screens import run, tables, text
from tests.reading import read

REASON = "核对线索所涉企业的关系"


def group() -> dict[str, Any]:
    lots = [
        {
            "lot": f"L{n}", "name": f"示例标段{n}", "centre": "330106", "on": f"2026-0{n + 1}-05", "control": 100.0, "bids": 5,
            "present": {"0": 0.95, "1": 0.951, "2": 0.952}, "others": [0.97, 0.99], "winner": n % 3,
        }
        for n in range(6)
    ]  # fmt: skip
    met = [[0, 6, 6, 1], [6, 0, 6, 0], [6, 6, 0, 0], [1, 0, 0, 0]]
    return {
        "market": "施工", "members": list(BIDDERS[:3]), "met": 6.0, "expected": 0.4, "cohesion": 1.0, "exclusivity": 0.5,
        "log10_p": -9.0, "rotation": 1.0, "repeats": 0, "repeats_expected": 1.0, "cv": 0.001, "lots": lots,
        "around": {"bidders": [BIDDERS[3]], "met": met},
    }  # fmt: skip


RINGS = {
    "as_of": "2026-11-01T00:00:00+00:00", "months": 48, "tenders": 60,
    "markets": [{"market": "施工", "tenders": 60, "counted": 55, "opens": "ring", "correlation": 0.1, "meetings": 8.25}],
    "prices": [], "groups": [group()],
}  # fmt: skip


def bid(bidder: str, points: float, deviation: float) -> dict[str, Any]:
    return {
        "bidder": bidder, "points": points, "others": [30.0, 31.0], "mean": 30.5, "usual": 0.6, "deviation": deviation,
    }  # fmt: skip


SESSION = {
    "session": "PB-1", "lot": "L1", "name": "示例标段1", "centre": "330106", "on": "2026-03-05", "full": 50.0, "effect": 4.0,
    "bids": [bid(BIDDERS[0], 35.0, 4.0), bid(BIDDERS[1], 30.0, -0.5)],
    "outcome": {"changes": True, "first": BIDDERS[0], "other": BIDDERS[1], "scores": {BIDDERS[0]: [88.0, 86.0], BIDDERS[1]: [87.0, 87.5]}},
}  # fmt: skip
EXPERTS = {
    "as_of": "2026-11-01T00:00:00+00:00", "months": 48, "lots": 41, "waiting": 3, "unequal": [], "pairs": 12, "past_gate": 1,
    "power": [{"bias": 0.5, "found": 0.31}, {"bias": 1.0, "found": 0.84}, {"bias": 2.0, "found": None}],
    "listed": [{
        "expert": "ZJSECRET", "bidder": BIDDERS[0], "effect": 4.0, "low": 3.0, "high": 5.0, "p": 1e-6, "adjusted_p": 1e-5,
        "changes": 1, "sessions": [SESSION],
    }],
    "heat": {"experts": ["ZJSECRET"], "bidders": [BIDDERS[0]], "cells": [{"expert": 0, "bidder": 0, "points": 4.0, "sessions": 4, "listed": True}]},
}  # fmt: skip


_PAIR = {
    "buyer": "T-BUYER", "firm": BIDDERS[0], "awards": 6, "bid": 5, "wins": 4, "expected": 0.8, "lift": 5.0,
    "adjusted_p": 0.004, "through": True,
}  # fmt: skip
_SIDE = {
    "parameters": {"min_wins": 3.0, "min_awards": 5.0, "lift": 2.0, "p": 0.01}, "met": 9, "often": 4, "lifted": 2,
    "through": 1, "pairs": [_PAIR],
}  # fmt: skip
ASSOCIATIONS = {"as_of": "2026-11-01T00:00:00+00:00", "tenderer": _SIDE, "agency": {**_SIDE, "pairs": []}}


@pytest.fixture
def studied(desk: DeskConfig) -> Iterator[Path]:
    store.keep(desk.data_dir, rings.NAME, RINGS)
    store.keep(desk.data_dir, experts.NAME, EXPERTS)
    store.keep(desk.data_dir, associations.NAME, ASSOCIATIONS)
    yield desk.data_dir


def test_s12_shows_the_steps_the_pairs_and_the_warnings_below(studied: Path) -> None:
    app = run("supervisor", BY_ID["S12"])
    said = text(app)
    assert "这一屏暂时读不出来" not in said and "T-BUYER" in str(tables(app))
    assert all(f"{count}" in said for count in (9, 4, 2)) and "红" in said, (
        "a row of steps, and one of warnings by level"
    )
    assert "标段从谁经谁到了谁" in said and "两方之间，查到什么" in said
    (links,) = [rows for title, rows in tables(app).items() if title == "每一步的依据"] or [[]]
    assert links or "没有查到四步以内的联系" in said


def test_s12_masks_who_stands_at_a_suspicion_until_a_reason_is_given_on_screen_and_in_the_export(
    studied: Path,
) -> None:
    """A telephone in common is a suspicion, a share held a public fact: who stands at it alone keeps the name."""
    one, other, owner = BIDDERS[1:4]
    with context.ledger().write() as session:
        session.add(Relation(id="r1", type="phone", from_id=one, to_id=other, source="registry"))
        session.add(Relation(id="r2", type="shareholding", from_id=other, to_id=owner, ratio=30, source="registry"))  # fmt: skip
    with context.ledger().read() as session:
        names = [session.get_one(Organisation, firm).name for firm in (one, other, owner)]
    asked = {"party": names[0], "other": owner}
    screen = run("supervisor", BY_ID["S12"], **asked)
    assert [row[1] for row in tables(screen)["每一步的依据"]] == ["主体甲 — 主体乙", f"主体乙 — {names[2]}"]
    assert names[1] not in text(screen) and names[0] not in text(screen) + str(screen.main)
    assert _exported(asked) == [["主体甲", "主体乙"], ["主体乙", names[2]]]
    screen.text_area[0].set_value(REASON)
    screen.button[_submit(screen)].click().run()
    assert [row[1] for row in tables(screen)["每一步的依据"]] == [
        " — ".join(names[:2]),
        " — ".join(names[1:]),
    ]
    assert _exported(asked) == [names[:2], names[1:]]
    assert _exported(asked, "admin")[0] == ["主体甲", "主体乙"], "each for oneself"
    with context.ledger().read() as session:
        kept = session.scalars(select(AuditEntry).where(AuditEntry.action == "path.unmask")).one()
    assert kept.detail["reason"] == REASON and not {one, other, owner} & {kept.object_id}


def _exported(asked: dict[str, str], viewer: str = "supervisor") -> list[list[str]]:
    """The parties of each row of paths.csv."""
    (ways,) = (table for table in ASSOCIATED if table.name == "paths")
    return [list(map(str, row[2:4])) for row in ways.read(Choice(asked=asked, viewer=viewer), "zh")]


def test_s13_shows_what_verdicts_teach_beside_the_score_without_labels(studied: Path) -> None:
    learned = {
        "verdicts": 64, "confirmed": 20, "forecast": 32, "auc": 0.71, "label_free": 0.83,
        "weights": {"tight": 1.5, "level": -0.2}, "lots": [{"lot": "L1", "name": "标段一", "centre": None, "chance": 0.9, "score": 0.4}],
    }  # fmt: skip
    taught = {**RINGS, "markets": [{**RINGS["markets"][0], "learned": learned}]}
    store.keep(studied, rings.NAME, taught)
    app = run("supervisor", BY_ID["S13"])
    said = text(app)
    assert "0.710 · 不优于无标注" in said and "0.830" in said and "报价齐 +1.5" in said
    assert tables(app)["模型排在前面的标段"][0][0] == "标段一"


def test_s14_lists_what_is_reported_of_experts_conduct(studied: Path) -> None:
    assert "没有来源报送专家违规记录" in text(run("supervisor", BY_ID["S14"]))
    with context.ledger().write() as session:
        violations = [{"type": "late", "state": "published", "at": "2026-10-02T09:10:00+08:00"}, {"type": "leak", "state": "informed", "at": None}]  # fmt: skip
        session.add(Expert(id="ZJLATE", violations=violations, source="test"))
    app = run("supervisor", BY_ID["S14"])
    rows = tables(app)["专家违规闭环（E10）"]
    assert [row[1] for row in rows] == ["泄露评审信息", "迟到"], "open ones first"
    assert "ZJLATE" not in str(rows) + text(app) and "公开 1" in text(app)


def member_names() -> list[str]:
    with context.ledger().read() as session:
        return list(session.scalars(select(Organisation.name).where(Organisation.id.in_(BIDDERS[:3]))))


def lot_names() -> list[str]:
    with context.ledger().read() as session:
        return [*session.scalars(select(Lot.name)), *session.scalars(select(Lot.id))]


@pytest.mark.parametrize("code", ["S13", "S14"])
def test_without_a_study_the_screen_says_why(desk: DeskConfig, code: str) -> None:
    assert "还没有研判结果" in text(run("supervisor", BY_ID[code]))


def test_the_gate_stands_with_its_figures_and_the_group_with_its_history(studied: Path) -> None:
    screen = run("supervisor", BY_ID["S13"])
    said = text(screen)
    assert not screen.exception
    assert "ρ = 0.10" in said and "8.3" in said and "只看关系通道" in said
    assert tables(screen)["共同投标"][0][:3] == ["第 1 组", "施工", "3"]
    assert "6 个共同标段，谁中标" in said and "机遇 10⁻⁹" in said
    told = [one.text for one in read(said).all("title")]
    assert any(re.fullmatch(r".+ – .+ 6", one) for one in told), "the network says how often two met"
    assert "框内为组内成员" in text(run("supervisor", BY_ID["S13"], shape="matrix"))


def test_experts_are_ranked_with_power_and_what_the_award_would_be(studied: Path) -> None:
    screen = run("supervisor", BY_ID["S14"])
    said = text(screen)
    assert not screen.exception
    assert "31 %" in said and "84 %" in said and "未定标的 3 个在此不可见" in said
    first = tables(screen)["倾向名单"][0]
    assert first[:3] == ["专家 01", "投标人甲", "+4.00"] and first[-1] == "会 1 / 1 场"
    assert "第 1 名换人" in said


def test_a_warning_about_a_pair_leads_to_that_pair_of_the_study_and_names_nobody_on_the_way(
    studied: Path,
) -> None:
    second = {**EXPERTS["listed"][0], "expert": "ZJOTHER", "bidder": BIDDERS[1]}
    store.keep(studied, experts.NAME, {**EXPERTS, "listed": [*EXPERTS["listed"], second]})
    about = [[("expert", "ZJOTHER"), ("bidder", BIDDERS[1])], [("expert", "ZJOTHER"), ("bidder", BIDDERS[2])]]
    found = [FavoursBidder().about(who, Message("common.comma"), 0.1, 0.05) for who in about]
    with context.ledger().write() as session:
        raised = [warning.id for one in found if (warning := raise_warning(session, one)) is not None]
    with context.ledger().read() as session:
        of_pair, unlisted = (warnings.detail(session, one, "zh", names=False) for one in raised)
    assert of_pair["study"]["url"] == f"/experts?warning={raised[0]}" and unlisted["study"] is None
    assert of_pair["parties"] == ["专家甲", "投标人甲"], "names can be asked for"
    assert "专家 02 × 投标人乙" in text(run("supervisor", BY_ID["S14"], warning=raised[0]))
    assert f"warning={raised[1]} 不在可选之列" in text(run("supervisor", BY_ID["S14"], warning=raised[1]))


def test_the_address_of_a_pair_reopens_it_and_tells_nobody_who_it_is(studied: Path) -> None:
    second = {**EXPERTS["listed"][0], "expert": "ZJOTHER", "bidder": BIDDERS[1]}
    store.keep(studied, experts.NAME, {**EXPERTS, "listed": [*EXPERTS["listed"], second]})
    address = address_sign("ZJOTHER", BIDDERS[1])
    assert "专家 02 × 投标人乙" in text(run("supervisor", BY_ID["S14"], pair=address))
    assert (
        re.fullmatch("[0-9a-f]{12}", address)
        and address != sha256(f"ZJOTHER/{BIDDERS[1]}".encode()).hexdigest()[:12]
    )
    assert "pair=none 不在可选之列" in text(run("supervisor", BY_ID["S14"], pair="none"))


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("S11", {"warning": "none", "lot": "none", "rule": "none"}), ("S12", {"pair": "none"}), ("S13", {"group": "none"}),
        ("S15", {"batch": "none", "warning": "none"}),
    ],
)  # fmt: skip
def test_an_address_that_names_what_there_is_not_is_told_on_the_warning_screens(
    studied: Path, code: str, asked: dict[str, str]
) -> None:
    """And a condition that there is not is told with the screen's own."""
    said = text(run("supervisor", BY_ID[code], nonsense="1", **asked))
    assert all(f"{name}={value} 不在可选之列" in said for name, value in asked.items())
    offered = said.partition("没有“nonsense”这个条件，此处可用：")[2]
    assert all(name in offered for name in asked)


def test_the_colour_of_the_stream_stands_in_its_address(studied: Path) -> None:
    assert "没有“level”" not in text(run("supervisor", BY_ID["S11"], level="red"))
    assert "level=blue 不可用，可选：red" in text(run("supervisor", BY_ID["S11"], level="blue"))


@pytest.mark.parametrize("code", ["S13", "S14"])
def test_names_are_masked_until_a_reason_is_given_and_the_chain_keeps_it(studied: Path, code: str) -> None:
    secret = [*member_names(), *BIDDERS[:3]] if code == "S13" else ["ZJSECRET"]
    screen = run("supervisor", BY_ID[code])
    assert not [name for name in secret if name in text(screen)]
    screen.text_area[0].set_value("急")
    screen.button[_submit(screen)].click().run()
    assert not [name for name in secret if name in text(screen)], "a mere word is no reason"
    screen.text_area[0].set_value(REASON)
    screen.button[_submit(screen)].click().run()
    assert secret[0] in text(screen)
    with context.ledger().read() as session:
        kept = session.scalars(select(AuditEntry).where(AuditEntry.action.like("%.unmask"))).all()
    assert kept[-1].detail["reason"] == REASON
    assert kept[-1].object_kind == {"S13": "ring", "S14": "expert_pair"}[code]


def _submit(screen: Any) -> int:
    return next(n for n, button in enumerate(screen.button) if button.label == "显名（须填理由）")


@pytest.mark.parametrize("code", ["S13", "S14"])
def test_in_english_nothing_is_left_in_chinese_but_the_records(studied: Path, code: str) -> None:
    said = text(run("supervisor", BY_ID[code], lang="en"))
    for names in ("示例标段", "施工", "中文", "某"):
        said = said.replace(names, "")
    said = re.sub("|".join(map(re.escape, lot_names())), "", said)
    left = {letter for letter in said if "\u4e00" <= letter <= "\u9fff"}
    assert not left


def test_a_mean_of_few_sessions_is_a_dot_in_the_heat_map() -> None:
    cell = {"expert": 0, "bidder": 0, "points": 2.0, "sessions": 3, "listed": False, "few": True}
    assert "+2.0" not in marks.heat(["01"], ["甲"], [cell], "?")
    assert "+2.0" in marks.heat(["01"], ["甲"], [cell | {"sessions": 4, "few": False}], "?")
