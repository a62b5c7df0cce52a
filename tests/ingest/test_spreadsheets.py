"""Files as offices make them, at `sunbid import`: what was meant, or one refusal with file, line, column and remedy."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from records.ledger import Ledger
from records.tables.money import Award
from records.tables.organisations import Organisation
from records.tables.projects import Lot
from records.tables.relations import Credit, Relation

from .conftest import count, rows
from .door import Door, Imported

HEAD = "编号,名称,地址\n"


@pytest.fixture
def door(sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(tmp_path, sqlite_ledger, monkeypatch)


def firms(door: Door) -> dict[str, str]:
    return {firm.id: firm.name for firm in rows(door.ledger, Organisation)}


def only(made: Imported) -> dict[str, Any]:
    assert len(made.rejects) == 1, made.rejects
    return made.rejects[0]


# ── encodings ────────────────────────────────────────────────────────────────

TEXT = HEAD + "F-1,甲公司,备注甲乙\nF-2,乙公司,杭州市西湖区文三路\nF-3,丙公司,宁波\n"
BAD = TEXT.encode().replace("乙公司".encode(), "乙".encode() + b"\xff" + "公司".encode())
BAD_GBK = TEXT.encode("gb18030").replace(
    "乙公司".encode("gbk"), "乙".encode("gbk") + b"\xff" + "公司".encode("gbk")
)


@pytest.mark.parametrize(
    "content",
    [TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode("gb18030"), TEXT.encode("utf-16"),
     b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT.replace("\n", "\r").encode("gbk"), TEXT.replace("公司,", "公司\r\n,", 0).encode()],
)  # fmt: skip
def test_encodings_that_are_certain(content: bytes, door: Door) -> None:
    assert door.file("主体.csv", content).counts == (3, 0)
    assert firms(door) == {"F-1": "甲公司", "F-2": "乙公司", "F-3": "丙公司"}


@pytest.mark.parametrize(
    ("content", "byte"),
    [(BAD, "0xFF"), (b"\xef\xbb\xbf" + BAD, "0xFF"), (BAD.replace(b"\xff", b"\xe9"), "0xE9"), (BAD_GBK, "0xFF"),
     (b"\xef\xbb\xbf" + BAD.replace(b"\xff", b"\x80"), "0x80"), (BAD.replace(b"\xff", b"\xed\xa0\x80"), "0xED")],
)  # fmt: skip
def test_a_bad_byte_is_one_refusal_and_never_another_encoding(content: bytes, byte: str, door: Door) -> None:
    made = door.file("主体.csv", content)
    assert made.counts == (2, 1) and firms(door) == {"F-1": "甲公司", "F-3": "丙公司"}
    refused = only(made)
    assert refused["line"] == 3 and byte in refused["reason"] and "主体.csv" in refused["file"]


@pytest.mark.parametrize(
    "content",
    ["key,name\nF,Café SA\n".encode("latin-1"), "key,name\nF,中山工程\n".encode("big5"), "key,name\nF-1,備註甲乙丙丁工程顧問公司\nF-2,臺灣營造\n".encode("big5"), "key,name\nF,東京建設、テスト\n".encode("shift-jis"),
     "key,name\nc5a,備註甲乙丙丁".encode("big5"), "key,name\nF,甲\n".encode("big5"), "key,name\nF,王小明\nG,陳大文\n".encode("big5hkscs"), "key,name\nF,한국건설주식회사\n".encode("euc-kr"),
     "key,name\nF,株式会社テスト\n".encode("euc-jp"), "key,name\nF,土浦市水道部浄水課\nG,茨城県庁土木部河川課\n".encode("euc-jp"), "key,name\nF,Компания Рога и Копыта\n".encode("cp1251"), "key,name\nF,شركة البناء\n".encode("cp1256"),
     TEXT.encode("utf-16-le"), "key,name\nF,x\n".encode("utf-16-be"), TEXT.encode("utf-32"), bytes(range(256)) * 9],
)  # fmt: skip
def test_an_encoding_that_is_not_certain_is_not_guessed(content: bytes, door: Door) -> None:
    made = door.file("主体.csv", content)
    assert made.counts == (0, 1) and count(door.ledger, Organisation) == 0
    assert "UTF-8" in only(made)["reason"]


# ── quotes, cells, headers of CSV ────────────────────────────────────────────


@pytest.mark.parametrize("at", [2, 11, 30])
@pytest.mark.parametrize("quoted", [False, True])
def test_an_open_quote_swallows_nothing(at: int, quoted: bool, door: Door) -> None:
    """The file ends within it, or the next quoted cell closes it."""
    lines = [f"F-{n},公司{n},地址{n}" for n in range(2, 31)]
    lines[at - 2] = f'F-{at},"公司{at},地址{at}'
    if quoted and at < 30:
        lines[27] = 'F-29,"公司29","地址,29"'
    made = door.file("主体.csv", HEAD + "\n".join(lines))
    assert made.counts == (28, 1) and set(firms(door)) == {f"F-{n}" for n in range(2, 31) if n != at}
    refused = only(made)
    assert refused["line"] == at and "引号" in refused["reason"] and "第 2 列" in refused["reason"]


def test_quotes_as_people_type_them(door: Door) -> None:
    made = door.file(
        "主体.csv",
        HEAD + 'F-1,5" 管道公司,x\nF-2, "甲,乙公司" ,"多行\n地址, 一,二\n"\nF-3,"丙""公司""","y"z\nF-4,丁,\n',
    )
    assert made.counts == (3, 1) and only(made)["line"] == 6
    assert firms(door) == {"F-1": '5" 管道公司', "F-2": "甲,乙公司", "F-4": "丁"}


