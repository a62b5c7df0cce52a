"""Bid files made up for measuring: a long PDF with pictures, a Word file and a bill of quantities for each bidder, with a few
bidders who wrote together."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGES, LETTERS = 200, 600
"""Of the PDF: a technical bid of usual length, and the characters of a page."""
ITEMS = 800
"""Of the bill of quantities."""
RING = 4
"""Bidders who wrote together."""
_OWN, _STANDARD = 0.4, 0.5
"""Shares of a bid that its writer wrote, and that come from the tender document; the rest is in everybody's."""
_FIRST, _LAST = 0x4E00, 0x57FF
"""2,560 characters: as many as ordinary Chinese has."""
_BEFORE_PAGES = 7
"""Number of the object of the first page."""


@dataclass(frozen=True)
class Planted:
    """Where the files lie, their bytes, and the bidders who wrote together."""

    folder: Path
    tender: Path
    size: int
    ring: frozenset[str]


def words(seed: int, count: int) -> str:
    """Text nobody else has."""
    chance = random.Random(seed)
    return "".join(map(chr, chance.choices(range(_FIRST, _LAST), k=count)))


def write_bids(folder: Path, bidders: int, megabytes: float, seed: int = 1) -> Planted:
    """Write the files of a lot below `folder`, each bidder's of about that size."""
    letters = PAGES * LETTERS
    tender_text, standard = words(seed, letters // 2), words(seed + 1, letters // 10)
    together = words(seed + 2, round(letters * _OWN))
    tender = folder / "tender.docx"
    _word(tender, tender_text, "招标人")
    ring = frozenset(_name(n) for n in random.Random(seed).sample(range(bidders), RING))
    for n in range(bidders):
        name, chance = _name(n), random.Random(seed * 1_000_003 + n)
        (folder / "bids" / name).mkdir(parents=True)
        own = words(seed * 7919 + n, round(letters * _OWN))
        if name in ring:
            own = together[: len(own) // 2] + own[len(own) // 2 :]
        text = tender_text[: round(letters * _STANDARD)] + standard + own
        _pdf(folder / "bids" / name / "技术标.pdf", text, round(megabytes * 1e6))
        _word(folder / "bids" / name / "商务标.docx", standard + own[:3000], f"编制人{n}")
        base = random.Random(seed if name in ring else seed * 31 + n)
        factor = 1 + chance.uniform(-0.03, 0.03)
        _bill(
            folder / "bids" / name / "清单.xlsx",
            {f"清单项{i}": round(base.uniform(50, 9000) * factor, 4) for i in range(ITEMS)},
        )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Planted(folder / "bids", tender, size, ring)


def _name(place: int) -> str:
    return f"投标单位{place:04d}号建设有限公司"


def _word(path: Path, text: str, author: str) -> None:
    import docx

    made = docx.Document()
    made.core_properties.author = author
    for begin in range(0, len(text), 500):
        made.add_paragraph(text[begin : begin + 500])
    made.save(str(path))


def _bill(path: Path, prices: dict[str, float]) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for name, price in prices.items():
        sheet.append([name, "m³", price])
    book.save(path)


def _pdf(path: Path, text: str, size: int) -> None:
    """A PDF of pages with that text in a Chinese font that readers know, and a picture of noise on each."""
    pages = [text[begin : begin + LETTERS] for begin in range(0, len(text), LETTERS)]
    picture = max(0, size // len(pages) - 4 * LETTERS - 400)
    places = []
    with path.open("wb") as file:
        file.write(b"%PDF-1.5\n")
        for number, body in enumerate(_objects(pages, picture), 1):
            places.append(file.tell())
            file.write(b"%d 0 obj" % number + body + b" endobj\n")
        start = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1))
        file.writelines(b"%010d 00000 n \n" % place for place in places)
        file.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(places) + 1, start))


def _objects(pages: list[str], picture: int) -> Iterator[bytes]:
    """Catalogue, page tree, font (four objects), then three for each page: itself, its words, its picture."""
    kids = b" ".join(b"%d 0 R" % (_BEFORE_PAGES + 3 * n) for n in range(len(pages)))
    yield b"<</Type/Catalog/Pages 2 0 R>>"
    yield b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(pages), kids)
    yield b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/Identity-H/DescendantFonts[4 0 R]/ToUnicode 6 0 R>>"
    yield b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>/FontDescriptor 5 0 R>>"
    yield b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 800/Descent -200/StemV 80>>"
    rows = b"".join(
        b"<%02X00> <%02XFF> <%02X00>\n" % (high, high, high) for high in range(_FIRST >> 8, (_LAST >> 8) + 1)
    )
    codes = b"/CIDInit /ProcSet findresource begin begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    codes += b"%d beginbfrange\n%sendbfrange endcmap end" % ((_LAST >> 8) - (_FIRST >> 8) + 1, rows)
    yield b"<</Length %d>>stream\n%s\nendstream" % (len(codes), codes)
    for n, text in enumerate(pages):
        first = _BEFORE_PAGES + 3 * n
        yield (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 3 0 R>>/XObject<</P %d 0 R>>>>>>"
            % (first + 1, first + 2)
        )
        lines = b"".join(
            b"<%s>Tj T*\n" % text[i : i + 40].encode("utf-16-be").hex().encode()
            for i in range(0, len(text), 40)
        )
        stream = b"q 400 0 0 200 90 60 cm /P Do Q BT /F 12 Tf 14 TL 50 790 Td\n%sET" % lines
        yield b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)
        noise = os.urandom(picture)
        yield (
            b"<</Type/XObject/Subtype/Image/Width 1000/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8/Length %d>>stream\n%s\nendstream"
            % (picture // 1000, len(noise), noise)
        )
