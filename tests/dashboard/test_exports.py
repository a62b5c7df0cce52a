"""Exports: they ask what their screens ask, with the rights of their screens; files that spreadsheets read; audit."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import unescape
from urllib.parse import quote

import httpx
import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboard import context
from dashboard.exports.files import Writing, as_csv, as_parquet, as_xlsx
from dashboard.exports.routes import TABLES
from dashboard.screens import BY_ID, LIFELINE, NARROWER, SCREENS, TABLES_OF, names_visible
from records.clock import local_day, now
from records.tables.money import Award
from records.tables.openings import Opening
from records.tables.organisations import Organisation
from records.tables.projects import Lot, Project
from records.tables.supervision import Warning
from records.tables.users import ROLES, AuditEntry
from tests.dashboard.conftest import BIDDERS, sign_in
from tests.dashboard.screens import plots, run, tables, text

ASKS_PERSONS = {
    "warnings",
    "leads",
    *(t for f in ("F24", "F25", "F26", "F27", "F28") for t in TABLES_OF[f]),
}


def _rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def _sheet(answer: httpx.Response) -> Worksheet:
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert isinstance(sheet, Worksheet)
    return sheet


async def test_lots_as_csv_with_the_screens_filters(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leader")
    rows = _rows(await client.get("/export/lots.csv"))
    assert rows[0][:2] == ["标段编号", "标段"] and [r[0] for r in rows[1:]] == ["l1"]
    assert rows[1][rows[0].index("参与家次")] == "4" and rows[1][rows[0].index("外地家次")] == "2"
    assert _rows(await client.get("/export/lots.csv?family=land"))[1:] == []
    assert _rows(await client.get("/export/lots.csv?lang=en"))[0][0] == "Lot"


@pytest.fixture
def key_projects(desk: object) -> None:
    """Both projects are key projects: the lot of one is awarded, that of the other is to be opened."""
    with context.ledger().write() as session:
        for project in session.scalars(select(Project)):
            project.key_flag = "city_plan"
        session.get_one(Lot, "l1").status = "awarded"
        session.get_one(Lot, "l2").status = "bidding"


@pytest.mark.parametrize(
    ("screen", "pick", "ids"),
    [
        ("S02", "province:32", ["l1"]),
        ("S02", "province:11", []),
        ("S02", f"winner:{BIDDERS[0]}", ["l1"]),
        ("S03", f"winner:{BIDDERS[1]}", ["l1"]),
        ("S03", f"winner:{BIDDERS[0]}", []),
        ("S03", "bidders:3", ["l1"]),
        ("S03", "bidders:6", []),
        ("S05", "", ["l1"]),
        ("S05", "key:awarded", ["l1"]),
        ("S05", "key:bidding", ["l2"]),
        ("S05", "key:failed", []),
    ],
)
async def test_an_export_holds_the_lots_that_its_screen_shows(
    client: httpx.AsyncClient, key_projects: None, screen: str, pick: str, ids: list[str]
) -> None:
    """A mark that was picked narrows both; a mark of another screen narrows neither."""
    shown = run("supervisor", BY_ID[screen], period="all", pick=pick)
    found = list(tables(shown).values())
    assert len(found) == bool(ids) and (
        ids or "所选范围内没有记录" in text(shown)
    )  # without a row: a sentence
    assert [row[0] for table in found for row in table] == [f"<b>标段{id[1]}</b>" for id in ids]
    [link] = re.findall(r"/export/lots\.csv\?([^\"]+)", text(shown))
    await sign_in(client, "supervisor")
    rows = _rows(await client.get(f"/export/lots.csv?{unescape(link)}"))
    assert [row[0] for row in rows[1:]] == ids


async def test_awards_are_those_of_the_lots_shown(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    asked = {"": ["l1"], f"?pick=winner:{BIDDERS[1]}": ["l1"], "?pick=bidders:6": [], "?family=land": []}
    for query, ids in asked.items():
        assert [row[0] for row in _rows(await client.get(f"/export/awards.csv{query}"))[1:]] == ids, query


async def test_whatever_a_screen_was_narrowed_by_narrows_each_of_its_exports(
    client: httpx.AsyncClient,
) -> None:
    """The mark, the currency and what is meant by outside; a table that cannot tell a mark's rows refuses it by name."""
    await sign_in(client, "supervisor")
    asked = {
        "awards.csv?currency=USD": 0, "awards.csv?currency=CNY": 1, "participations.csv?period=all": 3,
        "participations.csv?pick=province:32": 1, "participations.csv?pick=province:33": 0,
        "participations.csv?pick=certificate:33": 1, "participations.csv?pick=bidders:6": 0, "participations.csv?pick=bidders:3": 3,
        "openings.csv?pick=bidders:3&period=all": 1, "openings.csv?pick=bidders:6&period=all": 0,
        "remote-sessions.csv?pick=tier:city": 0,
    }  # fmt: skip
    found = {query: len(_rows(await client.get(f"/export/{query}"))) - 1 for query in asked}
    assert found == asked
    rows = _rows(await client.get("/export/participations.csv?home=province"))
    assert sum(int(row[rows[0].index("外地家次")]) for row in rows[1:]) == 2
    for table in ("deposits", "opinions"):
        refused = await client.get(f"/export/{table}.csv?pick=province:32")
        assert refused.status_code == 400 and refused.json()["parameters"] == ["pick"]
    await client.get("/export/awards.csv?currency=USD&pick=province:32")
    with context.ledger().read() as session:
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).all()
    assert audited[-1].detail["filters"] == {"currency": "USD", "pick": "province:32"}