def test_a_quote_that_closes_at_the_end_of_a_later_row(door: Door) -> None:
    made = door.file("主体.csv", HEAD + 'F-1,甲,"x\nF-2,乙,y\nF-3,丙,z"\nF-4,丁,w\n')
    assert set(firms(door)) == {"F-2", "F-4"} and [r["line"] for r in made.rejects] == [2, 4]


def test_a_cell_too_long_is_one_refusal(door: Door) -> None:
    long = "长" * 131_073
    made = door.file(
        "主体.csv", HEAD + f'F-1,甲,"{long}"\nF-2,乙,{long}\nF-3,丙,x\nF-4,丁,{"y" * 5_000_000}\nF-5,戊,x\n'
    )
    assert set(firms(door)) == {"F-3", "F-5"} and [r["line"] for r in made.rejects] == [2, 3, 5]
    assert all("第 3 列" in r["reason"] for r in made.rejects[:2])


@pytest.mark.parametrize(
    "header",
    ["编号,名称,地址", "\ufeff编号,名称,地址", '"编\n号"," 名称 ","地址"', "编 号,　名称,地址*", "ＫＥＹ,Name,ADDRESS", "id,name,Address",
     "编号;名称;地址", "编号\t名称\t地址", "编号|名称|地址", '"编号";"名称;"', "sep=;\n编号;名称;地址"],
)  # fmt: skip
def test_headers_as_people_write_them(header: str, door: Door) -> None:
    delimiter = next((d for d in ";\t|" if d in header), ",")
    if header == '"编号";"名称;"':
        header = '"编号";"名称";"地址"'
    made = door.file("主体.csv", f"{header}\n" + delimiter.join(("F-1", "甲公司", "x")) + "\n")
    assert made.counts == (1, 0) and made.notes == [] and firms(door) == {"F-1": "甲公司"}


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("编号,名称,名称", ("B 列", "C 列", "name")), ("编号,key,名称", ("A 列", "B 列")), ("编号,名称,name", ("name",)),
        ("编号,名称,名称（必填）x,名 称", ("名称",)), ("名称,地址", ("编号",)), ("编号，名称，地址", ("编号",)),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_meant_is_one_refusal(
    header: str, words: tuple[str, ...], door: Door
) -> None:
    made = door.file("主体.csv", f"{header}\nF-1,甲,乙,丙\nF-2,丁,戊,己\n")
    assert made.counts == (0, 1) and only(made)["line"] == 1
    assert all(word in only(made)["reason"] for word in words)


