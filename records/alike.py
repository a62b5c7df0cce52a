"""Names that a reader takes for one another: they differ in nothing but width, case or blanks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from messages import Message
from records.acts import Conflict


def folded(name: str) -> str:
    """A name as it is compared."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def alike(names: Iterable[str], name: str) -> list[str]:
    """Those of the names that are taken for this one."""
    wanted = folded(name)
    return [one for one in names if folded(one) == wanted]


def refuse_twin(names: Iterable[str], name: str) -> None:
    """Raise Conflict where another name is taken for this one."""
    for one in alike(names, name):
        if one != name:
            raise Conflict(Message("records.alike", held=one, name=name))