async def test_awards_of_a_mark_are_those_of_its_lots_whenever_they_were_made(
    client: httpx.AsyncClient,
) -> None:
    """Firms of a province came to openings of the period: the awards need not fall into it."""
    with context.ledger().write() as session:
        session.get_one(Award, "a1").awarded_at -= timedelta(days=60)
        opened = session.get_one(Lot, "l1").deadline
    await sign_in(client, "supervisor")
    month = local_day(opened)[:7]
    asked = {f"?period={month}": [], f"?period={month}&pick=province:32": ["l1"]}
    for query, ids in asked.items():
        assert [row[0] for row in _rows(await client.get(f"/export/awards.csv{query}"))[1:]] == ids, query


def test_a_mark_of_the_key_projects_names_the_state_that_is_picked(desk: object, key_projects: None) -> None:
    drawn = run("supervisor", BY_ID["S05"], period="all")
    [bars] = [plot for title, plot in plots(drawn).items() if "重点项目" in title]
    assert {row["key"]: int(row["figure"].removesuffix(" 个标段")) for row in bars.rows} == {
        "awarded": 1,
        "bidding": 1,
    }


async def test_text_cannot_become_a_formula(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    rows = _rows(await client.get("/export/awards.csv"))
    assert rows[1][2].startswith("'=投标企业")
    assert str(_sheet(await client.get("/export/awards.xlsx"))["C3"].value).startswith("'=")


async def test_workbook_carries_user_and_time(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    answer = await client.get("/export/warnings.xlsx")
    sheet = _sheet(answer)
    assert "supervisor" in str(sheet["A1"].value) and "仅供监管核查参考" in str(sheet["A1"].value)
    assert sheet["A2"].value == "预警编号" and sheet["A3"].value == "w1"
    assert "attachment" in answer.headers["content-disposition"]


async def test_what_is_taken_from_the_warning_screens_says_that_it_is_to_be_checked(
    client: httpx.AsyncClient,
) -> None:
    """In the file's name, and on the first line of a workbook; the rows of a CSV file stay data. No other table says so."""
    await sign_in(client, "supervisor")
    for name in ("warnings", "rings", "leads"):
        answer = await client.get(f"/export/{name}.csv")
        assert quote("疑似线索仅供核查.csv") in answer.headers["content-disposition"]
        assert "疑似线索" not in answer.text
        assert "疑似线索，仅供核查" in str(_sheet(await client.get(f"/export/{name}.xlsx"))["A1"].value)
        english = await client.get(f"/export/{name}.parquet?lang=en")
        assert "suspected-for-checking-only.parquet" in english.headers["content-disposition"]
    drawn = await client.post(
        "/export/chart", json={"title": "t", "format": "png", "address": "/rings?lang=zh"}
    )
    assert "疑似线索，仅供核查" in drawn.json()["mark"]
    lots = await client.get("/export/lots.xlsx")
    assert (
        "疑似" not in str(_sheet(lots)["A1"].value)
        and quote("疑似") not in lots.headers["content-disposition"]
    )


@pytest.mark.parametrize("name", TABLES)
async def test_a_table_goes_to_those_whose_screen_shows_it(client: httpx.AsyncClient, name: str) -> None:
    """Walked from the one table of screens: a role exports a table exactly where one of its screens shows it."""
    for role in ROLES:
        shown = any(
            name in TABLES_OF.get(function.id, ())
            for screen in (*SCREENS, LIFELINE)
            for function in screen.functions
            if role in NARROWER.get(function.id, screen.roles) and names_visible(role, screen)
        )
        await sign_in(client, role)
        for kind in ("csv", "xlsx"):
            lot = "?lot=l1" if name == "lifeline" else ""
            answer = await client.get(f"/export/{name}.{kind}{lot}")
            assert answer.status_code == (200 if shown else 403), (role, kind)


def test_every_table_belongs_to_a_screen_and_has_its_words() -> None:
    offered = {table for tables in TABLES_OF.values() for table in tables}
    assert offered == set(TABLES)
    assert all(TABLES[name].headings(lang) for name in TABLES for lang in ("zh", "en"))


@pytest.mark.parametrize(
    ("role", "tables"),
    [
        ("public-officer", {"deposits", "refunds", "lots", "openings", *ASKS_PERSONS}),
        ("leader", {"deposits", "refunds", "opinions", "replays", *ASKS_PERSONS}),
        ("operator", {"deposits", "refunds", "lots", "awards", "opinions", *ASKS_PERSONS}),
    ],
)
async def test_what_a_role_may_not_see_it_may_not_export(
    client: httpx.AsyncClient, role: str, tables: set[str]
) -> None:
    await sign_in(client, role)
    for table in tables:
        assert (await client.get(f"/export/{table}.csv")).status_code == 403, table


async def test_strangers_get_nothing_and_unknown_tables_are_unknown(client: httpx.AsyncClient) -> None:
    assert (await client.get("/export/lots.csv")).status_code == 401
    await sign_in(client, "leader")
    assert (await client.get("/export/users.csv")).status_code == 404
    assert (await client.get("/export/lots.pdf")).status_code == 404


async def test_deposits_before_the_deadline_stay_secret(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    for table in ("deposits", "refunds"):
        assert [r[0] for r in _rows(await client.get(f"/export/{table}.csv"))[1:]] == ["l1"]


@pytest.fixture
def families(desk: object) -> None:
    """One warning of each family beside the seeded one."""
    kept = {
        "rule": "X",
        "rule_version": "1",
        "level": "orange",
        "title_en": "T",
        "subjects": [],
        "evidence": {},
    }
    made = [
        Warning(id=f"w-{family}", family=family, title=f"题{family}", dedup_key=f"w-{family}", value=0.0234,
                baseline=0.5, state="new", centre_id="c1", **kept)
        for family in ("tenderers", "agencies", "rings", "bidders", "experts")
    ]  # fmt: skip
    with context.ledger().write() as session:
        session.add_all(made)


@pytest.mark.parametrize(
    ("table", "ids"),
    [
        ("tenderer-links", {"w-tenderers"}),
        ("agency-links", {"w-agencies"}),
        ("rings", {"w-rings"}),
        ("similarity", {"w-bidders", "w1"}),
        ("expert-tendency", {"w-experts"}),
    ],
)
async def test_each_table_of_a_warning_screen_exports_what_it_shows(
    client: httpx.AsyncClient, families: None, table: str, ids: set[str]
) -> None:
    await sign_in(client, "supervisor")
    rows = _rows(await client.get(f"/export/{table}.csv"))
    assert {row[0] for row in rows[1:]} == ids
    assert rows[0][1:] == ["级别", "内容", "标段", "数值", "基准", "状态", "产生时间"]
    assert _rows(await client.get(f"/export/{table}.csv?period=1999-01"))[1:] == []


async def test_the_warning_centre_exports_with_its_own_choices(
    client: httpx.AsyncClient, families: None
) -> None:
    await sign_in(client, "supervisor")
    asked = {
        "": 6, "?state=open": 5, "?state=lead": 1, "?family=rings": 1, "?level=red": 1, "?period=today": 6,
        "?period=all&state=open": 5, "?centre=c9": 0,
    }  # fmt: skip
    found = {query: len(_rows(await client.get(f"/export/warnings.csv{query}"))) - 1 for query in asked}
    assert found == asked
    bad = await client.get("/export/warnings.csv?state=nonsense")
    assert bad.status_code == 400 and "state" in bad.json()["detail"]


async def test_the_hall_exports_with_its_own_choices(client: httpx.AsyncClient) -> None:
    await sign_in(client, "operator")
    day = f"{(now() - timedelta(days=20)) + timedelta(hours=8):%Y-%m-%d}"
    asked = {
        "?view=history": ["o1"], f"?view=calendar&day={day}": ["o1"], "?view=history&q=nothing": [],
        "?view=history&state=scheduled": [], "?view=tomorrow": [],
    }  # fmt: skip
    for query, ids in asked.items():
        assert [r[0] for r in _rows(await client.get(f"/export/schedule.csv{query}"))[1:]] == ids, query


async def test_figures_and_times_look_the_same_in_every_table(
    client: httpx.AsyncClient, families: None
) -> None:
    await sign_in(client, "supervisor")
    money = re.compile(r"\d+\.\d\d")
    lots = _rows(await client.get("/export/lots.csv"))
    deposits = _rows(await client.get("/export/deposits.csv"))
    rings = _rows(await client.get("/export/rings.csv"))
    assert money.fullmatch(lots[1][9]) and money.fullmatch(deposits[1][4])
    assert (rings[1][4], rings[1][5]) == ("0.0234", "0.50")
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", t) for t in (lots[1][5], deposits[1][5], rings[1][7])
    )


async def test_a_workbook_has_widths_dates_numbers_and_a_header_that_stays(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    sheet = _sheet(await client.get("/export/lots.xlsx"))
    assert (
        sheet.freeze_panes == "A3"
        and sheet.auto_filter.ref == f"A2:{sheet.cell(2, sheet.max_column).column_letter}3"
    )
    opened, bids, price = sheet["F3"], sheet["G3"], sheet["J3"]
    assert (
        isinstance(opened.value, datetime) and opened.is_date and opened.number_format == "yyyy-mm-dd hh:mm"
    )
    assert (bids.value, bids.number_format) == (4, "#,##0")
    assert (price.value, price.number_format) == (1_000_000, "#,##0.00")
    widths = [sheet.column_dimensions[c.column_letter].width for c in sheet[2]]
    assert all(8 <= width <= 60 for width in widths) and len(set(widths)) > 3
    for cell, width in zip(sheet[3], widths, strict=True):
        shown = (
            cell.value.strftime("%Y-%m-%d %H:%M")
            if isinstance(cell.value, datetime)
            else str(cell.value or "")
        )
        assert len(shown) <= width


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("awards.csv?family=zzz", "family"), ("awards.csv?centre=nowhere", "centre"), ("lots.csv?category=zzz", "category"),
        ("lots.csv?topic=zzz", "topic"), ("awards.csv?period=foo", "period"), ("awards.csv?from=2024-13-01", "from"),
        ("lots.csv?period=2020-01..2019-01", "period"), ("lots.csv?currency=yuan", "currency"),
        ("lots.csv?pick=colour:red", "pick"), ("lots.csv?lots-sort=name", "lots-sort"), ("lots.csv?home=village", "home"),
        ("warnings.csv?rule=ZZ", "rule"), ("warnings.csv?level=blue", "level"), ("warnings.csv?family=zzz", "family"),
        ("openings.csv?state=foo", "state"), ("openings.csv?day=foo", "day"),
        ("schedule.csv?day=2024-99-99", "day"), ("schedule.csv?view=wrong", "view"),
        ("witnessing.csv?period=age", "period"), ("opinions.csv?opinions=lost", "opinions"), ("refunds.csv?lang=xx", "lang"),
    ],
)  # fmt: skip
async def test_an_export_of_what_there_is_not_is_refused_by_name(
    client: httpx.AsyncClient, query: str, parameter: str
) -> None:
    """Never the whole table in place of what was asked for."""
    await sign_in(client, "supervisor")
    answer = await client.get(f"/export/{query}", headers={"accept-language": "en"})
    assert answer.status_code == 400 and answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"] == "urn:sunbid:export.wrong_choices" and told["parameters"] == [parameter]
    assert parameter in told["detail"] and "Nothing was exported" in told["detail"]
    chinese = await client.get(f"/export/{query}&lang=zh", headers={"accept-language": "en"})
    assert chinese.json()["detail"].startswith("没有导出") or parameter == "lang"


async def test_all_that_is_wrong_with_an_export_is_said_at_once(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    answer = await client.get("/export/lots.csv?family=zzz&period=foo&unit=firms&centre=")
    assert answer.status_code == 400 and answer.json()["parameters"] == ["family", "period"]


@pytest.mark.parametrize("role", ["supervisor", "operator", "public-officer"])
async def test_what_the_menu_of_a_screen_offers_is_exported(client: httpx.AsyncClient, role: str) -> None:
    """The menu writes one address for all tables of its screen, with every choice the screen has."""
    await sign_in(client, role)
    for screen in (one for one in SCREENS if role in one.roles):
        own = {} if screen.id in ("S08", "S11") else {"period": "2025-03"}
        asked = {"centre": "c1", "lang": "en", **own}
        for link in re.findall(r'/export/[^"]+', text(run(role, screen, **asked))):
            answer = await client.get(unescape(link))
            assert answer.status_code == 200, (link, answer.text)


def test_a_screen_says_what_its_address_asks_for_in_vain(desk: object) -> None:
    shown = run("supervisor", BY_ID["S03"], lang="en", period="2024-13", family="zzz", centre="c1")
    said = _said_by(shown)
    assert "period=2024-13 is no period" in said and "family=zzz" in said and "centre" not in said
    [link] = re.findall(r'/export/lots\.csv\?([^"]+)', text(shown))
    assert link == "centre=c1&amp;lang=en"
    lost = _said_by(run("supervisor", BY_ID["S02"], centre="nowhere", category="zzz", pick="colour:red"))
    assert "centre=nowhere" in lost and "category=zzz" in lost and "pick=colour:red" in lost
    hall = _said_by(run("supervisor", BY_ID["S06"], view="history", state="foo", day="2024-99-99"))
    assert "state=foo" in hall
    assert "“centr”" in _said_by(
        run("supervisor", BY_ID["S03"], lang="en", centr="c1", opening="O-L1", embed="true")
    )
    assert "day=2024-99-99" in _said_by(run("supervisor", BY_ID["S06"], view="calendar", day="2024-99-99"))
    assert not _said_by(run("supervisor", BY_ID["S06"], view="history", state="ended"))


def _said_by(shown: AppTest) -> str:
    """The line in which a screen says what its address asks for in vain."""
    return "".join(line.value for line in shown.markdown if "reach amiss" in line.value)


async def test_every_export_is_audited(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leader")
    await client.get("/export/participations.csv?home=province&q=1")
    with context.ledger().read() as session:
        last = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "export").order_by(AuditEntry.seq.desc())
        ).first()
    assert last is not None and last.actor == "leader" and last.object_id == "participations"
    assert last.detail["filters"] == {"home": "province"} and last.detail["format"] == "csv"


async def test_a_chart_leaves_the_desk_audited_and_marked_or_not_at_all(client: httpx.AsyncClient) -> None:
    told = {"title": "外地企业从哪里来", "format": "svg", "address": "/openness?period=2026-11"}
    assert (await client.post("/export/chart", json=told)).status_code in (303, 401)
    await sign_in(client, "leader")
    answer = await client.post("/export/chart", json=told)
    assert answer.status_code == 200 and "(leader)" in answer.json()["mark"]
    for wrong in ({**told, "format": "exe"}, {**told, "title": ""}, {"title": "x", "format": "png"}, [told]):
        refused = await client.post("/export/chart", json=wrong)
        assert refused.status_code == 400 and refused.json()["detail"]
    elsewhere = await client.post("/export/chart", json=told, headers={"origin": "https://evil.test"})
    assert elsewhere.status_code == 403
    with context.ledger().read() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.action == "export")).all()
    assert [(one.actor, one.object_kind, one.object_id, one.detail) for one in found] == [
        ("leader", "chart", told["title"], {"format": "svg", "address": told["address"]})
    ]


