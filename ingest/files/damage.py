"""What is wrong with an archive, a packed stream or XML that its reader gave up on: their own words are English."""

from __future__ import annotations

import errno
import re
import zipfile
import zlib

from messages import Fault, Message

_SIGNS = {
    "CRC": "checksum", "Incorrect length": "checksum", "encrypted": "password", "Bad password": "password",
    "not a zip file": "contents", "central directory": "contents", "span multiple disks": "volumes",
    "Not a gzipped file": "packed", "ompression method": "method",
}  # fmt: skip
"""What stands in the words of zipfile and gzip → the rest of `files.damage_…`, which says it."""
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (zlib.error, "packed"), (EOFError, "ends_early"), (zipfile.BadZipFile, "headers"), (NotImplementedError, "method"),
)  # fmt: skip
"""Kinds of errors, where their words tell nothing more → the same."""
_ABSENT = re.compile(r"no item named '(.+)' in the archive")


def damage(error: Exception) -> Message:
    """The damage that an error of zipfile, gzip, zlib, an XML parser, openpyxl or the disk tells of."""
    if isinstance(error, Fault):
        return error.message
    said = str(error)
    if absent := _ABSENT.search(said):
        return Message("files.damage_absent", member=absent[1])
    if isinstance(error, SyntaxError):
        return _xml(error)
    if isinstance(error, OSError) and error.errno:
        return Message("files.damage_disk", code=errno.errorcode.get(error.errno, error.errno))
    signs = (name for sign, name in _SIGNS.items() if sign in said)
    kinds = (name for kind, name in _KINDS if isinstance(error, kind))
    return Message(f"files.damage_{next(signs, None) or next(kinds, 'content')}")


def _xml(error: SyntaxError) -> Message:
    """Where XML breaks off: the parsers of the standard library and of lxml both tell `position`."""
    line, column = getattr(error, "position", (error.lineno, error.offset))
    return Message("files.damage_xml", line=line, column=column)
