"""Likeness of bid files: planted likenesses are found, the tender document's own text is not, a bad file stops nothing."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path

import docx
import openpyxl
import pytest
from typer.testing import CliRunner

from sunbid.cli import app
from supervision.likeness.comparing import compare
from supervision.likeness.reading import Content, Unread, content_of, read_all


def words(seed: int, count: int = 400) -> str:
    chance = random.Random(seed)
    return "".join(chr(chance.randint(0x4E00, 0x9FA5)) for _ in range(count))


TEMPLATE = words(0, 2000)


def content(seed: int, **more: object) -> Content:
    return Content(TEMPLATE + words(seed, 1500), **more)  # type: ignore[arg-type]


def test_the_tender_documents_text_is_no_likeness() -> None:
    assert list(compare({"a": content(1), "b": content(2), "c": content(3)}, Content(TEMPLATE))) == []


def test_text_taken_from_another_is_found_with_its_passages() -> None:
    copied = Content(TEMPLATE + words(1, 1500)[:900] + words(9, 600))
    (found,) = compare({"a": content(1), "b": content(2), "c": copied}, Content(TEMPLATE))
    assert (found.one, found.other, found.reasons) == ("a", "c", ("text",))
    assert found.text == pytest.approx(0.6, abs=0.1)
    assert found.passages and found.passages[0] in TEMPLATE + words(1, 1500)


def test_what_many_bidders_have_says_nothing() -> None:
    standard = words(77, 1500)
    bidders = {f"b{n}": Content(standard + words(n + 1, 1500)) for n in range(8)}
    assert list(compare(bidders, Content())) == []


def test_origin_and_contacts_shared_by_two_are_told_and_the_numbers_are_not() -> None:
    bidders = {name: content(n) for n, name in enumerate("abcdefgh", 1)}
    for name in "ab":
        bidders[name].origin.add(("author", "张某"))
        bidders[name].text += "13800138000"
    (found,) = compare(bidders, Content(TEMPLATE))
    assert found.reasons == ("origin", "contacts") and found.contacts == 1
    assert "13800138000" not in repr(found)


def test_bills_at_one_ratio_are_found() -> None:
    chance = random.Random(5)
    prices = {f"项目{n}": Decimal(chance.randint(100, 9000)) for n in range(40)}
    raised = {name: price * Decimal("1.03") for name, price in prices.items()}
    other = {name: price * Decimal(str(chance.uniform(0.8, 1.2))) for name, price in prices.items()}
    bidders = {"a": content(1, items=prices), "b": content(2, items=raised), "c": content(3, items=other)}
    (found,) = compare(bidders, Content(TEMPLATE))
    assert (found.one, found.other, found.reasons, found.at_ratio) == ("a", "b", ("ratio",), 1.0)
    assert found.ratio == pytest.approx(1 / 1.03)


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
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 2000 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", b"<</Author(Zhang San)>>",
    ]  # fmt: skip
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(body)
    body += b"xref\n0 7\n0000000000 65535 f \n%s" % table
    path.write_bytes(body + b"trailer<</Size 7/Root 1 0 R/Info 6 0 R>>\nstartxref\n%d\n%%%%EOF" % start)


def test_each_format_gives_its_text_origin_and_prices(tmp_path: Path) -> None:
    a_pdf(tmp_path / "a.pdf", "method statement of the bid")
    a_word_file(tmp_path / "b.docx", "施工组织设计", "李某")
    a_sheet(tmp_path / "c.xlsx", {"挖土方": 12.5, "混凝土": 480})
    pdf, word, sheet = (content_of(tmp_path / name) for name in ("a.pdf", "b.docx", "c.xlsx"))
    assert "methodstatement" in pdf.text and ("author", "Zhang San") in pdf.origin
    assert "施工组织设计" in word.text and ("author", "李某") in word.origin
    assert sheet.items == {"挖土方": Decimal("12.5"), "混凝土": Decimal(480)}


def test_a_damaged_file_and_one_beyond_its_time_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    a_word_file(tmp_path / "good.docx", "正文", "李某")
    seen: list[int] = []
    found = dict(read_all(sorted(tmp_path.iterdir()), lambda done, of, name: seen.append(done)))
    assert isinstance(found[tmp_path / "bad.pdf"], Unread)
    assert isinstance(found[tmp_path / "good.docx"], Content) and seen == [1, 2]
    (late,) = dict(read_all([tmp_path / "good.docx"], lambda *_: None, seconds=0.01)).values()
    assert isinstance(late, Unread) and late.why.key == "likeness.too_slow"


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