def test_money_is_rounded_half_up_in_every_file() -> None:
    rows = [(Decimal("0.125"), 0.5, 3, None, "x")]
    what = Writing("t", ["a", "b", "c", "d", "e"], rows, "mark")
    assert as_csv(what).decode("utf-8-sig").splitlines()[1] == "0.13,0.50,3,,x"
    book = load_workbook(io.BytesIO(as_xlsx(what))).active
    assert book is not None and book["A3"].value == 0.13


def test_a_table_for_other_engines_keeps_the_kind_of_every_value_and_who_took_it() -> None:
    moment = datetime(2026, 10, 1, 2, 30, tzinfo=UTC)
    rows = [(Decimal("0.125"), 0.5, 3, None, "=x", moment), (None, None, None, None, None, None)]
    held = pq.read_table(
        io.BytesIO(as_parquet(Writing("t", ["a", "b", "c", "d", "e", "e"], rows, "甲 2026")))
    )
    assert [tuple(row.values()) for row in held.to_pylist()] == rows
    assert held.column_names == ["a", "b", "c", "d", "e", "e 2"]
    assert held.schema.metadata[b"sunbid.taken_by"].decode() == "甲 2026"


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
async def test_an_export_survives_whatever_a_name_holds(kind: str, client: httpx.AsyncClient) -> None:
    """Controls, halves of characters, noncharacters, more than a cell can hold, also in the account's own name."""
    await sign_in(client, "supervisor")
    odd = "甲\x01\x0b\x00\ufffe\u202e\ud800乙"
    with context.ledger().write() as session:
        session.get_one(Organisation, BIDDERS[1]).name = odd.replace("\ud800", "") + "长" * 1_900
    answer = await client.get(f"/export/awards.{kind}")
    assert answer.status_code == 200
    if kind == "xlsx":
        sheet = load_workbook(io.BytesIO(answer.content)).active
        assert sheet is not None and str(sheet["C3"].value).startswith("甲")
    elif kind == "parquet":
        assert str(pq.read_table(io.BytesIO(answer.content)).column(2)[0]).startswith("甲")
    else:
        assert _rows(answer)[1][2].startswith("甲")
    what = Writing("表", ["名称"], [[odd + "长" * 40_000]], odd)
    assert load_workbook(io.BytesIO(as_xlsx(what))).active is not None
    assert "\ufffd" in as_csv(what).decode() and "\ufffd" in str(
        pq.read_table(io.BytesIO(as_parquet(what))).column(0)[0]
    )


