"""CSV packs as spreadsheets write them."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ingest.csv import docs as csvdocs
from ingest.csv.columns import columns_of
from ingest.csv.names import coded
from ingest.csv.pack import kind_of
from ingest.csv.write import export_csv, headers, write_templates
from ingest.imports.files import ImportReport, Reached, import_paths
from ingest.kinds.registry import KINDS
from records.ledger import Ledger
from records.tables.bids import Bid
from records.tables.money import Award
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Organisation
from records.tables.projects import Lot

from .conftest import Send, count, envelope, rows
from .test_export_ocds import assert_same, copied
from .test_kinds import everything

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


def test_codes_may_be_chinese_words(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "主体.csv").write_text(
        "编号,名称,角色\nF-1,甲公司,投标人；供应商\nF-2,乙公司,bidder\nF-3,丙公司,路人\n"
    )
    (tmp_path / "项目.csv").write_text("编号,名称,交易类别\nP-1,学校,工程建设\n")
    (tmp_path / "标段.csv").write_text(
        "编号,项目编号,名称,招标方式,状态,标志\nL-1,P-1,教学楼,邀请招标,公示中,重点、评定分离\n"
    )
    report = import_paths(sqlite_ledger, [tmp_path], data_dir=tmp_path / "data", format="csv", source="hz")
    assert (report.accepted, report.rejected) == (4, 1)
    assert "路人" in Path(report.rejects_file or "").read_text()
    lot = rows(sqlite_ledger, Lot)[0]
    assert (lot.method, lot.status, lot.flags) == ("selective", "publicity", ["key", "separate_award"])
    assert rows(sqlite_ledger, Organisation, Organisation.id == "F-1")[0].roles == ["bidder", "supplier"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_code_has_a_chinese_word(kind: str) -> None:
    for name, codes in coded(kind).items():
        assert set(KINDS[kind].codes[name].values()) == set(codes), name


@pytest.mark.parametrize("packing", ["zip", "gz"])
def test_a_packed_pack_loads_and_tells_how_far_it_is(
    packing: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    pack = tmp_path / "shanghai"
    pack.mkdir()
    if packing == "zip":
        with zipfile.ZipFile(tmp_path / "shanghai.zip", "w") as archive:
            for name, content in PACK.items():
                archive.writestr(f"包/{name}", content.encode("gb18030"))
    for name, content in PACK.items():
        (pack / f"{name}.gz").write_bytes(gzip.compress(content.encode("gb18030")))
    given = tmp_path / "shanghai.zip" if packing == "zip" else pack
    seen: list[Reached] = []
    report = import_paths(
        sqlite_ledger, [given], data_dir=tmp_path, progress=lambda _report, reached: seen.append(reached)
    )
    assert (report.read, report.accepted) == (4, 4)
    assert rows(sqlite_ledger, Lot)[0].source == "shanghai"
    size = sum(file.stat().st_size for file in ([given] if packing == "zip" else pack.iterdir()))
    assert seen and {one.total for one in seen} == {size}
    assert 0 < seen[0].done <= size and [one.done for one in seen] == sorted(one.done for one in seen)


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ("key,name\n9.13301E+17,x\n", "key"),
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


def test_the_document_is_current() -> None:
    assert csvdocs.DOCUMENT.read_text(encoding="utf-8") == csvdocs.document()


def one(ledger: Ledger, folder: Path, name: str, content: str) -> tuple[ImportReport, list[dict[str, Any]]]:
    """Import one file; the report and what was refused."""
    pack = folder / "pack"
    pack.mkdir(exist_ok=True)
    (pack / name).write_text(content, encoding="utf-8")
    report = import_paths(ledger, [pack], data_dir=folder)
    kept = Path(report.rejects_file).read_text().splitlines() if report.rejects_file else []
    return report, [json.loads(line) for line in kept]


@pytest.mark.parametrize(
    ("header", "cell", "price"),
    [
        ("投标报价", "１２３４．５", "1234.5"),
        ("投标报价（万元）", "123.45", "1234500"),
        ("price(万元)", "1,234.5", "12345000"),
        ("投标报价/亿元", "0.5", "50000000"),
        ("投标报价(元)", "¥1,234", "1234"),
        ("BID_AMOUNT", "12", "120000"),
        ("BID_AMOUNT(万元)", "12", "120000"),
        ("BID_AMOUNT(元)", "12", "12"),
        ("投标报价*", "'12", "12"),
    ],
)
def test_amounts_as_spreadsheets_hold_them(
    header: str, cell: str, price: str, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    for name, content in PACK.items():
        if name != "bids.csv":
            one(sqlite_ledger, tmp_path, name, content)
    report, refused = one(
        sqlite_ledger, tmp_path, "bids.csv", f'编号,标段,投标人,"{header}"\nB,Ｌ-1,\'F-1,"{cell}"\n'
    )
    assert not refused and report.rejected == 0
    assert rows(sqlite_ledger, Bid)[0].price == Decimal(price)


@pytest.mark.parametrize(
    ("cell", "deadline"),
    [
        ("2026/11/19 9:00", "2026-11-19T09:00:00+08:00"),
        ("2026年11月19日", "2026-11-19T00:00:00+08:00"),
        ("2026年11月19日9时30分", "2026-11-19T09:30:00+08:00"),
        ("２０２６-11-19 09:30:15", "2026-11-19T09:30:15+08:00"),
        ("2026-11-19T01:00:00Z", "2026-11-19T09:00:00+08:00"),
        ("46345", None),
        ("46345.375", None),
    ],
)
def test_times_as_spreadsheets_hold_them(
    cell: str, deadline: str | None, sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    one(sqlite_ledger, tmp_path, "projects.csv", PACK["projects.csv"])
    _, refused = one(
        sqlite_ledger, tmp_path, "lots.csv", f"编号,项目,名称,投标截止,\nL,P-1,x,{cell},\n,,,,\n,,,,\n"
    )
    if deadline is None:
        assert refused[0]["path"] == "data.deadline" and "Excel" in refused[0]["reason"]
    else:
        assert rows(sqlite_ledger, Lot)[0].deadline == datetime.fromisoformat(deadline)


def test_national_names_are_headers(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    one(sqlite_ledger, tmp_path, "项目.csv", "PROJECT_CODE,PROJECT_NAME\nP-1,学校\n")
    one(sqlite_ledger, tmp_path, "主体.csv", "BIDDER_ORG_CODE,BIDDER_NAME\n91330100799655058B,甲公司\n")
    content = "BID_SECTION_CODE,PROJECT_CODE,BID_SECTION_NAME,CONTROL_PRICE,BID_OPEN_TIME\nL-1,P-1,教学楼,120.5,2026/11/19 9:00\n"
    _, refused = one(sqlite_ledger, tmp_path, "标段.csv", content)
    assert not refused
    lot = rows(sqlite_ledger, Lot)[0]
    assert (lot.id, lot.project_id, lot.control_price) == ("L-1", "P-1", Decimal(1_205_000))
    assert rows(sqlite_ledger, Organisation)[0].id == "91330100799655058B"


def test_a_workbook_is_a_pack(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    sheets: dict[str, list[list[Any]]] = {
        "投标": [
            ["编号", "标段", "投标人", "投标报价", "现场上传"],
            [1001.0, "L-1", "F-1", 1200000.5, True],
            [None] * 5,
        ],
        "标段": [["编号", "项目", "名称", "投标截止"], ["L-1", "P-1", "楼", datetime(2026, 11, 19, 9, 0)]],
        "projects": [["key", "name"], ["P-1", "学校"]],
        "主体": [
            ["编号", "名称", "成立日期"],
            ["F-1", "甲公司", date(2001, 2, 3)],
            [913301007996550581, "乙公司", None],
        ],
        "说明": [[]],
    }
    for name, content in sheets.items():
        sheet = book.create_sheet(name)
        for row in content:
            sheet.append(row)
    book.save(tmp_path / "包.xlsx")
    report = import_paths(sqlite_ledger, [tmp_path / "包.xlsx"], data_dir=tmp_path, source="x")
    assert (report.accepted, report.rejected) == (4, 1), "the number of 18 digits is no identifier any more"
    bid = rows(sqlite_ledger, Bid)[0]
    assert (bid.id, bid.price, bid.on_site) == ("1001", Decimal("1200000.5"), True)
    assert rows(sqlite_ledger, Lot)[0].deadline == datetime.fromisoformat("2026-11-19T09:00:00+08:00")
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no")
    assert import_paths(sqlite_ledger, [tmp_path / "broken.xlsx"], data_dir=tmp_path).rejected == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_templates_are_empty_packs(language: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    made = write_templates(tmp_path / "pack", language)
    assert {kind_of(path) for path in made} == set(KINDS)
    assert import_paths(sqlite_ledger, [tmp_path / "pack"], data_dir=tmp_path).read == 0
    for path in made:
        kind, header = kind_of(path), path.read_text(encoding="utf-8-sig").strip().split(",")
        assert kind and [column.name for column in columns_of(kind, header)] == list(headers(kind, language))
    assert write_templates(tmp_path / "pack", language) == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_ledger_as_packs_comes_back(language: str, send: Send, ledger: Ledger, tmp_path: Path) -> None:
    odd = envelope("organisation", "1E12", {"name": "'=甲;\n乙,\"丙", "address": "２楼"})
    answers = send(*[e for e in everything() if e["kind"] != "opening"], odd)
    assert {answer.status for answer in answers} == {"accepted"}
    report = export_csv(ledger, tmp_path / "out", language=language)
    assert report.folders == ["hz"] and report.rows["organisation"] == 4
    with copied(tmp_path) as copy:
        told = import_paths(copy, [tmp_path / "out"], data_dir=tmp_path)
        assert told.rejected == 0, Path(told.rejects_file or "").read_text()
        assert_same(ledger, copy)
