"""Reads the words of a language: from its compiled .mo if that is up to date, else from its .po."""

from __future__ import annotations

import gettext
import io
from collections.abc import Mapping
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
        with compiled.open("rb") as file:
            return _Words(file).table()
    made = io.BytesIO()
    compile_po(lang, made)
    made.seek(0)
    return _Words(made).table()


def compile_po(lang: str, out: IO[bytes]) -> None:
    """Write the compiled catalogue of a language. Babel is needed for this alone, so it is imported here."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    with (FOLDER / f"{lang}.po").open("rb") as source:
        write_mo(out, read_po(source, locale=lang, abort_invalid=True))
