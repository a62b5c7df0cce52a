"""Which keys the code asks for, by Babel's extraction: python -m messages.extract tells those without words, and words
nobody asks for."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from itertools import product
from pathlib import Path
from typing import IO, Any, NamedTuple

from babel.messages.extract import extract_from_dir

from messages.catalogue import DEFAULT, table

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "messages",
    "sunbid",
    "pages",
    "dashboard",
    "supervision",
    "ingest",
    "streaming",
    "records",
    "benchmarks",
)
METHODS = [
    ("**.py", "messages.extract:python_calls"),
    ("**.html", "jinja2"),
    ("**/static/*.js", "javascript"),
]
KEYWORDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("", {"Message": None, "say": None, "local": None, "named": None}),
    ("site.", {"word": (2,), "t": None}),
)
"""What a key's own text lacks in front → functions whose first argument, or the given one, is a key."""
KEY = re.compile(r"[a-z_]+(\.[^\s.]+)+")
PUT_IN = re.compile(r"\$\{[^}]*\}")
"""What a script's template literal puts in."""
FAMILIES = (
    "live.", "opening.", "host.", "warnings.", "rules.", "leads.", "witnessing.", "ticker.",  # handed whole to the components of these names
    "term.",  # usual values of free fields: the key is the value
    "site.",  # handed whole to the public pages' scripts
)  # fmt: skip
"""Beginnings of keys that no call spells out; those of a call such as `say(f"level.{name}")` are found by themselves."""


def python_calls(
    fileobj: IO[bytes], keywords: Iterable[str], _tags: Iterable[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, tuple[str | None, ...], list[str]]]:
    """A Babel extraction method: calls of keywords, inside f-strings too, with `*` where a key is put together."""
    for node in _read(fileobj.read()).calls:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in keywords:
            for texts in product(*map(_texts, node.args)):
                yield node.lineno, name, (_any_of(texts[0]), *texts[1:]) if name == "named" else texts, []


class _Read(NamedTuple):
    """What a file of code may ask for keys with."""

    calls: list[ast.Call]
    """Calls of the functions among `KEYWORDS`."""
    literals: frozenset[str]
    """Its quoted texts."""


_ASKING = frozenset(name for _, keywords in KEYWORDS for name in keywords)


@cache
def _read(source: bytes) -> _Read:
    """A file of code, walked once for everything that is looked for in it."""
    calls, literals = list[ast.Call](), set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                literals.add(node.value)
        elif (
            isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in _ASKING
        ):
            calls.append(node)
    return _Read(calls, frozenset(literals))


def files() -> list[Path]:
    """The Python files of the packages."""
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def _any_of(family: str | None) -> str | None:
    """The keys of a family, `family.*`."""
    return family and f"{family}.*"


def _texts(node: ast.expr) -> list[str | None]:
    """The texts an expression may be; None for anything else."""
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)]
    return [node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None]


@cache
def asked() -> dict[str, str]:
    """Keys the code asks for → one place; `*` stands for what is put in at run time."""
    found = {}
    for prefix, keywords in KEYWORDS:
        for package in ("streaming/site",) if prefix else PACKAGES:
            for file, line, texts, *_ in extract_from_dir(ROOT / package, METHODS, keywords=keywords):
                for text in (texts,) if isinstance(texts, str) else filter(None, texts):
                    key = prefix + PUT_IN.sub("*", text)
                    if KEY.fullmatch(key):
                        found[key] = f"{package}/{file}:{line}"
    return found


def _literals() -> set[str]:
    """Every quoted text of the Python code: keys stand in tables too."""
    return {text for path in files() for text in _read(path.read_bytes()).literals}


def without_words() -> dict[str, str]:
    """Keys the code asks for that the catalogue does not have → where."""
    keys = table(DEFAULT)
    return {
        key: place
        for key, place in asked().items()
        if key not in keys and not any("*" in key and fnmatchcase(known, key) for known in keys)
    }


def unused() -> list[str]:
    """Keys of the catalogue that nothing asks for."""
    called = asked()
    named, patterns = _literals() | called.keys(), [key for key in called if "*" in key]
    return [
        key
        for key in table(DEFAULT)
        if key not in named
        and not key.startswith(FAMILIES)
        and not any(fnmatchcase(key, pattern) for pattern in patterns)
    ]


if __name__ == "__main__":
    missing, idle = without_words(), unused()
    print(*(f"{place}: no words for {key}" for key, place in missing.items()), sep="\n")
    print(*(f"nobody asks for {key}" for key in idle), sep="\n")
    sys.exit(bool(missing or idle))
