"""CSV packs as spreadsheets write them."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ingest.files import import_paths
from records.bids import Bid
from records.ledger import Ledger
from records.money import Award
from records.openings import Opening, OpeningEvent
from records.organisations import Organisation
from records.projects import Lot

from .conftest import count, rows

PACK = {
    "标段.csv": '编号,项目编号,名称,最高投标限价,投标截止,资格预审,标志\nL-1,P-1,教学楼,"1,234,567.80",2024/5/6 9:30,否,key；remote\n',
    "projects.csv": "key,name\nP-1,学校\n",
    "bids.csv": "id;lot;bidder;price;duration_days;on_site\nB-1;L-1;F-1;1200000.5;365.0;是\n;;;;;\n",
    "主体.csv": "编号,名称,成立日期\nF-1,甲公司,2001年2月3日\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_pack_in_any_encoding_loads_in_order(encoding: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    pack = tmp_path / "shanghai"
    pack.mkdir()
    for name, content in PACK.items():
        (pack / name).write_bytes(content.encode(encoding))
    report = import_paths(sqlite_ledger, [pack], data_dir=tmp_path)
    assert (report.read, report.accepted) == (4, 4)
    lot = rows(sqlite_ledger, Lot)[0]
    assert (lot.source, lot.control_price, lot.flags) == ("shanghai", Decimal("1234567.8"), ["key", "remote"])
    assert lot.deadline == datetime.fromisoformat("2024-05-06T09:30:00+08:00")
    bid = rows(sqlite_ledger, Bid)[0]
    assert (bid.price, bid.duration_days, bid.on_site) == (Decimal("1200000.5"), 365, True)
    assert str(rows(sqlite_ledger, Organisation)[0].established) == "2001-02-03"
    assert import_paths(sqlite_ledger, [pack], data_dir=tmp_path).accepted == 0


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("key,name\n9.13301E+17,x\n", "data.key"),
        ("key,name,nonsense\nF,x,1\n", "data.nonsense"),
        ("key,name\nF,x,extra\n", "."),
        ("key,name\n,x\n", "key"),
        ("key,name,established\nF,x,2024-13-01\n", "data.established"),
    ],
)
def test_bad_rows_are_named_with_their_line(
    content: str, path: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "organisations.csv"
    file.write_text(content + "OK,fine\n")
    report = import_paths(sqlite_ledger, [file], data_dir=tmp_path)
    assert (report.rejected, report.accepted) == (1, 1)
    assert report.rejects_file is not None
    kept = json.loads(Path(report.rejects_file).read_text())
    assert (kept["path"], kept["line"]) == (path, 2)


def test_sep_line_and_events(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    for name, content in PACK.items():
        (pack / name).write_text("sep=,\n" + content if name == "projects.csv" else content)
    (pack / "openings.csv").write_text("key,lot,scheduled_at\nO,L-1,2024-05-06 09:30\n")
    (pack / "开标事件.csv").write_text(
        '编号,发生时间,开标,类型,内容\nE,2024-05-06 08:00,O,sign_in,"{""count"": 3}"\n'
    )
    assert import_paths(sqlite_ledger, [pack], data_dir=tmp_path).rejected == 0
    assert [e.type for e in rows(sqlite_ledger, OpeningEvent)] == ["scheduled", "sign_in"]


def test_a_file_that_is_no_part_of_a_pack(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    report = import_paths(sqlite_ledger, [tmp_path / "other.csv"], data_dir=tmp_path)
    assert (report.read, report.rejected) == (1, 1)


def test_tsuchiura_loads_whole(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    report = import_paths(sqlite_ledger, ["examples/tsuchiura"], data_dir=tmp_path)
    assert (report.rejected, report.duplicate) == (0, 0)
    assert [count(sqlite_ledger, model) for model in (Lot, Bid, Award, Opening, Organisation)] == [
        1565,
        6013,
        1561,
        1565,
        270,
    ]
    assert {firm.country for firm in rows(sqlite_ledger, Organisation)} == {"JP"}
    assert not any(firm.division_code for firm in rows(sqlite_ledger, Organisation))
    assert {lot.currency for lot in rows(sqlite_ledger, Lot)} == {"JPY"}
