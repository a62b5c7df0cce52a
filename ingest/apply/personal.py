"""Personal data in text that a source sent: blanked before it is kept for show, however the text is spoilt.

The text need not be JSON: a line cut off, a name written with escapes, a value that is a list or JSON within a
string must not carry a number through that a whole record would have lost.
"""

from __future__ import annotations

import json
import re

from ingest.kinds.registry import KINDS

_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_PLAIN = re.compile(r"[^,}\]\s]*")
_STEP = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_SEPARATORS = re.compile(r"[\W_]+")
_LOOSE_NAME = re.compile(
    r"""(?:'([^'\n]{1,40})'|\b([A-Za-z_]{2,40}))(\s*[:=]\s*)('[^'\n]*'?|"[^"\n]*"?|[^,}\]\n]*)"""
)
_NUMBERS = re.compile(r"(?<![\w.])(?:\d{17}[\dXx]|\d{15}|1[3-9]\d{9}|\d{16,19})(?![\w.])")
"""In text that is no JSON: numbers shaped like an identity card's, a mobile phone's or a bank account's."""


def _key(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


_HIDDEN = frozenset(_key(name) for kind in KINDS.values() for name in kind.hidden if name != "name")
_KINDS = {_key(kind) for kind in KINDS} - {"expert"}


def blanked(text: str, blank: str) -> str:
    """`text` with `blank` in place of every value under a name that is personal data.

    A person's `name` is one in a record of an expert, and wherever the text does not tell its kind.
    """
    kinds = _kinds(text)
    whole = kinds is not None
    names = _HIDDEN if kinds and kinds <= _KINDS else _HIDDEN | {"name"}
    found = _json_like(text, names, blank)
    if whole:
        return found
    found = _LOOSE_NAME.sub(lambda m: _loose(m, names, blank), found)
    return _NUMBERS.sub(blank, found)


def _kinds(text: str) -> set[str] | None:
    """What the text calls its kind, anywhere in it; None where it is no JSON."""
    found: set[str] = set()

    def look(pairs: list[tuple[str, object]]) -> None:
        found.update(_key(str(value)) for name, value in pairs if _key(name) == "kind")

    try:
        json.loads(text, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return None
    return found


def _json_like(text: str, names: frozenset[str], blank: str) -> str:
    out: list[str] = []
    at = 0
    while found := _STRING.search(text, at):
        out.append(text[at : found.start()])
        colon = _COLON.match(text, found.end())
        if colon is None:
            out.append(_inside(found[0], blank))
            at = found.end()
        elif _key(_decoded(found[0])) in names:
            out += [found[0], colon[0], f'"{blank}"']
            at = _end_of_value(text, colon.end())
        else:
            out += [found[0], colon[0]]
            at = colon.end()
    return "".join(out) + text[at:]


def _decoded(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted.strip('"')


def _inside(quoted: str, blank: str) -> str:
    """A string that is itself JSON is looked through too."""
    inner = _decoded(quoted)
    if not inner.lstrip().startswith(("{", "[")) or '"' not in inner:
        return quoted
    return json.dumps(blanked(inner, blank), ensure_ascii=False)


def _end_of_value(text: str, at: int) -> int:
    """Where the value that begins at `at` ends, its lists and objects whole; the text's end if it is cut off."""
    if at >= len(text) or text[at] not in '"[{':
        found = _PLAIN.match(text, at)
        return found.end() if found else at
    depth = 0
    while step := _STEP.search(text, at):
        at = step.end()
        depth += step[0] in "[{" and 1
        depth -= step[0] in "]}" and 1
        if depth <= 0:
            return at
    return len(text)


def _loose(found: re.Match[str], names: frozenset[str], blank: str) -> str:
    """A name without double quotes, as a hand or another program writes it."""
    name = found[1] or found[2]
    if _key(name) not in names:
        return found[0]
    return f"{found[0][: found.start(4) - found.start()]}{blank}"
