"""Which characters a text of the ledger may hold: one rule for every road in, and for every file out.

Controls (but tab and line ends) break spreadsheets and XML, halves of surrogate pairs are no text at all, and
directional overrides make a name read as another one.
"""

from __future__ import annotations

import re

_KINDS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff"
FORBIDDEN = re.compile(f"[{_KINDS}\ud800-\udfff]")
PATTERN = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff"
"""The same characters for the inside of a class in a JSON Schema pattern; JSON cannot carry lone surrogates."""
_REPLACED = "\ufffd"


def forbidden(text: str) -> str | None:
    """The first character that no text may hold, as U+XXXX and where it stands; None if all is well."""
    found = FORBIDDEN.search(text)
    return found and f"U+{ord(found[0]):04X}（第 {found.start() + 1} 个字符 / character {found.start() + 1}）"


def printable(text: str) -> str:
    """The text as every file format takes it: what is forbidden becomes U+FFFD."""
    return FORBIDDEN.sub(_REPLACED, text)


def without(text: str) -> str:
    """The text with what is forbidden left out."""
    return FORBIDDEN.sub("", text)
