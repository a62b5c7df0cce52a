"""What the files of a warning's bidders have in common, so that it can be checked: passages with files and pages, slips, and the
way to the pair on S13."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from dashboard.signs import address_sign
from messages import joined, say
from supervision.leads.checklist import of_files
from supervision.lists.file_checks import behind
from supervision.warnings.desk import WarningRow

MOST_PAIRS, MOST_PASSAGES, MOST_SLIPS = 6, 3, 8
"""What is shown of a warning; S13 shows all."""
_LONGEST = 120
"""Characters shown of a passage."""
Labels = Mapping[str, str]


def alike(session: Session, row: WarningRow, called: Labels, lang: str) -> list[dict[str, Any]]:
    """The pairs of a warning about files, in words; empty for any other. `called`: its subjects, masked or by name."""
    check = behind(session, row.lot_id, row.subjects) if of_files(row.evidence) else None
    hidden = {one["name"]: called[one["id"]] for one in row.subjects if "name" in one and one["id"] in called}
    return [_pair(pair, row, called, hidden, lang) for pair in check.pairs[:MOST_PAIRS]] if check else []


def _pair(
    pair: Mapping[str, Any], row: WarningRow, called: Labels, hidden: Labels, lang: str
) -> dict[str, Any]:
    one, other = called[pair["one"]], called[pair["other"]]
    address = {"files": row.lot_id or "", "alike": address_sign(pair["one"], pair["other"])}
    return {
        "title": say("likeness.passages", lang, one=one, other=other),
        "reasons": joined([say(f"likeness.reason.{reason}", lang) for reason in pair["reasons"]], lang),
        "passages": [
            {"words": _cut(_as_called(part["words"], hidden)), "one": _place(one, part["one"], hidden, lang),
             "other": _place(other, part["other"], hidden, lang)}
            for part in pair["passages"][:MOST_PASSAGES]
        ],
        "slips": [[slip[:7], slip[7:8], slip[8:]] for slip in pair["errors"][:MOST_SLIPS]],
        "url": f"/rings?{urlencode(address)}", "link": say("warning.files_alike", lang, n=len(pair["passages"])),
    }  # fmt: skip


def _place(who: str, place: list[Any], hidden: Labels, lang: str) -> str:
    """Whose file, and its page where it has pages."""
    file, page = _as_called(str(place[0]), hidden), place[1]
    return say(
        "evidence.in_file",
        lang,
        who=who,
        where=say("likeness.page", lang, file=file, page=page) if page else file,
    )


def _as_called(words: str, hidden: Labels) -> str:
    """The words with every party of the warning called as its reader may call it: a passage may name the other."""
    for name, mask in hidden.items():
        words = words.replace(name, mask)
    return words


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
