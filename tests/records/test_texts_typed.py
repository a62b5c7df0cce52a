"""What people type is held to the characters a reader sees, as records are."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from dashboard.access.accounts import add_user
from records import rooms, sources
from records.ledger import Ledger

UNSEEN = ["甲\u200b乙", "甲\x01", "\u3164甲", "甲\u202e乙"]


@pytest.mark.parametrize("text", UNSEEN)
def test_a_name_with_what_nobody_sees_is_refused(text: str, ledger: Ledger) -> None:
    with ledger.write() as session:
        for refused in (text, None):
            name = refused or "一室"
            with pytest.raises(ValueError, match=r"U\+") if refused else nullcontext():
                rooms.add(session, "r-1", name, "330100")
            with pytest.raises(ValueError, match=r"U\+") if refused else nullcontext():
                add_user(session, "who", "leader", "a-long-enough-password", name)
            with pytest.raises(ValueError, match=r"U\+") if refused else nullcontext():
                sources.add_source(session, name)
