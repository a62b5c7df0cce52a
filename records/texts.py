"""Which characters a text of the ledger may hold: one rule for every road in, and for every file out.

A text holds what its reader sees. Controls (but tab and line ends) break spreadsheets and XML, halves of surrogate
pairs are no text, directional marks make a name read as another one, and what shows nothing (zero width, fillers,
characters of private use, noncharacters) makes two names that look the same. Joiners and variation selectors are
taken where a script or an emoji needs them. Records and tables that hold another are refused, with the place; OCDS
allows any character in its texts, so there it is left out, with a note.
"""

from __future__ import annotations

import re

from messages import Invalid, Message

_RANGES = (
    (0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x9F),  # controls
    (0x2028, 0x2029), (0x202A, 0x202E), (0x2066, 0x2069), (0x200E, 0x200F), (0x061C, 0x061C),  # lines, directions
    (0xAD, 0xAD), (0x34F, 0x34F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x200B, 0x200B), (0x2060, 0x2065),
    (0x206A, 0x206F), (0x3164, 0x3164), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB),  # nothing to see
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    (0xE000, 0xF8FF), (0xFDD0, 0xFDEF), (0xF0000, 0x10FFFF),  # of private use, of nobody
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(15)),
)  # fmt: skip
_JOINERS = ((0x200C, 0x200D), (0x180B, 0x180F), (0xFE00, 0xFE0F))
_NEEDY = "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff\u1800-\u18af\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
"""Scripts whose letters join or vary, and symbols that are emoji."""


def _span(low: int, high: int) -> str:
    return f"{chr(low)}-{chr(high)}"


def _escaped(low: int, high: int) -> str:
    """For a JSON Schema, whose patterns know no escape beyond U+FFFF."""
    return f"\\u{low:04x}-\\u{high:04x}" if high <= 0xFFFF else _span(low, high)


_KINDS = "".join(_span(*one) for one in _RANGES)
FORBIDDEN = re.compile(
    f"[{_KINDS}\ud800-\udfff]|(?<![{_NEEDY}])[{''.join(_span(*one) for one in _JOINERS)}](?!\u20e3)"
)
PATTERN = "".join(_escaped(*one) for one in (*_RANGES, *_JOINERS))
"""The same characters, joiners always, for the inside of a class in a pattern; JSON cannot carry lone surrogates."""
_REPLACED = "\ufffd"


def forbidden(text: str) -> Message | None:
    """The first character that no text may hold, as U+XXXX and where it stands; None if all is well."""
    found = FORBIDDEN.search(text)
    return found and Message("texts.place", code=f"{ord(found[0]):04X}", place=found.start() + 1)


def typed(text: str) -> str:
    """A text somebody typed, itself. Raises ValueError where it holds what no text may hold."""
    if where := forbidden(text):
        raise Invalid(Message("texts.forbidden", where=where))
    return text


def printable(text: str) -> str:
    """The text as every file format takes it: what is forbidden becomes U+FFFD."""
    return FORBIDDEN.sub(_REPLACED, text)


def without(text: str) -> str:
    """The text with what is forbidden left out."""
    return FORBIDDEN.sub("", text)
