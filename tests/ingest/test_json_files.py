"""JSON files at `sunbid import`: one release that cannot be read is one refusal, its neighbours come in."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records.ledger import Ledger
from records.tables.projects import Lot

from .conftest import envelope, rows
from .door import Door


@pytest.fixture
def door(sqlite_ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    return Door(tmp_path, sqlite_ledger, monkeypatch)


def release(number: int, amount: str = "1000.25", title: str = "School") -> str:
    made = {"ocid": f"ocds-213czf-{number}", "id": "1", "date": "2024-05-01T00:00:00Z", "tag": ["compiled"],
            "tender": {"id": "t", "title": title, "value": {"amount": "?", "currency": "GBP"}}}  # fmt: skip
    return json.dumps(made).replace('"?"', amount)


SHAPES = {
    "package": lambda parts: '{"version": "1.1", "releases": [' + ",\n".join(parts) + '], "publisher": {"name": "x"}}',
    "pretty": lambda parts: '{\n"version": "1.1",\n"releases": [' + ",\n".join(parts) + "]\n}",
    "array": lambda parts: "[\n" + ",".join(parts) + "]",
    "lines": "\n".join,
    "records": lambda parts: '{\n"records": [' + ",".join(f'{{"ocid": "x", "compiledRelease": {p}}}' for p in parts) + "]}",
}  # fmt: skip
BAD = {
    "digits": release(2, "9" * 6_000), "endless": release(2, "NaN"), "half": release(2).replace("School", "\\ud800"),
    "twice": release(2).replace('"title"', '"title": "a", "title"'), "raw": release(2).replace("School", "a\x01b"),
    "comma": release(2).replace('"t"', '"t",'), "tail": release(2).replace('"1"', "1 2"), "latin": release(2).replace("School", "Caf\udce9"),
    "underscore": release(2, "1_000"), "wide": release(2, "１２"), "hex": release(2, "0x10"), "plus": release(2, "+5"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bad", BAD)
def test_one_bad_release_is_one_refusal(shape: str, bad: str, door: Door) -> None:
    """It may be taken without what cannot be, with a note; it is never silently another."""
    content = SHAPES[shape]([release(1), BAD[bad], release(3)]).encode("utf-8", "surrogateescape")
    made = door.file("a.jsonl" if shape == "lines" else "a.json", content)
    held = {lot.id for lot in rows(door.ledger, Lot)}
    assert {"ocds-213czf-1", "ocds-213czf-3"} <= held
    if "ocds-213czf-2" in held:
        assert made.notes and bad in ("digits", "half")
    else:
        assert len(made.rejects) == 1


@pytest.mark.parametrize(
    "bad", ["not json at all", '{"a": ', '{"releases": [{"ocid": "x"', "\x00\x00", "nan", '"']
)
def test_a_first_line_that_is_broken_leaves_the_other_lines(bad: str, door: Door) -> None:
    made = door.file("a.jsonl", "\n".join([release(1), bad, release(3)]))
    assert len(rows(door.ledger, Lot)) == 2 and made.report["rejected"] == 1
    first = door.file("b.jsonl", "\n".join(['{"ocid": oops}', release(5), release(6)]))
    assert len(rows(door.ledger, Lot)) == 4 and first.report["rejected"] == 1


def test_amounts_keep_all_their_digits_in_every_shape(door: Door) -> None:
    for number, (name, shape) in enumerate(SHAPES.items()):
        part = release(100 + number, "12345678901234.5678").replace("GBP", "CNY")
        door.file(f"{name}.json", shape([part]))
    assert {lot.estimate for lot in rows(door.ledger, Lot)} == {Decimal("12345678901234.5678")}


def test_envelopes_in_files_are_judged_as_on_the_wire(door: Door) -> None:
    texts = ["1_000", "１２３", "1e5", " 12 ", "+5", "1" * 400]
    lots = [envelope("project", "p", {"name": "x"})]
    lots += [
        envelope("lot", f"l{i}", {"project": "p", "name": "x", "estimate": text})
        for i, text in enumerate(texts)
    ]
    lots.append(envelope("lot", "l\u202e", {"project": "p", "name": "x"}))
    lots.append(envelope("lot", "ok", {"project": "p", "name": "x", "estimate": "12.5"}))
    raw = [json.dumps(lot) for lot in lots] + [
        json.dumps(lots[-1]).replace('"version": 1', '"version": 1, "version": 2')
    ]
    made = door.file("a.jsonl", "\n".join(raw))
    assert made.counts == (2, 8)
    assert {line["path"] for line in made.rejects} == {"data.estimate", "key", "version"}


# ── archives ─────────────────────────────────────────────────────────────────

HEAD = "编号,名称\n"


def packed(members: dict[str, bytes | str], **options: Any) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_member_that_swells_is_refused_and_the_rest_read(door: Door) -> None:
    bomb = b"[" + b" " * 40_000_000 + b"]"
    nested = packed({"x.json": release(9)})
    made = door.file("a.zip", packed({
        "bomb.json": bomb, "主体.csv": HEAD + "F,甲\n", "内.zip": nested, "x.json.gz": gzip.compress(bomb), "说明.pdf": b"%PDF",
        "../../etc/项目.csv": HEAD + "P,校\n", "a.json": release(1), "__MACOSX/._主体.csv": b"\x00", "旧.xls": b"x",
    }))  # fmt: skip
    assert made.report["rejected"] == 3 and len(rows(door.ledger, Lot)) == 1
    assert {line["member"] for line in made.rejects} == {"bomb.json", "内.zip", "x.json.gz"}
    assert all("200" in r["reason"] or "压缩包" in r["reason"] for r in made.rejects)
    assert [note["record"].split("\n") for note in made.notes if "压缩包" in note["reason"]] == [
        ["说明.pdf", "旧.xls"]
    ]
    assert not (door.folder.parent / "etc").exists()


def test_a_gzip_file_that_swells_is_refused(door: Door) -> None:
    for name in ("a.json.gz", "主体.csv.gz"):
        assert door.file(name, gzip.compress(b" " * 40_000_000)).report["rejected"] == 1
    honest = HEAD + "".join(f"F-{n},公司{n}\n" for n in range(3_000))
    assert door.file("主体.csv.gz", gzip.compress(honest.encode())).report["accepted"] == 3_000


def test_an_archive_of_too_many_files(door: Door) -> None:
    made = door.file("a.zip", packed({f"{n}.txt": b"" for n in range(10_001)}))
    assert made.report["rejected"] == 1 and "10000" in made.rejects[0]["reason"]


def test_a_bad_checksum_costs_one_member(door: Door) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("主体.csv", HEAD + "F,甲公司\n")
        archive.writestr("项目.csv", HEAD + "P,学校\n")
    content = out.getvalue().replace("甲公司".encode(), "乙公司".encode())
    made = door.file("a.zip", content)
    assert made.counts == (1, 1) and made.rejects[0]["member"] == "主体.csv"


def test_a_damaged_archive_is_told_in_the_readers_language(door: Door) -> None:
    """What a member's reader found, by the member; what the archive's own reader found, once."""
    whole = packed(
        {
            "主体.csv": HEAD + "".join(f"F-{n},甲{n * 7919}\n" for n in range(500)),
            "项目.csv": HEAD + "P,学校\n",
        }
    )
    central = whole.index(b"PK\x01\x02")
    damages = {
        "压缩数据损坏": whole[:60] + bytes(byte ^ 0x5A for byte in whole[60:120]) + whole[120:],
        "压缩方式": whole[: central + 10] + b"\x63" + whole[central + 11 :],
        "文件头": b"PK\x03\x05" + whole[4:],
    }
    for words, content in damages.items():
        told = door.file("a.zip", content).rejects[0]
        assert words in told["reason"] and "再导入" in told["reason"], words
        assert told["member"] == "主体.csv"
    for content in (whole[:-60], whole[: len(whole) // 2]):
        [told] = door.file("b.zip", content).rejects
        assert "没有传完" in told["reason"]


def test_a_packed_file_that_breaks_off_is_told_in_the_readers_language(door: Door) -> None:
    content = gzip.compress((HEAD + "".join(f"F-{n},甲{n * 7919}\n" for n in range(500))).encode())
    spoilt = content[:-8] + bytes([content[-8] ^ 1]) + content[-7:]
    for words, damaged in (("没有传完", content[:-20]), ("校验和", spoilt)):
        made = door.file("主体.csv.gz", damaged)
        assert words in made.rejects[-1]["reason"], made.rejects


def test_names_and_passwords_of_archives(door: Door) -> None:
    """Names as a Chinese system writes them; a member that needs a password."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("ABCD.csv", HEAD + "F,甲公司\n")
        archive.writestr("locked.json", release(1))
    content = out.getvalue().replace(b"ABCD.csv", "主体".encode("gb18030") + b".csv")
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = (
            content.rfind(sign, 0, content.rfind(b"locked.json"))
            if sign == b"PK\x01\x02"
            else content.find(b"locked.json") - 30
        )
        content = content[: at + flags] + b"\x01" + content[at + flags + 1 :]
    made = door.file("a.zip", content)
    assert made.counts == (1, 1) and "密码" in made.rejects[0]["reason"]