def test_titles_totals_and_short_rows_are_notes(door: Door) -> None:
    content = (
        "\n杭州市主体汇总表,,\n填报单位：甲,,\n" + HEAD + "\nF-1,甲,x\nF-2,乙\n,,\n合计,2,\n 总 计：,,2\n"
    )
    made = door.file("主体.csv", content)
    assert made.counts == (2, 0) and set(firms(door)) == {"F-1", "F-2"}
    assert [note["line"] for note in made.notes] == [4, 9, 10, 7]


@pytest.mark.parametrize("again", [HEAD, "编号*,名称 ,地址\n", "key,name,address\n"])
def test_files_one_behind_the_other_are_read_as_one(again: str, door: Door) -> None:
    members = [(HEAD + "F-1,甲,x\n").encode(), (again + "F-2,乙,y\n").encode()]
    made = door.file("主体.csv.gz", b"".join(gzip.compress(member) for member in members))
    assert made.counts == (2, 0) and firms(door) == {"F-1": "甲", "F-2": "乙"}
    assert [note["line"] for note in made.notes] == [3] and "表头" in made.notes[0]["reason"]


@pytest.mark.parametrize("head", ["编 号,名称,地址\n", "编号＊,名称,地址\n", "ＩＤ,名称,地址\n"])
def test_a_header_is_known_again_however_it_is_written(head: str, door: Door) -> None:
    made = door.file("主体.csv", (head + "F-1,甲,x\n") + (head + "F-2,乙,y\n"))
    assert made.counts == (2, 0) and firms(door) == {"F-1": "甲", "F-2": "乙"}
    assert [note["line"] for note in made.notes] == [3]


def test_a_header_of_a_workbook_is_known_again(door: Door) -> None:
    lines = [["编号", "名称"], ["F-1", "甲"], ["编号", "名称"], ["F-2", "乙"]]
    made = door.file("主体.xlsx", saved(book({"主体": lines})))
    assert made.counts == (2, 0) and firms(door) == {"F-1": "甲", "F-2": "乙"}


def test_what_stands_below_another_header_is_read_under_it(door: Door) -> None:
    made = door.file("主体.csv", HEAD + "F-1,甲,x\n地址,名称,编号\ny,乙,F-2\n名称,编号,名称\n丙,F-3,丙\n")
    assert {"F-1": "甲", "F-2": "乙"}.items() <= firms(door).items() and "编号" not in firms(door)
    assert [reject["line"] for reject in made.rejects] == [5]


@pytest.mark.parametrize("content", ["", "\n\n", " , ,\n", HEAD, "\ufeff" + HEAD, HEAD + ",,\n\n"])
def test_nothing_to_read_is_said(content: str, door: Door) -> None:
    made = door.file("主体.csv", content)
    assert made.report["read"] == 0 and len(made.notes) == 1


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x01", "\x0b", "\x1f", "\x7f", "\x85", "\u202e", "\u200b", "\ufeff", "\u200f", "\u061c", "\u2028", "\ue000", "\U0010ffff"],
)  # fmt: skip
@pytest.mark.parametrize("text", ["甲?乙", "甲?", "?甲"])
def test_a_control_character_is_named_with_its_column(text: str, character: str, door: Door) -> None:
    """Also at the ends of a cell, where it is no blank to be taken off."""
    made = door.file("主体.csv", HEAD + f"F-1,{text.replace('?', character)},x\nF-2,丙,y\n")
    refused = only(made)
    assert made.counts == (1, 1) and (refused["line"], refused["path"]) == (2, "data.name")
    assert "名称" in refused["column"] and "B 列" in refused["column"] and "U+" in refused["reason"]


