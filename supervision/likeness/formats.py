"""Content of one PDF, Word or Excel file as it is compared: its words, where it was made, and its priced items.

Runs as a process of its own (`python -m supervision.likeness.formats SECONDS BYTES`): a path a line comes in, a line of
JSON goes out. Whatever a file does to its reader is done to this process, which holds nothing and is told to end.
"""

from __future__ import annotations

import base64
import json
import os
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from supervision.unnamed import says_nothing

LONGEST_TEXT = 4_000_000
"""Characters of a file that are compared; a bid of 1,000 full pages has fewer."""
_INFLATED, _CELLS = 400_000_000, 2_000_000
"""Bytes of XML an Office file may unpack to, and cells of a workbook that are read."""
_PDF, _ZIP, _OLE = b"%PDF-", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How the files begin. OLE is Word and Excel before 2007, and any Office file under a password."""
_FIRST = 1024
"""Bytes within which a PDF's mark stands (ISO 32000 allows what comes before)."""
_XMP_ID = re.compile(rb"xmpMM:(?:Original)?DocumentID[>=]\s*[\"']?\s*([^<\"'\s]{8,80})")
_RSID = re.compile(rb'<w:rsidRoot\s+w:val="([0-9A-Fa-f]{8})"')
_WHITE = re.compile(r"\s+")
_MADE_BY = (
    ("lock", re.compile(r"加密锁|软件锁|锁号|dongle|lock", re.I)),
    ("machine", re.compile(r"mac|机器|硬盘|主板|计算机|disk|cpu|computer|machine", re.I)),
    ("document_id", re.compile(r"标识码|文件标识|file.?id|doc(?:ument)?.?id|guid", re.I)),
)
"""Kind of origin → the names under which bidding tools put it into a file's own properties."""
MACHINE = frozenset({"lock", "machine", "document_id", "first_session"})
"""Kinds of origin that name one installation or one file, not a person or a firm."""
_PDF_PROPERTIES = ("ComputerName", "MAC", "MachineCode", "DiskSerial", "CpuId", "LockNumber", "DongleSerial", "FileId")  # fmt: skip
"""Entries of a PDF's information dictionary that are asked for beside the standard ones."""

Content = dict[str, Any]
"""text, places [[where it begins, page]], origin [[kind, value]], items {name: number}."""


class Refused(Exception):
    """The file is not read; `args[0]` is the key of the message that says why."""


def content_of(path: Path) -> Content:
    """The content of one file. Raises Refused, or whatever its library raises for a damaged file."""
    with path.open("rb") as file:
        first = file.read(_FIRST)
    if _PDF in first:
        return _pdf(path)
    if first.startswith(_OLE):
        raise Refused("likeness.old_or_locked")
    if not first.startswith(_ZIP):
        raise Refused("likeness.wrong_type")
    return _office(path)


def _pdf(path: Path) -> Content:
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Refused("likeness.encrypted" if "assword" in str(error) else "likeness.damaged") from None
    parts, places, length = [], [], 0
    for number in range(len(document)):
        page = document[number]
        words = squeezed(page.get_textpage().get_text_range())
        page.close()
        places.append([length, number + 1])
        parts.append(words)
        length += len(words)
        if length > LONGEST_TEXT:
            break
    properties = document.get_metadata_dict(skip_empty=True)
    names: dict[str, Any] = {"author": properties.get("Author"), "created": properties.get("CreationDate")}
    identifier = document.get_identifier(raw.FILEIDTYPE_PERMANENT)
    names["document_id"] = identifier.hex() if isinstance(identifier, bytes) else None
    own = {name: told_under for name in _PDF_PROPERTIES if (told_under := document.get_metadata_value(name))}
    return _content("".join(parts), places, [*_origin(names), *_made_by(own), *_xmp(path)], {})


def _xmp(path: Path) -> Iterator[list[str]]:
    with path.open("rb") as file:
        found = _XMP_ID.search(file.read())
    if found:
        yield ["document_id", found[1].decode("ascii", "replace")]


def _office(path: Path) -> Content:
    with zipfile.ZipFile(path) as package:
        members = package.infolist()
        if sum(m.file_size for m in members if m.filename.endswith((".xml", ".rels"))) > _INFLATED:
            raise Refused("likeness.inflates")
        names = {m.filename for m in members}
        if any(m.flag_bits & 1 for m in members):
            raise Refused("likeness.encrypted")
        properties = _made_by(_own_properties(package, names))
        if "word/document.xml" in names:
            return _docx(path, [*properties, *_root_revision(package, names)])
    if "xl/workbook.xml" in names:
        return _xlsx(path, properties)
    raise Refused("likeness.wrong_type")


