"""Exports: rows, rights, marks and audit."""

from __future__ import annotations

import csv
import io

import httpx
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from dashboard import context
from dashboard.exports import Writing, as_csv, as_xlsx
from dashboard.tabledata import TABLES
from records.organisations import Organisation
from records.users import AuditEntry
from tests.dashboard.conftest import BIDDERS, sign_in


def _rows(answer: httpx.Response) -> list[list[str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_lots_as_csv_with_the_screens_filters(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leader")
    rows = _rows(await client.get("/export/lots.csv"))
    assert rows[0][:2] == ["标段编号", "标段"] and [r[0] for r in rows[1:]] == ["l1"]
    assert rows[1][rows[0].index("参与家次")] == "4" and rows[1][rows[0].index("外地家次")] == "2"
    assert _rows(await client.get("/export/lots.csv?family=land"))[1:] == []
    assert _rows(await client.get("/export/lots.csv?lang=en"))[0][0] == "Lot"


async def test_text_cannot_become_a_formula(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    rows = _rows(await client.get("/export/awards.csv"))
    assert rows[1][2].startswith("'=投标企业")


async def test_workbook_carries_user_and_time(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    answer = await client.get("/export/warnings.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    assert sheet is not None
    assert "supervisor" in str(sheet["A1"].value) and "仅供监管核查参考" in str(sheet["A1"].value)
    assert sheet["A2"].value == "预警编号" and sheet["A3"].value == "w1"
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("name", TABLES)
async def test_tables_go_to_their_roles_only(client: httpx.AsyncClient, name: str) -> None:
    for role in ("leader", "operator", "public-officer", "supervisor"):
        await sign_in(client, role)
        answer = await client.get(f"/export/{name}.csv")
        assert answer.status_code == (200 if role in TABLES[name].roles else 403), role


async def test_leaders_get_no_warnings_and_strangers_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/export/lots.csv")).status_code == 401
    await sign_in(client, "leader")
    assert (await client.get("/export/warnings.csv")).status_code == 403
    assert (await client.get("/export/users.csv")).status_code == 404
    assert (await client.get("/export/lots.pdf")).status_code == 404


async def test_deposits_before_the_deadline_stay_secret(client: httpx.AsyncClient) -> None:
    await sign_in(client, "public-officer")
    assert [r[0] for r in _rows(await client.get("/export/deposits.csv"))[1:]] == ["l1"]


async def test_every_export_is_audited(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leader")
    await client.get("/export/participations.csv?home=province")
    with context.ledger().read() as session:
        last = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "export").order_by(AuditEntry.seq.desc())
        ).first()
    assert last is not None and last.actor == "leader" and last.object_id == "participations"
    assert last.detail["filters"] == {"home": "province"} and last.detail["format"] == "csv"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_an_export_survives_whatever_a_name_holds(kind: str, client: httpx.AsyncClient) -> None:
    """Controls, halves of characters, noncharacters, more than a cell can hold, also in the account's own name."""
    await sign_in(client, "supervisor")
    odd = "甲\x01\x0b\x00\ufffe\u202e\ud800乙"
    with context.ledger().write() as session:
        firm = session.get_one(Organisation, BIDDERS[1])
        before, firm.name = firm.name, odd.replace("\ud800", "") + "长" * 1_900
    try:
        answer = await client.get(f"/export/awards.{kind}")
        assert answer.status_code == 200
        if kind == "xlsx":
            sheet = load_workbook(io.BytesIO(answer.content)).active
            assert sheet is not None and str(sheet["C3"].value).startswith("甲")
        else:
            assert _rows(answer)[1][2].startswith("甲")
    finally:
        with context.ledger().write() as session:
            session.get_one(Organisation, BIDDERS[1]).name = before
    what = Writing("表", ["名称"], [[odd + "长" * 40_000]], odd)
    assert load_workbook(io.BytesIO(as_xlsx(what))).active is not None
    assert "\ufffd" in as_csv(what).decode()
