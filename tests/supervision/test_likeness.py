"""Likeness of bid files: planted likenesses are found, the tender document's own text is not, a bad file stops nothing."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
import zipfile
import zlib
from pathlib import Path

import docx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sunbid.cli import app
from supervision.likeness.comparing import compare
from supervision.likeness.formats import squeezed
from supervision.likeness.reading import MEMORY, Content, Unread, _Child, read_all
from supervision.likeness.windows import passages_of
from tests.files import open_files


def words(seed: int, count: int = 400) -> str:
    chance = random.Random(seed)
    return "".join(chr(chance.randint(0x4E00, 0x9FA5)) for _ in range(count))


TEMPLATE = words(0, 2000)


def content(seed: int, more: str = "", items: dict[str, float] | None = None) -> Content:
    made = Content.of(TEMPLATE + words(seed, 1500) + more, "技术标.pdf")
    made.items = items or {}
    return made


TENDER = Content.of(TEMPLATE)


def test_the_tender_documents_text_is_no_likeness() -> None:
    assert list(compare({"a": content(1), "b": content(2), "c": content(3)}, TENDER)) == []


def test_text_taken_from_another_is_found_with_its_passages() -> None:
    copied = Content.of(TEMPLATE + words(1, 1500)[:900] + words(9, 600))
    (found,) = compare({"a": content(1), "b": content(2), "c": copied}, TENDER)
    assert (found.one, found.other, found.reasons) == ("a", "c", ("text",))
    assert found.text == pytest.approx(0.6, abs=0.1)
    first = found.passages[0]
    assert first.words in TEMPLATE + words(1, 1500) and len(first.words) > 200
    assert first.one == ("技术标.pdf", 0)


def test_what_many_bidders_have_says_nothing() -> None:
    standard = words(77, 1500)
    bidders = {f"b{n}": Content.of(standard + words(n + 1, 1500)) for n in range(8)}
    assert compare(bidders, Content()) == []


def test_origin_and_contacts_shared_by_two_are_told_and_the_numbers_are_not() -> None:
    bidders = {
        name: content(n, "13800138000" if name in "ab" else "") for n, name in enumerate("abcdefgh", 1)
    }
    for name in "ab":
        bidders[name].origin.add(("author", "张某"))
    (found,) = compare(bidders, TENDER)
    assert found.reasons == ("origin", "contacts") and found.contacts == 1
    assert "13800138000" not in repr(found)


def test_bills_at_one_ratio_are_found() -> None:
    chance = random.Random(5)
    prices = {f"项目{n}": float(chance.randint(100, 9000)) for n in range(40)}
    raised = {name: price * 1.03 for name, price in prices.items()}
    other = {name: price * chance.uniform(0.8, 1.2) for name, price in prices.items()}
    bidders = {"a": content(1, items=prices), "b": content(2, items=raised), "c": content(3, items=other)}
    (found,) = compare(bidders, TENDER)
    assert (found.one, found.other, found.reasons, found.at_ratio) == ("a", "b", ("ratio",), 1.0)
    assert found.ratio == pytest.approx(1 / 1.03)


def test_quantities_of_the_tender_and_a_reduction_that_all_take_say_nothing() -> None:
    chance = random.Random(6)
    tender = Content.of(TEMPLATE)
    tender.items = {f"项目{n}": float(chance.randint(100, 9000)) for n in range(40)}
    same = {name: content(n, items=dict(tender.items)) for n, name in enumerate("ab", 1)}
    assert compare(same, tender) == []
    taken_down = {
        name: content(n, items={item: price * (1 - n / 100) for item, price in tender.items.items()})
        for n, name in enumerate("abcdefgh", 1)
    }
    assert compare(taken_down, tender) == []


def test_the_same_slips_in_the_tenders_own_words_are_found_with_their_surroundings() -> None:
    slips = {300: "误", 700: "错", 1200: "谬"}
    wrong = "".join(slips.get(n, letter) for n, letter in enumerate(TEMPLATE))
    one_slip = "".join("误" if n == 300 else letter for n, letter in enumerate(TEMPLATE))
    bidders = {name: Content.of(wrong + words(n, 900)) for n, name in enumerate("ab", 1)}
    bidders |= {"c": Content.of(one_slip + words(3, 900)), "d": content(4)}
    (found,) = compare(bidders, TENDER)
    assert (found.one, found.other, found.reasons) == ("a", "b", ("errors",))
    assert {error[7] for error in found.errors} <= {"误", "错", "谬"} and len(found.errors) >= 2


def test_another_bidders_name_inside_is_found_and_not_where_the_tender_names_it() -> None:
    called = {"a": "甲乙建设有限公司", "b": "丙丁工程有限公司", "c": "戊己市政有限公司"}
    bidders = {name: content(n, called[name]) for n, name in enumerate("abc", 1)}
    assert compare(bidders, TENDER, called) == []
    bidders["c"] = content(3, called["c"] + called["a"])
    (found,) = compare(bidders, TENDER, called)
    assert (found.one, found.other, found.reasons, found.mixed) == ("a", "c", ("mixed",), ("a",))
    assert compare(bidders, Content.of(TEMPLATE + called["a"]), called) == []


@settings(max_examples=30, deadline=None)
@given(st.text(alphabet="甲乙丙丁戊己庚辛ab\U00020000", max_size=400))
def test_the_passages_of_a_text_do_not_depend_on_what_stands_before_it(text: str) -> None:
    alone, behind = set(passages_of(text).tolist()), set(passages_of("前" * 7 + text).tolist())
    assert alone <= behind


# ── files ────────────────────────────────────────────────────────────────────


def a_word_file(path: Path, text: str, author: str) -> None:
    made = docx.Document()
    made.core_properties.author = author
    for begin in range(0, len(text), 80):
        made.add_paragraph(text[begin : begin + 80])
    made.save(str(path))


def a_sheet(path: Path, prices: dict[str, float]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in prices.items():
        sheet.append(row)
    book.save(path)


def a_pdf(path: Path, text: str) -> None:
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode()
    write_pdf(path, [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 2000 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", b"<</Author(Zhang San)>>",
    ], b"/Info 6 0 R")  # fmt: skip


def a_pdf_under_a_password(path: Path) -> None:
    """Its check of the password fits no password."""
    locked = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"5a" * 32, b"a5" * 32)
    parts = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", locked]
    write_pdf(path, parts, b"/Encrypt 3 0 R/ID[<%s><%s>]" % (b"11" * 16, b"11" * 16))


def an_endless_pdf(path: Path) -> None:
    """A small file whose 1,000 pages draw two million empty steps each: minutes of work."""
    steps, pages = zlib.compress(b"q Q " * 2_000_000, 9), 1_000
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 3 0 R>>"
    kids = b" ".join(b"%d 0 R" % number for number in range(4, 4 + pages))
    write_pdf(path, [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages),
        b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(steps), steps), *[page] * pages,
    ])  # fmt: skip


def write_pdf(path: Path, parts: list[bytes], trailer: bytes = b"") -> None:
    """A PDF of the objects given, numbered from 1, the first the catalogue."""
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, part)
    table, size = b"".join(b"%010d 00000 n \n" % place for place in places), len(parts) + 1
    end = b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (size, trailer, len(body))
    path.write_bytes(body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + end)


def test_each_format_gives_its_text_origin_and_prices(tmp_path: Path) -> None:
    a_pdf(tmp_path / "a.pdf", "method statement of the bid")
    a_word_file(tmp_path / "b.docx", "施工组织设计", "李某")
    a_sheet(tmp_path / "c.xlsx", {"挖土方": 12.5, "混凝土": 480})
    found = dict(read_all(sorted(tmp_path.iterdir())))
    pdf, word, sheet = (found[tmp_path / name] for name in ("a.pdf", "b.docx", "c.xlsx"))
    assert isinstance(pdf, Content) and isinstance(word, Content) and isinstance(sheet, Content)
    assert (
        "methodstatement" in pdf.text
        and ("author", "Zhang San") in pdf.origin
        and pdf.place(5) == ("a.pdf", 1)
    )
    assert "施工组织设计" in word.text and ("author", "李某") in word.origin
    assert sheet.items == {"挖土方": 12.5, "混凝土": 480.0}


def a_zip(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, body in members.items():
            package.writestr(name, body)


def hostile(folder: Path) -> dict[str, str]:
    """File made to harm or not what it says → the key of what is told of it."""
    zeros = b" " * 410_000_000
    a_zip(folder / "bomb.docx", {"word/document.xml": zeros})
    cells = b"".join(b"<row><c><v>1</v></c></row>" for _ in range(10))
    a_zip(folder / "half.xlsx", {"xl/workbook.xml": b"<workbook><sheets>", "xl/worksheets/sheet1.xml": cells})
    (folder / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / "picture.pdf").write_bytes(b"\x89PNG\r\n" + bytes(200))
    (folder / "locked.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))
    (folder / "empty.xlsx").write_bytes(b"")
    a_pdf_under_a_password(folder / "password.pdf")
    a_zip(folder / "archive.docx", {"other/file.txt": b"x"})
    entities = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">' + b"".join(
        b'<!ENTITY b%d "%s">' % (n, b"&b%s;" % (b"" if n == 0 else b"%d" % (n - 1)) * 10) for n in range(12)
    )
    a_zip(
        folder / "laughs.docx",
        {
            "word/document.xml": entities + b"]><a>&b11;</a>",
            "docProps/custom.xml": entities + b"]><a>&b11;</a>",
        },
    )
    return {
        "bomb.docx": "likeness.inflates", "half.xlsx": "likeness.damaged", "bad.pdf": "likeness.damaged",
        "picture.pdf": "likeness.wrong_type", "locked.docx": "likeness.old_or_locked", "empty.xlsx": "likeness.wrong_type",
        "archive.docx": "likeness.wrong_type", "laughs.docx": "likeness.damaged", "password.pdf": "likeness.encrypted",
    }  # fmt: skip


def test_hostile_files_are_told_each_with_its_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    told = hostile(tmp_path)
    a_word_file(tmp_path / "good.docx", "正文", "李某")
    a_pdf(tmp_path / "good.pdf", "words")
    found = {path.name: read for path, read in read_all(sorted(tmp_path.iterdir()))}
    assert {name: read.why.key for name, read in found.items() if isinstance(read, Unread)} == told
    assert isinstance(found["good.docx"], Content) and isinstance(found["good.pdf"], Content)


def test_files_are_read_by_a_process_with_many_files_open(tmp_path: Path) -> None:
    a_word_file(tmp_path / "标书.docx", TEMPLATE, "甲某")
    with open_files(1100):
        read = list(read_all([tmp_path / "标书.docx"] * 3))
    assert [found.text for _, found in read if isinstance(found, Content)] == [squeezed(TEMPLATE)] * 3


def test_what_reading_itself_stumbles_over_is_raised_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(child: _Child, path: Path) -> None:
        raise RuntimeError("no more processes")

    monkeypatch.setattr(_Child, "read", broken)
    with pytest.raises(RuntimeError, match="no more processes"):
        list(read_all([tmp_path / "标书.docx"] * 3))


def test_a_file_beyond_its_time_or_memory_costs_its_child_only(tmp_path: Path) -> None:
    a_word_file(tmp_path / "a.docx", words(1, 200_000), "李某")
    ((_, late),) = read_all([tmp_path / "a.docx"], seconds=0.01)
    assert isinstance(late, Unread) and late.why.key == "likeness.too_slow"
    large_properties = b"<a>" + b" " * 150_000_000 + b"</a>"
    a_zip(tmp_path / "b.docx", {"word/document.xml": b"<a/>", "docProps/custom.xml": large_properties})
    ((_, large),) = read_all([tmp_path / "b.docx"], memory=180 << 20)
    assert isinstance(large, Unread) and large.why.key == "likeness.too_large"


def test_an_endless_file_is_ended_over_its_processor_time(tmp_path: Path) -> None:
    an_endless_pdf(tmp_path / "a.pdf")
    a_pdf(tmp_path / "b.pdf", "words")
    found = dict(read_all(sorted(tmp_path.iterdir()), seconds=1))
    endless = found[tmp_path / "a.pdf"]
    assert isinstance(endless, Unread) and endless.why.key == "likeness.too_much_work"
    assert isinstance(found[tmp_path / "b.pdf"], Content)


def test_a_child_that_runs_seldom_is_waited_for_and_one_that_stands_still_is_not(tmp_path: Path) -> None:
    an_endless_pdf(tmp_path / "a.pdf")
    child = _Child(1.5, MEMORY)
    child._begin()
    begun = time.monotonic()
    rationed = threading.Thread(target=ration, args=(child, begun + 3), daemon=True)
    rationed.start()
    read = child.read(tmp_path / "a.pdf")
    assert isinstance(read, Unread) and read.why.key == "likeness.too_slow"
    assert time.monotonic() - begun > 3, "twice its seconds by the clock: it ran a little in each of them"
    rationed.join()


def ration(child: _Child, until: float) -> None:
    """Let a child run a tick of every half second or so, and no more from `until` on."""
    assert child.process is not None
    while time.monotonic() < until:
        used = child._processor_time()
        child.process.send_signal(signal.SIGCONT)
        while child._processor_time() == used and time.monotonic() < until:
            time.sleep(0.01)
        child.process.send_signal(signal.SIGSTOP)
        time.sleep(0.4)


def test_what_a_tool_wrote_into_a_file_is_its_origin(tmp_path: Path) -> None:
    a_word_file(tmp_path / "a.docx", "正文", "李某")
    with zipfile.ZipFile(tmp_path / "a.docx", "a") as package:
        package.writestr(
            "docProps/custom.xml",
            '<Properties xmlns="urn:p"><property name="计价软件加密锁号"><v>L-77812</v></property>'
            '<property name="MAC地址"><v>3C-7E-11-22-33-44</v></property></Properties>',
        )
    ((_, read),) = read_all([tmp_path / "a.docx"])
    assert isinstance(read, Content)
    assert {("lock", "L-77812"), ("machine", "3C-7E-11-22-33-44"), ("author", "李某")} <= read.origin


def test_the_command_names_the_pairs_and_the_unread(tmp_path: Path) -> None:
    for name, seed in (("甲", 1), ("乙", 1), ("丙", 3)):
        (tmp_path / name).mkdir()
        a_word_file(tmp_path / name / "技术标.docx", TEMPLATE + words(seed, 1500), name)
    (tmp_path / "丙" / "坏.pdf").write_bytes(b"%PDF-")
    tender = tmp_path.parent / "tender.docx"
    a_word_file(tender, TEMPLATE, "招标人")
    done = CliRunner().invoke(app, ["likeness", str(tmp_path), "--template", str(tender), "--json"])
    (told,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (
        sorted(told["bidders"]) == sorted(["甲", "乙"]) and told["reasons"] == ["text"] and told["text"] > 0.9
    )
    assert done.exit_code == 1 and "坏.pdf" in done.stderr
    assert CliRunner().invoke(app, ["likeness", str(tmp_path / "nowhere")]).exit_code == 2