@pytest.mark.parametrize(
    ("asked", "status"), [("", 400), ("?lot=", 400), ("?lot=nichts", 404), ("?lot=l1", 200)]
)
async def test_a_life_line_is_of_a_lot_that_there_is(
    client: httpx.AsyncClient, asked: str, status: int
) -> None:
    """What cannot be answered is refused in words, and is no export in the audit."""
    await sign_in(client, "supervisor")
    answer = await client.get(f"/export/lifeline.csv{asked}")
    assert answer.status_code == status and (status == 200 or "标段" in answer.json()["detail"])
    with context.ledger().read() as session:
        audited = list(session.scalars(select(AuditEntry).where(AuditEntry.action == "export")))
    assert len(audited) == (status == 200)


def _told_by(answer: httpx.Response, table: str) -> str:
    """What an export tells; nothing where the role has no right to it. That an opening is announced is no secret."""
    return answer.text if answer.status_code == 200 and table != "openings" else ""


@pytest.mark.parametrize("role", ["supervisor", "leader", "admin"])
async def test_nothing_of_a_lot_before_its_deadline_leaves_by_an_export(
    client: httpx.AsyncClient, role: str
) -> None:
    """An award or an opening called off, sent too early, would tell who bids or that fewer than three do."""
    with context.ledger().write() as session:
        lot = session.get_one(Lot, "l1")
        opening = session.scalars(select(Opening).where(Opening.lot_id == "l1")).first()
        assert opening is not None and session.scalars(select(Award).where(Award.lot_id == "l1")).first()
        lot.deadline = now() + timedelta(minutes=10)
        opening.state, opening.result, opening.ended_at = "ended", "failed", now()
        key, head = opening.id, opening.head_hash
    await sign_in(client, role)
    for table in ("openings", "awards", "replays"):
        answer = await client.get(f"/export/{table}.csv")
        assert head not in answer.text and key not in _told_by(answer, table), table
    rows = _rows(await client.get("/export/openings.csv"))
    (line,) = [dict(zip(rows[0], row, strict=True)) for row in rows[1:] if row[0] == key]
    assert line["状态"] == "预告" and not line["链尾指纹"] and not line["结束时间"]
    assert all(row[0] != "l1" for row in _rows(await client.get("/export/awards.csv"))[1:])