@pytest.mark.parametrize(
    ("cell", "taken"),
    [
        ('"1,000.00"', "1000"), ("１２３", "123"), (" 12 ", "12"), ("¥1.5", "1.5"), ("1_000", None), ("1e5", None), ("+5", None),
        ("0x10", None), ("-0", None), ("NaN", None), ('"1,00"', None), ("1.000,00", None), ("9" * 400, None), ("#REF!", None),
        ("#N/A", None), ("####", None), ("15%", None), ("1.23456", None), ("12元", None),
    ],
)  # fmt: skip
def test_numbers_in_cells(cell: str, taken: str | None, door: Door) -> None:
    door.file("项目.csv", "编号,名称\nP,学校\n")
    made = door.file("标段.csv", f"编号,项目,名称;招标控制价\nL,P,楼,{cell}\n".replace(";", ","))
    if taken is not None:
        assert rows(door.ledger, Lot)[0].control_price == Decimal(taken), made.rejects
    else:
        assert (only(made)["path"], count(door.ledger, Lot)) in (("data.control_price", 0), (".", 0))


# ── workbooks ────────────────────────────────────────────────────────────────


def book(sheets: dict[str, list[list[Any]]], **more: Any) -> Workbook:
    made = Workbook()
    made.remove(made.worksheets[0])
    for name, content in sheets.items():
        sheet = made.create_sheet(name)
        for row in content:
            sheet.append(row)
    return made


def saved(made: Workbook, edit: Any = None) -> bytes:
    """The bytes of a workbook, the XML of its first sheet edited by hand as other programs write it."""
    out = io.BytesIO()
    made.save(out)
    return edited(out.getvalue(), edit) if edit else out.getvalue()


def edited(content: bytes, edit: Any, member: str = "xl/worksheets/sheet1.xml") -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as before,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for name in before.namelist():
            text = before.read(name)
            after.writestr(name, edit(text.decode()) if name == member else text)
    return out.getvalue()


FIRMS = {"主体": [["编号", "名称", "地址"], ["F-1", "甲", "x"], ["F-2", "乙", "y"], ["F-3", "丙", "z"]]}


@pytest.mark.parametrize("ref", ["A1", "A1:B2", "A1:XFD1048576", "C3:D4", "nonsense", ""])
def test_the_stated_size_of_a_sheet_is_not_believed(ref: str, door: Door) -> None:
    change = f'<dimension ref="{ref}"/>' if ref else ""
    content = saved(book(FIRMS), lambda xml: re.sub(r"<dimension[^>]*/>", change, xml))
    made = door.file("包.xlsx", content)
    assert made.counts == (3, 0), made.rejects


def test_a_formula_without_a_result_and_errors_are_refused(door: Door) -> None:
    content = saved(
        book(
            {
                "主体": [
                    ["编号", "名称", "地址"],
                    ["F-1", "=A2&B2", "x"],
                    ["F-2", "乙", "=1/0"],
                    ["F-3", "丙", "z"],
                ]
            }
        )
    )
    made = door.file("包.xlsx", content)
    assert made.counts == (1, 2)
    first, second = made.rejects
    assert (first["sheet"], first["line"], first["path"]) == ("主体", 2, "data.name") and "B 列" in first[
        "column"
    ]
    assert "公式" in first["reason"] and (second["line"], second["path"]) == (3, "data.address")
    errors = saved(book({"主体": [["编号", "名称"], ["F-8", "#REF!"], ["F-9", "#N/A"]]}))
    made = door.file("包.xlsx", errors)
    assert made.counts == (0, 2) and all("公式出错" in r["reason"] for r in made.rejects)


def test_a_formula_with_its_result_is_that(door: Door) -> None:
    def results(xml: str) -> str:
        return xml.replace("<f>A2&amp;B2</f><v></v>", "<f>A2&amp;B2</f><v>甲公司</v>").replace(
            "<f>A2&amp;B2</f><v />", "<f>A2&amp;B2</f><v>甲公司</v>"
        )

    content = saved(
        book({"主体": [["编号", "名称", "地址"], ["F-1", "=A2&B2", None]]}),
        lambda xml: re.sub(r'<c r="B2"[^>]*>', '<c r="B2" t="str">', results(xml)),
    )
    assert door.file("包.xlsx", content).counts == (1, 0) and firms(door) == {"F-1": "甲公司"}