def _own_properties(package: zipfile.ZipFile, names: set[str]) -> dict[str, str]:
    """The properties a tool has put into an Office file under names of its own, and the company it is licensed to."""
    found: dict[str, str] = {}
    for member in names & {"docProps/custom.xml", "docProps/app.xml"}:
        for one in ElementTree.fromstring(package.read(member)):
            name = one.get("name") or one.tag.rpartition("}")[2]
            found[name] = "".join(one.itertext()).strip()
    return found


def _root_revision(package: zipfile.ZipFile, names: set[str]) -> Iterator[list[str]]:
    """Word's number of the editing session in which the document, or the one it was copied from, began."""
    settings = package.read("word/settings.xml") if "word/settings.xml" in names else b""
    if found := _RSID.search(settings):
        yield ["first_session", found[1].decode().upper()]


def _names(properties: Any, author: str | None, editor: str | None, library: str) -> dict[str, Any]:
    """Who wrote and edited a file and when it was made; a library's own default says nothing of the time."""
    made = properties.created if author != library else None
    return {
        "author": author, "editor": editor, "document_id": properties.identifier, "created": str(made) if made else None,
    }  # fmt: skip


def _docx(path: Path, origin: list[list[str]]) -> Content:
    import docx

    document = docx.Document(str(path))
    words = "".join(one.text or "" for one in document.element.body.iter() if one.tag.endswith("}t"))
    properties = document.core_properties
    names = _names(properties, properties.author, properties.last_modified_by, "python-docx")
    return _content(words, [[0, 0]], [*_origin(names), *origin], {})


def _xlsx(path: Path, origin: list[list[str]]) -> Content:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    words: list[str] = []
    items: dict[str, float] = {}
    left = _CELLS
    for row in (row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)):
        left -= len(row)
        if left < 0:
            break
        words += [cell for cell in row if isinstance(cell, str)]
        for name, number in _item(row):
            items.setdefault(name, number)
    properties = book.properties
    names = _names(properties, properties.creator, properties.lastModifiedBy, "openpyxl")
    return _content("".join(words), [[0, 0]], [*_origin(names), *origin], items)


def _item(row: Sequence[Any]) -> Iterator[tuple[str, float]]:
    """A row with words and a positive last number: the words name the item, the number is its price or amount."""
    words = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
    numbers = [cell for cell in row if isinstance(cell, int | float) and not isinstance(cell, bool)]
    if words and numbers and numbers[-1] > 0:
        yield squeezed("".join(words)), float(numbers[-1])


def _origin(names: Mapping[str, Any]) -> list[list[str]]:
    traces = [(kind, str(value).strip()) for kind, value in names.items() if value]
    return [[kind, value] for kind, value in traces if not says_nothing(value)]


def _made_by(properties: Mapping[str, str]) -> list[list[str]]:
    """What a file's own properties say of lock, machine and file; a company is the author's."""
    found = [
        [kind, value]
        for name, value in properties.items()
        for kind, pattern in _MADE_BY
        if value and pattern.search(name)
    ]
    return found + _origin({"company": properties.get("Company"), "editor": properties.get("Manager")})


def _content(text: str, places: list[list[int]], origin: list[list[str]], items: dict[str, float]) -> Content:
    return {"text": squeezed(text)[:LONGEST_TEXT], "places": places, "origin": origin, "items": items}


def squeezed(text: str) -> str:
    """Without white space: lines break elsewhere in every file."""
    return _WHITE.sub("", text)


def packed(text: str) -> bytes:
    """A text as it is held: Chinese takes a third of its bytes so."""
    return zlib.compress(text.encode("utf-8", "replace"), 1)


def _answer(path: Path) -> dict[str, Any]:
    try:
        content = content_of(path)
    except Refused as refused:
        return {"why": refused.args[0]}
    except MemoryError:
        return {"why": "likeness.too_large"}
    except OSError as error:
        return {"why": "likeness.no_access", "detail": error.strerror or type(error).__name__}
    except Exception as error:  # noqa: BLE001 - any library, any damage: the file is told as unread
        return {"why": "likeness.damaged", "detail": type(error).__name__}
    return content | {"text": base64.b64encode(packed(content["text"])).decode()}


def main(seconds: int, memory: int) -> None:
    """Answer a line of JSON a path, until there are no more. The kernel ends what takes more time or memory."""
    os.nice(10)  # a live room and a warning go before
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        used = resource.getrusage(resource.RUSAGE_SELF)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, resource.RLIM_INFINITY))  # fmt: skip
        print(json.dumps(_answer(Path(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
