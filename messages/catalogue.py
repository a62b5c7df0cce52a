"""Reads the words of a language: from its compiled .mo if that is up to date, else from its .po."""

from __future__ import annotations

import gettext
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

FOLDER = Path(__file__).parent
DEFAULT = "zh"
"""Simplified Chinese: the language of whoever asks for none that there is."""
LANGUAGES = tuple(
    sorted((file.stem for file in FOLDER.glob("*.po")), key=lambda lang: (lang != DEFAULT, lang))
)
"""A language is there as soon as its file is; the default comes first."""
DOCUMENTED = ("zh", "en")
"""The languages of docs/, whatever others there are words in."""

NOTHING = "∅"
"""What a .po writes for words a language does without, such as a unit: gettext takes empty ones for untranslated."""


class _Words(gettext.GNUTranslations):
    _catalog: dict[str, str]

    def table(self) -> dict[str, str]:
        """Key → words; the catalogue's own header, whose key is empty, is left out."""
        return {key: "" if text == NOTHING else text for key, text in self._catalog.items() if key}


@cache
def table(lang: str) -> Mapping[str, str]:
    """Key → words of a language. Raises FileNotFoundError if there is no such language."""
    source, compiled = FOLDER / f"{lang}.po", FOLDER / f"{lang}.mo"
    if compiled.is_file() and compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return _Words(io.BytesIO(compiled.read_bytes())).table()
    made = io.BytesIO()
    compile_po(lang, made)
    with suppress(
        OSError
    ):  # an installation nobody may write to compiles at every start, and works all the same
        _replace(compiled, made.getvalue())
    made.seek(0)
    return _Words(made).table()


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: several processes may do so at once."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(file)


def compile_po(lang: str, out: IO[bytes]) -> None:
    """Write the compiled catalogue of a language. Babel is needed for this alone, so it is imported here."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (FOLDER / f"{lang}.po").open("rb") as source:
        write_mo(out, read_po(source, locale=lang, abort_invalid=True))
