"""JSON Lines beside an import: what was refused, and what the ledger had no place for."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import orjson

from ingest.apply import rejects
from ingest.files import strict_json
from ingest.files.pieces import Piece
from ingest.refusal import storable

_CUT = 1 << 20
"""From this length on a record's text may have been cut: kept as text then."""


class KeptFile(AbstractContextManager["KeptFile"]):
    """One JSON object a kept piece, whole, with source, file, line, path and reason; made with the first."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._file: IO[bytes] | None = None
        self.path: Path | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file if there is one."""
        if self._file:
            self._file.close()

    def write(
        self, source: str, file: Path, piece: Piece, raw: Any, path: str | None, reason: str | None
    ) -> None:
        """Keep one piece; `raw` is the record as it was sent, `path` the place in it."""
        where = f"{piece.path}{path}" if piece.envelope is not None else path
        record = rejects.whole(raw)
        as_text = isinstance(raw, str) or len(record) >= _CUT or not _is_json(record)
        line = {
            "source": source, "file": storable(str(file)), "line": piece.line, "path": where and storable(where),
            "reason": reason and storable(reason), "record": record if as_text else orjson.Fragment(record),
        }  # fmt: skip
        where_else = {"member": piece.member, "sheet": piece.sheet, "column": _column(piece, where)}
        line |= {name: storable(value) for name, value in where_else.items() if value}
        self._opened().write(orjson.dumps(line) + b"\n")

    def _opened(self) -> IO[bytes]:
        """The file, made with the first line."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            stamp = f"{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09}"
            self.path = self._folder / f"{self._name}-{stamp}.jsonl"
            # the records stand in it as sent, personal data too: nobody but its owner may read it
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        return self._file


def _column(piece: Piece, path: str | None) -> str | None:
    """The column of a table that a path in its record comes from."""
    if piece.headers is None or not path:
        return None
    return piece.headers.get(path.removeprefix("data.").split(".")[0])


def _is_json(text: str) -> bool:
    """What stands in the file must be read by anyone, whatever it was that could not be read."""
    try:
        strict_json.loads(text)
    except strict_json.BadJson:
        return False
    return True