def test_cells_mean_what_their_reader_sees(door: Door) -> None:
    made = book({
        "标段": [["编号", "项目", "名称", "招标控制价", "投标截止", "行政区划"], [42, "P", "楼", 0.1 + 0.2, datetime(2026, 11, 19, 9), 330106]],
        "项目": [["编号", "名称"], ["P", "学校"]], "主体": [["编号", "名称"], ["F", "甲"], ["G", "乙"]],
        "主体关系": [["编号", "主体甲", "主体乙", "类型", "持股比例"], ["R", "F", "G", "控股", 0.155]],
        "信用评价": [["编号", "主体", "评价体系", "评价周期", "得分"], ["K", "F", "省", date(2026, 4, 1), "88.5"]],
    })  # fmt: skip
    made["标段"]["A2"].number_format, made["标段"]["D2"].number_format = "00000", '"¥"#,##0.00'
    made["主体关系"]["E2"].number_format, made["信用评价"]["D2"].number_format = "0.0%", "yyyy-mm"
    assert door.file("包.xlsx", saved(made)).counts == (6, 0)
    lot = rows(door.ledger, Lot)[0]
    assert (lot.id, lot.control_price, lot.division_code) == ("00042", Decimal("0.3"), "330106")
    assert lot.deadline == datetime.fromisoformat("2026-11-19T09:00:00+08:00")
    assert rows(door.ledger, Relation)[0].ratio == Decimal("15.5")
    assert rows(door.ledger, Credit)[0].period == "2026-04"


