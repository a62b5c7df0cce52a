"""Reading bid files: text, origin and priced items of PDF, DOCX and XLSX, each in a child with limits on time and memory.

A file made to hang or to fill the memory costs its own child only; it is told as unread and the rest go on.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from messages import Message

SUFFIXES = (".pdf", ".docx", ".xlsx")
SECONDS, MEMORY = 120.0, 2 << 30
"""How long a file may take, and how many bytes of memory its child may use."""
LONGEST_TEXT = 4_000_000
"""Characters of a file that are compared; a bid of 1,000 full pages has fewer."""
_ODD = re.compile(r"\s+")


@dataclass
class Content:
    """What is compared of a file, or of all files of a bidder."""

    text: str = ""
    """Its words without white space."""
    origin: set[tuple[str, str]] = field(default_factory=set)
    """(kind, value): author, editor, document id, and what else says where it was made."""
    items: dict[str, Decimal] = field(default_factory=dict)
    """Priced items of a bill of quantities: name → unit price or amount."""

    def add(self, other: Content) -> None:
        """Put another file of the same bidder beside it."""
        self.text = f"{self.text}\n{other.text}"[:LONGEST_TEXT]
        self.origin |= other.origin
        self.items |= other.items


@dataclass(frozen=True)
class Unread:
    """A file that could not be read, and why."""

    path: Path
    why: Message


def content_of(path: Path) -> Content:
    """The content of one file, read in this process. Raises whatever its library raises for a damaged file."""
    return {".pdf": _pdf, ".docx": _docx, ".xlsx": _xlsx}[path.suffix.lower()](path)


def _pdf(path: Path) -> Content:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    try:
        parts, length = [], 0
        for page in document:
            parts.append(_squeezed(page.get_textpage().get_text_range()))
            length += len(parts[-1])
            page.close()
            if length > LONGEST_TEXT:
                break
        told = document.get_metadata_dict(skip_empty=True)
        identifier = document.get_identifier()
    finally:
        document.close()
    names = {"author": told.get("Author"), "title": told.get("Title"), "created": told.get("CreationDate")}
    names["document_id"] = identifier.hex() if isinstance(identifier, bytes) else None
    return Content("".join(parts)[:LONGEST_TEXT], _origin(names))


def _docx(path: Path) -> Content:
    import docx

    document = docx.Document(str(path))
    parts = [paragraph.text for paragraph in document.paragraphs]
    parts += [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    told = document.core_properties
    names = {"author": told.author, "editor": told.last_modified_by, "document_id": told.identifier}
    if told.author != "python-docx":
        names["created"] = str(told.created) if told.created else None
    return Content(_squeezed("\n".join(parts))[:LONGEST_TEXT], _origin(names))


def _xlsx(path: Path) -> Content:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        rows = [row for sheet in book.worksheets for row in sheet.iter_rows(values_only=True)]
        told = book.properties
        names = {"author": told.creator, "editor": told.lastModifiedBy, "document_id": told.identifier}
    finally:
        book.close()
    words = "\n".join(str(cell) for row in rows for cell in row if isinstance(cell, str))
    return Content(_squeezed(words)[:LONGEST_TEXT], _origin(names), _items(rows))


def _items(rows: Sequence[Sequence[Any]]) -> dict[str, Decimal]:
    """Rows with words and a positive last number: the words name the item, the number is its price."""
    found: dict[str, Decimal] = {}
    for row in rows:
        words = [cell.strip() for cell in row if isinstance(cell, str) and cell.strip()]
        numbers = [cell for cell in row if isinstance(cell, int | float) and not isinstance(cell, bool)]
        if words and numbers and numbers[-1] > 0:
            try:
                found.setdefault(_squeezed(" ".join(words)), Decimal(str(numbers[-1])))
            except InvalidOperation:
                continue
    return found


_USUAL = frozenset(
    {"openpyxl", "python-docx", "administrator", "admin", "user", "microsoft office user", "wps"}
)
"""Authors that programs put in: they say nothing of a person."""


def _origin(names: dict[str, str | None]) -> set[tuple[str, str]]:
    found = {(kind, value.strip()) for kind, value in names.items() if value and value.strip()}
    return {(kind, value) for kind, value in found if value.lower() not in _USUAL and kind != "title"}


def _squeezed(text: str) -> str:
    return _ODD.sub("", text)


# ── the children ─────────────────────────────────────────────────────────────


@dataclass
class _Child:
    process: BaseProcess
    answer: Connection
    path: Path
    until: float


def read_all(
    paths: Sequence[Path], progress: Callable[[int, int, str], None], *, seconds: float = SECONDS, memory: int = MEMORY
) -> Iterator[tuple[Path, Content | Unread]]:  # fmt: skip
    """Every file's content or why it could not be read, as they come; as many at once as there are cores."""
    waiting, done = list(reversed(paths)), 0
    running: list[_Child] = []
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                running.append(_begin(waiting.pop(), seconds, memory))
            for child in _finished(running):
                running.remove(child)
                done += 1
                progress(done, len(paths), child.path.name)
                yield child.path, _end(child)
    finally:
        for child in running:
            _stop(child)


def _begin(path: Path, seconds: float, memory: int) -> _Child:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_inside, args=(str(path), theirs, memory, seconds), daemon=True)
    process.start()
    theirs.close()
    return _Child(process, ours, path, time.monotonic() + seconds)


def _finished(running: Sequence[_Child]) -> list[_Child]:
    """Children that have answered, ended or run out of time; waits for the first of them."""
    soonest = max(0.0, min(child.until for child in running) - time.monotonic())
    ready = wait([child.answer for child in running], soonest)
    return [child for child in running if child.answer in ready or time.monotonic() >= child.until]


def _end(child: _Child) -> Content | Unread:
    late = time.monotonic() >= child.until and not child.answer.poll()
    try:
        found: Content | str | None = None if late else child.answer.recv()
    except EOFError:
        found = None
    _stop(child)
    if isinstance(found, Content):
        return found
    if late:
        return Unread(child.path, Message("likeness.too_slow"))
    return Unread(child.path, Message("likeness.unreadable", why=found or "—"))


def _stop(child: _Child) -> None:
    child.process.kill()
    child.process.join()
    child.answer.close()


def _inside(path: str, answer: Connection, memory: int, seconds: float) -> None:
    """The child: limits first, then the file; what goes wrong is told in one word."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    try:
        answer.send(content_of(Path(path)))
    except Exception as error:  # noqa: BLE001 - any library, any damage: the file is told as unread
        answer.send(type(error).__name__)