def test_a_workbook_in_an_archive(door: Door) -> None:
    from .test_spreadsheets import FIRMS, book, saved

    assert door.file("a.zip", packed({"包/包.xlsx": saved(book(FIRMS))})).counts == (3, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ocid", "releases", "records", "tender", "awards", "a"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80),
    cut=st.integers(0, 40),
)
def test_whatever_the_file_it_is_accounted_for(content: bytes, cut: int, door: Door) -> None:
    """Whole or cut off, no traceback, and the files beside are JSON."""
    door.file("a.json", content[: len(content) - cut] if cut % 2 else content)


@pytest.mark.parametrize(
    ("spelt", "flagged"),
    [
        ("主体.csv".encode("gbk"), False),
        ("主体.csv".encode(), False),
        ("主体.csv".encode(), True),
        ("主体.csv".encode("gbk").decode("cp437").encode(), True),
        ("资料/主体.csv".encode("gbk"), False),
    ],
)
def test_names_in_an_archive_are_read_as_they_were_meant(spelt: bytes, flagged: bool, door: Door) -> None:
    """Windows writes GBK without the mark for UTF-8, macOS UTF-8 without it, and programs mark what they misread."""
    stand_in = b"x" * len(spelt)
    content = packed({stand_in.decode(): (HEAD + "F,甲\n").encode("gbk")}).replace(stand_in, spelt)
    if flagged:
        for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.index(head) + place
            content = content[: at + 1] + bytes([content[at + 1] | 0x08]) + content[at + 2 :]
    made = door.file("a.zip", content)
    assert made.counts == (1, 0) and made.notes == [], (made.rejects, made.notes)


def test_a_name_in_an_archive_that_is_none_is_one_refusal(door: Door) -> None:
    spelt = "標段.csv".encode("big5")
    made = door.file("a.zip", packed({"x" * len(spelt): b"a"}).replace(b"x" * len(spelt), spelt))
    assert made.counts == (0, 1) and "主体" in made.rejects[0]["reason"]