@pytest.mark.parametrize(
    ("value", "form", "field"),
    [
        (datetime(2026, 3, 1), "m-d", "编号"), (datetime(2026, 3, 1), "m-d", "名称"), (0.5, "0%", "招标控制价"), (timedelta(hours=36), "[h]:mm", "招标控制价"),
        (46345, "General", "投标截止"), (46345.375, "0.00", "投标截止"), (913301007996550581, "0", "编号"), (1 / 3, "0.00", "招标控制价"),
        (datetime(2026, 3, 1), "yyyy-mm-dd", "招标控制价"),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_made_of_a_cell_is_not_taken_for_it(
    value: Any, form: str, field: str, door: Door
) -> None:
    door.file("项目.csv", "编号,名称\nP,学校\n")
    values = {"编号": "L", "项目": "P", "名称": "楼", "招标控制价": 1, "投标截止": None} | {field: value}
    made = book({"标段": [list(values), list(values.values())]})
    made["标段"].cell(2, list(values).index(field) + 1).number_format = form
    refused = only(door.file("标段.xlsx", saved(made)))
    assert refused["column"].startswith(field) and (refused["sheet"], refused["line"]) == ("标段", 2)


def test_dates_of_both_calendars(door: Door) -> None:
    for number, epoch in enumerate((None, CALENDAR_MAC_1904)):
        made = book({"主体": [["编号", "名称", "成立日期"], [f"F-{number}", "甲", date(2001, 2, 3)]]})
        if epoch:
            made.epoch = epoch
        assert door.file("包.xlsx", saved(made)).counts == (1, 0)
    assert {str(firm.established) for firm in rows(door.ledger, Organisation)} == {"2001-02-03"}


@pytest.mark.parametrize("name", ["标段.csv", "包.xlsx", "text.xlsx", "a.json"])
def test_a_day_without_an_hour_is_that_day_from_every_file(name: str, door: Door) -> None:
    """A date in CSV, a date cell, a text cell, an OCDS time that is a day alone."""
    door.file("项目.csv", "编号,名称\nP,校\n")
    header, row = ["编号", "项目", "名称", "投标截止"], ["L", "P", "楼", "2015-01-15"]
    tender = {"id": "t", "title": "x", "tenderPeriod": {"endDate": "2015-01-15"}}
    content: dict[str, str | bytes] = {
        "标段.csv": ",".join(header) + "\n" + ",".join(row),
        "包.xlsx": saved(book({"标段": [header, [*row[:3], date(2015, 1, 15)]]})),
        "text.xlsx": saved(book({"标段": [header, row]})),
        "a.json": json.dumps({"ocid": "ocds-213czf-1", "tender": tender}),
    }
    door.file(name, content[name])
    (lot,) = rows(door.ledger, Lot)
    assert lot.deadline == datetime.fromisoformat("2015-01-15T00:00:00+08:00")


def test_texts_of_every_kind_of_cell(door: Door) -> None:
    made = book(
        {
            "主体": [
                ["编号", "名称", "地址"],
                ["F-1", CellRichText("甲", TextBlock(InlineFont(b=True), "公司")), "一_x000D_\n二"],
            ]
        }
    )
    inline = '<row r="3"><c r="A3" t="inlineStr"><is><t>F-2</t></is></c><c r="B3" t="inlineStr"><is><r><t>乙</t></r><r><t>公司</t></r></is></c></row>'
    content = saved(made, lambda xml: xml.replace("</sheetData>", f"{inline}</sheetData>"))
    assert door.file("包.xlsx", content).counts == (2, 0)
    assert firms(door) == {"F-1": "甲公司", "F-2": "乙公司"}


def test_shared_strings_with_styles_and_readings(door: Door) -> None:
    """As Excel itself saves them: one table of texts, some in parts, some with a reading in small print."""

    strings = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        "<si><r><t>甲</t></r><r><rPr><b/></rPr><t>公司</t></r></si>"
        '<si><t>乙公司</t><rPh sb="0" eb="1"><t>yi</t></rPh></si></sst>'
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'

    def shared(xml: str) -> str:
        for cell, index in (("B2", 0), ("B3", 1)):
            xml = re.sub(f'<c r="{cell}".*?</c>', f'<c r="{cell}" t="s"><v>{index}</v></c>', xml)
        return xml

    content = edited(
        saved(book(FIRMS), shared), lambda xml: xml.replace("</Types>", override), "[Content_Types].xml"
    )
    held = io.BytesIO(content)
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr("xl/sharedStrings.xml", strings)
    content = held.getvalue()
    assert door.file("包.xlsx", content).counts == (3, 0)
    assert firms(door) == {"F-1": "甲公司", "F-2": "乙公司", "F-3": "丙"}


def test_merged_cells_are_refused_row_by_row(door: Door) -> None:
    made = book(
        {
            "主体": [
                ["主体汇总表"],
                ["编号", "名称", "地址"],
                ["F-1", "甲", "杭州"],
                ["F-2", "乙", None],
                ["F-3", "丙", None],
                ["F-4", "丁", "x"],
            ]
        }
    )
    made["主体"].merge_cells("A1:C1")
    made["主体"].merge_cells("C3:C4")
    made["主体"].merge_cells("B5:C5")
    made = door.file("包.xlsx", saved(made))
    assert set(firms(door)) == {"F-1", "F-4"} and [r["line"] for r in made.rejects] == [4, 5]
    assert "C3:C4" in made.rejects[0]["reason"] and len(made.notes) == 1


def test_sheets_and_rows_nobody_sees_are_read_and_said(door: Door) -> None:
    made = book(
        {
            "Sheet1": [],
            "投标说明": [],
            "主体": [
                [],
                [None, "编号", "名称"],
                [],
                [None, "F-1", "甲"],
                [None, "F-2", "乙"],
                [None, "合计", 2],
            ],
        }
    )
    made["主体"].row_dimensions[4].hidden = True
    made["主体"].column_dimensions["D"].hidden = True
    made["主体"].sheet_state = "hidden"
    told = door.file("包.xlsx", saved(made))
    assert told.counts == (2, 0) and len(told.notes) == 4
    assert {note["sheet"] for note in told.notes} == {"主体"}


def test_sheets_with_nothing_and_sheets_of_another_name(door: Door) -> None:
    told = door.file("包.xlsx", saved(book({"项目": [["编号", "名称"]], "主体": [], "备注": [["随便"]]})))
    assert told.report["read"] == 1 and only(told)["sheet"] == "备注"
    assert {note["sheet"] for note in told.notes} == {"项目", "主体"}


def ole(marker: str) -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + marker.encode("utf-16-le") + bytes(600)


def xlsb() -> bytes:
    return edited(saved(book(FIRMS)), lambda xml: xml) and _renamed("xl/workbook.xml", "xl/workbook.bin")


def _renamed(old: str, new: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(saved(book(FIRMS)))) as before, zipfile.ZipFile(out, "w") as after:
        for name in before.namelist():
            after.writestr(new if name == old else name, before.read(name))
    return out.getvalue()


def bad_checksum() -> bytes:
    content = bytearray(saved(book({"主体": [["编号", "名称"], *[[f"F-{n}", "甲"] for n in range(2000)]]})))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    content[info.header_offset + 30 + len(info.filename) + info.compress_size // 2] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ole("Workbook"), ".xls"), (ole("EncryptedPackage"), "密码"), (xlsb(), ".xlsb"), (TEXT.encode(), "另存"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "网页"), (bad_checksum(), "损坏"), (saved(book(FIRMS))[:-200], "另存"),
        (b"PK\x03\x04 no", "另存"), (b"", "另存"), (_renamed("xl/worksheets/sheet1.xml", "gone.xml"), "/"),
        (edited(saved(book(FIRMS)), lambda xml: xml[: len(xml) // 2]), "损坏"), (edited(saved(book(FIRMS)), lambda _: "", "xl/workbook.xml"), "另存"),
    ],
)  # fmt: skip
def test_a_workbook_that_is_none_is_one_refusal(content: bytes, words: str, door: Door) -> None:
    """The rest of the batch goes on."""
    (door.folder / "pack").mkdir()
    (door.folder / "pack" / "乱.xlsx").write_bytes(content)
    (door.folder / "pack" / "项目.csv").write_text("编号,名称\nP,学校\n")
    made = door.put(door.folder / "pack")
    assert made.report["accepted"] == 1 and count(door.ledger, Organisation) == 0
    assert len(made.rejects) + len(made.notes) >= 1
    assert any(words in line["reason"] and "乱.xlsx" in line["file"] for line in (*made.rejects, *made.notes))


def test_damaged_cells_are_refused_alone(door: Door) -> None:
    def damage(xml: str) -> str:
        return re.sub(r'<c r="B3".*?</c>', '<c r="B3" t="s"><v>99999</v></c>', xml)

    made = door.file("包.xlsx", saved(book(FIRMS), damage))
    assert made.counts == (2, 1) and (only(made)["line"], only(made)["path"]) == (3, "data.name")


@pytest.mark.parametrize(
    "text", ["甲_x000B_", "_x000B_甲", "甲_x0001_乙", "甲_x200B_", "甲_xD800_", "甲_xE000_", "甲_x2028_"]
)
def test_an_escaped_character_of_a_workbook_is_refused_as_itself(text: str, door: Door) -> None:
    content = saved(book({"主体": [["编号", "名称"], ["F-1", text], ["F-2", "乙_x005F_x000B_"]]}))
    made = door.file("包.xlsx", content)
    assert made.counts == (1, 1) and firms(door) == {"F-2": "乙_x000B_"}
    assert (only(made)["sheet"], only(made)["line"], only(made)["path"]) == ("主体", 2, "data.name")
    assert "U+" in only(made)["reason"]


TWICE = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (r'(<c r="C3")', TWICE.format("B3", "另一个") + r"\1", "B3"),
        (r'(<c r="B3")', TWICE.format("B3", "另一个") + r"\1", "B3"),
        (r'(<c r="B3")', TWICE.format("B3", "乙") + r"\1", "B3"),
        (r'<c r="B3"', '<c r="B2"', "B2"),
        (r'(<row r="4")', '<row r="3">' + TWICE.format("A3", "F-2") + TWICE.format("B3", "另一个") + r"</row>\1", "第 3 行"),
    ],
)  # fmt: skip
def test_a_cell_or_row_that_stands_twice_is_one_refusal(
    before: str, after: str, words: str, door: Door
) -> None:
    made = door.file("包.xlsx", saved(book(FIRMS), lambda xml: re.sub(before, after, xml)))
    told = only(made)
    assert words in told["reason"] and (told["sheet"], told["line"]) == ("主体", 3), told
    assert {"F-1", "F-3"} <= set(firms(door)) and "另一个" not in firms(door).values()


def test_a_header_cell_that_stands_twice_is_one_refusal(door: Door) -> None:
    change = TWICE.format("B1", "地址") + '<c r="C1"'
    made = door.file("包.xlsx", saved(book(FIRMS), lambda xml: xml.replace('<c r="C1"', change)))
    assert made.counts == (0, 1) and "B1" in only(made)["reason"]


@pytest.mark.parametrize("number", ["1e-400", "-1E-999", "0.00001"])
def test_a_number_too_small_for_a_workbook_is_not_0(number: str, door: Door) -> None:
    sheet = book({"标段": [["编号", "项目", "名称", "估算价"], ["L", "P", "楼", 12345]]})
    door.file("项目.csv", "编号,名称\nP,校\n")
    made = door.file("包.xlsx", saved(sheet, lambda xml: xml.replace("12345", number)))
    assert made.counts == (0, 1) and only(made)["path"] == "data.estimate"


@pytest.mark.parametrize(
    "cell",
    ["2026-W01-1T00:00:00Z", "20260101T090000", "2026-001", "2026-01-01T24:00", "2026-13-01", "2026-02-30 09:00", "٢٠٢٦-01-01", "2026-01-01T09:00+0800"],
)  # fmt: skip
def test_times_that_another_reader_may_not_know_are_refused(cell: str, door: Door) -> None:
    door.file("项目.csv", "编号,名称\nP,校\n")
    made = door.file("标段.csv", f"编号,项目,名称,投标截止\nL,P,楼,{cell}\n")
    assert made.counts == (0, 1) and only(made)["path"] == "data.deadline"


def test_tables_of_a_folder_that_are_not_read_are_said(door: Door) -> None:
    pack = door.folder / "pack"
    pack.mkdir()
    for name in ("主体.csv", "主体(1).csv", "旧.xls", "说明.md", "~$主体.xlsx", ".hidden.csv", "包.rar"):
        (pack / name).write_text(TEXT)
    made = door.put(pack)
    assert made.counts == (3, 0) and sorted(note["record"] for note in made.notes) == [
        "主体(1).csv",
        "包.rar",
        "旧.xls",
    ]


@pytest.mark.parametrize("name", ["旧.xls", "表.ods", "表.xlsb", "随便.csv", "随便.xlsx"])
def test_a_file_given_by_name_is_read_or_refused(name: str, door: Door) -> None:
    content = saved(book({"甲表": [["编号"], ["F"]]})) if name.endswith("xlsx") else ole("Workbook")
    assert door.file(name, content).counts == (0, 1)


def test_a_text_table_of_a_spreadsheet(door: Door) -> None:
    content = TEXT.replace(",", "\t").encode("utf-16")
    assert door.file("主体.txt", content).counts == (3, 0)
    assert count(door.ledger, Award) == 0


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12) | st.sampled_from(
    ['"', '""', ",", "\n", "甲\r乙", "=1+1", "'", "合计", "1e5", "#REF!", "\x01", "\ufeff"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(max_size=300) | st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=8).map(
    lambda table: (HEAD + "\n".join(",".join(row) for row in table)).encode()))  # fmt: skip
def test_whatever_the_file_every_row_is_accounted_for(content: bytes, door: Door) -> None:
    """No traceback, no silence: something is read, refused or noted, and the files beside are JSON."""
    made = door.file("主体.csv", content)
    assert made.report["read"] + made.report["notes"] > 0
