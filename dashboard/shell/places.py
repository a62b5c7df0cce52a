"""What a centre known by its id is called in the reader's language, for charts, tables and filters."""

from __future__ import annotations

from dashboard.shell import filters
from messages import called


def centre(centre_id: str | None, name: str | None, lang: str) -> str | None:
    """A centre that is known by its id and its Chinese name; None where there is none."""
    if not centre_id:
        return name
    return next((called(zh, en, lang) for key, zh, en in filters.centres() if key == centre_id), name)
