"""Every screen, drawn for every role that may see it, and refused to the others."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.config import DeskConfig
from dashboard.screens import BY_ID, SCREENS, Screen, may_see, tables_of
from records.tables.organisations import Centre, Room
from records.tables.users import ROLES
from tests.dashboard.screens import desk_of, opened, run, tables, text, turn
from tests.reading import read

WARNING_SENTENCE = "本系统预警结果仅供监管核查参考，不构成违法违规认定。"


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("screen", SCREENS, ids=lambda s: s.slug)
def test_every_screen_draws_for_a_supervisor(desk: DeskConfig, screen: Screen, lang: str) -> None:
    test = run("supervisor", screen, lang)
    assert not test.exception
    assert screen.name(lang) in text(test)
    assert (WARNING_SENTENCE in text(test)) == (screen.dimension == "warning" and lang == "zh")


@pytest.mark.parametrize("role", ROLES)
def test_roles_reach_their_screens_and_no_other(desk: DeskConfig, role: str) -> None:
    """One after the other in one session, as people look at them."""
    visit = desk_of(role).run()
    for screen in SCREENS:
        if may_see(role, screen):
            assert not turn(visit, screen).exception
            assert screen.name("zh") in text(visit)
        else:
            with pytest.raises(ValueError, match="page"):
                turn(visit, screen)


def test_a_click_leads_nobody_to_a_screen_that_is_not_theirs(desk: DeskConfig) -> None:
    """Whatever asks for it: the screen stands as it was, and no link is drawn."""
    for role, links in (("leader", 0), ("supervisor", 1)):
        visit = desk_of(role)
        visit.session_state["go-to"] = ("S07", {"opening": "o1"})
        opened(visit, BY_ID["S02"])
        assert not visit.exception and BY_ID["S02"].name("zh") in text(visit)
        assert len(list(visit.main.get("page_link"))) == links, role


@pytest.mark.parametrize(
    ("code", "asked", "said"),
    [
        ("S07", {"day": "foo"}, "day=foo"),
        ("S06", {"view": "calendar", "day": "foo"}, "day=foo"),
        ("S09", {"lang": "xx"}, "lang=xx"),
        ("S08", {"opening": "nichts"}, "没有这场开标"),
    ],
)
def test_what_an_address_asks_in_vain_is_said(
    desk: DeskConfig, code: str, asked: dict[str, str], said: str
) -> None:
    assert said in text(run("supervisor", BY_ID[code], **{"lang": "zh", **asked}))


def test_openness_counts_what_the_records_hold(desk: DeskConfig) -> None:
    shown = text(run("leader", BY_ID["S02"]))
    assert "50.00 %" in [one.text for one in read(shown).all("strong")]
    assert "2 / 4 家次" in shown and "2023 年 34.15 %" in shown
    assert "演示数据" in shown


def test_filters_come_from_the_address(desk: DeskConfig) -> None:
    province = text(run("leader", BY_ID["S02"], home="province"))
    none = text(run("leader", BY_ID["S02"], centre="c1", family="land"))
    assert "2 / 4 家次" in province and "0 / 0 家次" in none and "—" in none


def test_records_cannot_bring_markup(desk: DeskConfig) -> None:
    """A record's text is a cell, which is drawn and never parsed, or it is escaped."""
    shown = run("supervisor", BY_ID["S02"])
    assert "<b>标段1</b>" in _cells(shown) and not [m for m in shown.markdown if "<b>标段1" in m.value]
    deposits = "\n".join(m.value for m in run("supervisor", BY_ID["S10"]).markdown)
    assert "<b>标段1" not in deposits


def test_lots_before_their_deadline_stay_secret(desk: DeskConfig) -> None:
    for code in ("S01", "S02", "S03", "S05", "S10"):
        shown = text(run("supervisor", BY_ID[code]))
        assert "标段2" not in shown, code
    assert "标段1" in text(run("supervisor", BY_ID["S10"]))


def test_a_leader_sees_counts_of_leads_but_no_names(desk: DeskConfig) -> None:
    assert "同一台电脑" in text(run("supervisor", BY_ID["S15"]))
    leader = text(run("leader", BY_ID["S15"]))
    assert "预警走到哪一步" in leader and "同一台电脑" not in leader and "标段1" not in leader


def test_pausing_stops_the_refresh(desk: DeskConfig) -> None:
    test = run("leader", BY_ID["S02"])
    assert test.button(key="pause-refresh").label == "暂停刷新"
    test.button(key="pause-refresh").click().run()
    assert test.button(key="pause-refresh").label == "恢复刷新"


def test_a_session_that_ended_shows_no_screen(desk: DeskConfig) -> None:
    test = desk_of(None).run()
    assert "您已退出" in text(test) and "市场开放程度" not in text(test)


def test_chains_are_walked_on_screen(desk: DeskConfig) -> None:
    assert "✓ 完好" in text(run("operator", BY_ID["S08"]))


@pytest.mark.parametrize("code", ["S02", "S03", "S05"])
def test_centres_in_tables_are_called_as_in_charts(desk: DeskConfig, code: str) -> None:
    """In English a centre goes by its English name everywhere, and in Chinese by the Chinese one."""
    with context.ledger().read() as session:
        names = session.execute(select(Centre.name, Centre.name_en).where(Centre.name_en.is_not(None))).all()
    told = {lang: _cells(run("supervisor", BY_ID[code], lang, period="all")) for lang in ("zh", "en")}
    assert {zh for zh, _ in names} & told["zh"] and {en for _, en in names} & told["en"]
    assert not {zh for zh, _ in names} & told["en"]


def test_rooms_in_tables_are_called_as_on_their_own_screen(desk: DeskConfig) -> None:
    with context.ledger().write() as session:
        session.execute(update(Room).where(Room.name == "第一开标室").values(name_en="Opening room 1"))
    told = {lang: " ".join(_cells(run("operator", BY_ID["S08"], lang))) for lang in ("zh", "en")}
    assert re.search(r"\S+ 第一开标室", told["zh"]) and "第一开标室" not in told["en"]
    assert re.search(r"\S+ Opening room 1", told["en"]) and "Opening room 1" not in told["zh"]


def _cells(test: AppTest) -> set[str]:
    return {cell for table in tables(test).values() for row in table for cell in row}


def _exported(test: AppTest) -> set[str]:
    return set(re.findall(r'href="/export/([\w-]+)\.csv\?', text(test)))


@pytest.mark.parametrize("role", ROLES)
def test_the_export_menu_offers_what_the_screen_shows_this_role(desk: DeskConfig, role: str) -> None:
    visit = desk_of(role).run()
    for screen in SCREENS:
        if may_see(role, screen):
            assert _exported(turn(visit, screen)) == set(tables_of(role, screen)), screen.id


def test_exports_are_asked_for_as_the_screen_asks(desk: DeskConfig) -> None:
    shown = text(run("supervisor", BY_ID["S11"], centre="c1", family="files"))
    query = re.search(r'/export/warnings\.csv\?([^"]+)"', shown)
    assert query is not None
    asked = dict(pair.split("=") for pair in query[1].replace("&amp;", "&").split("&"))
    assert asked == {"state": "open", "period": "all", "centre": "c1", "family": "files", "lang": "zh"}


def test_who_answers_opinions_sees_no_depositor(desk: DeskConfig) -> None:
    shown = text(run("public-officer", BY_ID["S10"]))
    assert "投标企业" not in shown and "待退保证金" not in shown and "项目电子身份证" in shown
    assert "投标企业" in text(run("supervisor", BY_ID["S10"]))
