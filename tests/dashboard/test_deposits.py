"""S10: each card names the time it goes by, and the export of the same period holds what it is made of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dashboard import context
from dashboard.access.accounts import add_user
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.http import gate
from dashboard.screens import BY_ID
from ingest.imports.files import import_paths
from records.clock import running_from
from records.ledger import Ledger
from records.tables.users import User
from tests.dashboard.screens import run
from tests.dashboard.test_every_figure import Shown
from tests.dashboard.test_evidence import write

NOW = datetime.fromisoformat("2026-11-20T10:00:00+08:00")
DEPOSITS = (
    # lot, form, amount, received, due, refunded
    "L,transfer,10000,2026-05-01,2026-08-20,2026-09-03",  # back in September, due before it
    "L,transfer,20000,2026-08-01,2026-09-10,2026-09-08",  # both in September, in time
    "L,transfer,30000,2026-08-01,2026-09-20,2026-10-08",  # due in September, back too late
    "L,transfer,40000,2026-08-01,2026-09-25,",  # due in September, never back
    "L,guarantee,50000,2026-09-01,2026-12-01,",  # a guarantee that came in September
    "L,transfer,60000,2026-09-02,2026-12-01,",  # came in September: in no card of it
    "R,transfer,70000,2026-08-01,2026-09-10,2026-09-08",  # of a rehearsal
    "S,transfer,80000,2026-09-01,2026-09-10,2026-09-08",  # of a lot before its deadline
    "Y,transfer,90000,2026-08-01,2026-09-10,2026-09-08",  # in yen
)


@pytest.fixture
def desk(ledger: Ledger, tmp_path: Path) -> Iterator[TestClient]:
    folder = tmp_path / "pack"
    folder.mkdir()
    write(folder, "organisations", "key,name", *(f"B{n},B{n}" for n in range(len(DEPOSITS))))
    write(folder, "projects", "key,name", "P,P")
    write(folder, "lots", "key,project,name,deadline,status,currency,flags",
          "L,P,L,2026-08-02T09:00:00+08:00,contracted,CNY,", "R,P,R,2026-08-02T09:00:00+08:00,contracted,CNY,rehearsal",
          "S,P,S,2026-12-02T09:00:00+08:00,bidding,CNY,", "Y,P,Y,2026-08-02T09:00:00+08:00,contracted,JPY,")  # fmt: skip
    rows = [[cell and f"{cell}T09:00:00+08:00" if i > 2 else cell for i, cell in enumerate(d.split(","))] for d in DEPOSITS]  # fmt: skip
    write(folder, "deposits", "key,bidder,lot,form,amount,received_at,due_refund_at,refunded_at",
          *(f"D{n},B{n},{','.join(row)}" for n, row in enumerate(rows)))  # fmt: skip
    with running_from(NOW):
        import_paths(ledger, [folder], data_dir=tmp_path)
        context.configure(DeskConfig(str(ledger.url), tmp_path))
        with ledger.write() as session:
            user: User = add_user(session, "supervisor", "supervisor", "a long enough password")
        app = Starlette(routes=exports.routes, middleware=[Middleware(gate.Gate)])
        with TestClient(app) as client:
            client.cookies.set(gate.COOKIE, context.sessions().issue(user))
            yield client
    context.identify_by(None)
    context.ledger().close()


def exported(client: TestClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/export/deposits.csv?{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("period", ["2026-09", "2026-08", "2026", "all"])
def test_every_card_can_be_counted_from_the_export(desk: TestClient, period: str) -> None:
    shown, rows = Shown("S10", {"period": period}), exported(desk, f"period={period}")
    yuan = [row for row in rows if row["币种"] == "CNY"]

    def counts(name: str) -> list[dict[str, str]]:
        return [row for row in yuan if name in row["计入"]]

    def wan(some: list[dict[str, str]]) -> str:
        return f"{sum((Decimal(row['金额']) for row in some), Decimal(0)) / 10_000:.2f}万元"

    back, due = counts("已退保证金"), counts("退付完成率")
    assert (
        shown.values["已退保证金"] == wan(back) and f"{len(back)} 笔，按退还日" in shown.lines["已退保证金"]
    )
    paid = [row for row in due if row["退还时间"]]
    timely = [row for row in paid if row["退还时间"] <= row["应退时间"]]
    assert f"{len(paid)} / {len(due)} 笔，按应退日" in shown.lines["退付完成率"]
    assert f"{len(timely)} / {len(due)} 笔，按应退日" in shown.lines["退付及时率"]
    assert shown.values["逾期未退"] == f"{len(due) - len(paid)}笔" and "按应退日" in shown.lines["逾期未退"]
    assert shown.values["保函替代"] == wan(counts("保函替代")) and "按收到日" in shown.lines["保函替代"]


def test_the_figures_of_one_month(desk: TestClient) -> None:
    shown, rows = Shown("S10", {"period": "2026-09"}), exported(desk, "period=2026-09")
    assert shown.values["已退保证金"] == "3.00万元" and "另 1 笔为其他币种" in shown.lines["已退保证金"]
    assert shown.values["保函替代"] == "5.00万元" and "2 / 3 笔" in shown.lines["退付完成率"]
    assert {row["投标人"] for row in rows} == {"B0", "B1", "B2", "B3", "B4", "B8"}
    assert [row["币种"] for row in rows if row["投标人"] == "B8"] == ["JPY"]


def test_a_deposit_past_its_hour_is_judged_by_days_as_the_clock_of_law_is(desk: TestClient) -> None:
    """D3 was due on Friday 25 September at 9: on it that day, the Monday after, and once no holiday can have moved it."""
    for day, said, overdue in (
        ("09-25", "今日到期", 0),
        ("09-28", "过末日 3 日，可能因节假日顺延", 0),
        ("10-06", "逾期 11 天", 1),
    ):
        with running_from(datetime.fromisoformat(f"2026-{day}T10:00:00+08:00")):
            assert said in refunds_of("S10"), day
            assert Shown("S10", {"period": "2026-09"}).values["逾期未退"] == f"{overdue}笔"


def refunds_of(code: str) -> str:
    """What the table of refunds says of the days that are left."""
    screen = run("supervisor", BY_ID[code])
    return " ".join(frame.value.to_string() for frame in screen.dataframe)


def test_a_heading_names_no_currency_that_its_column_may_not_hold(desk: TestClient) -> None:
    for lang, unit in (("zh", "元"), ("en", "CNY")):
        headings = desk.get(f"/export/deposits.csv?period=all&lang={lang}").text.splitlines()[0]
        assert unit not in headings
