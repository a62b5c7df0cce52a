"""Sorts every messages/<lang>.po by key and drops what stands in it twice: python -m messages.tidy.

An entry is a line `msgid` and a line `msgstr` and nothing between entries, so that additions of several people merge.
"""

from __future__ import annotations

import re
import sys

from messages.catalogue import FOLDER, LANGUAGES

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
_ENTRY = re.compile(r'^msgid "(.*)"\s+msgstr "(.*)"$', re.MULTILINE)


def tidied(text: str) -> str:
    """A .po as it should stand. Raises ValueError for a key with two different words, or for lines it cannot read."""
    found: dict[str, str] = {}
    for key, words in _ENTRY.findall(text):
        if found.setdefault(key, words) != words:
            raise ValueError(f"two different words for {key}")
    left = _ENTRY.sub("", text).strip()
    if left:
        raise ValueError(f"not one line msgid and one line msgstr: {left[:200]}")
    return HEADER + "".join(f'msgid "{key}"\nmsgstr "{found[key]}"\n' for key in sorted(found) if key)


if __name__ == "__main__":
    for lang in LANGUAGES:
        file = FOLDER / f"{lang}.po"
        try:
            file.write_text(tidied(file.read_text("utf-8")), "utf-8")
        except ValueError as error:
            sys.exit(f"{file.name}: {error}")
