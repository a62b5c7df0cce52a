"""The table of screens against the disk, the contract and the roles."""

from __future__ import annotations

import re

from dashboard.screens import DIMENSIONS, PAGES, SCREENS, names_visible, screens_of
from records.tables.users import ROLES

SLUGS = "overview openness competition service savings hall room witness remote deposits warnings associations rings experts leads"


def test_fifteen_screens_and_twenty_nine_functions() -> None:
    assert [s.slug for s in SCREENS] == SLUGS.split()
    assert [s.id for s in SCREENS] == [f"S{n:02}" for n in range(1, 16)]
    assert [len(s.functions) for s in SCREENS] == [2, 2, 2, 2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1]
    assert [f.id for s in SCREENS for f in s.functions] == [f"F{n:02}" for n in range(1, 30)]
    assert [sum(s.dimension == d for s in SCREENS) for d in DIMENSIONS] == [5, 5, 5]


def test_the_table_and_the_files_agree() -> None:
    assert sorted(p.name for p in PAGES.glob("s[0-9]*.py")) == sorted(s.path.name for s in SCREENS)
    for screen in SCREENS:
        assert re.search(rf'"{screen.id}"', screen.path.read_text(encoding="utf-8")), screen.path.name


def test_every_screen_is_named_in_both_languages() -> None:
    for screen in SCREENS:
        assert screen.name("zh") != screen.name("en") and screen.meaning("zh") and screen.meaning("en")
        assert all(f.name("zh") != f.name("en") for f in screen.functions)


def test_roles_see_what_the_contract_says() -> None:
    seen = {role: [s.id for s in screens_of(role)] for role in ROLES}
    every = [s.id for s in SCREENS]
    assert seen["supervisor"] == seen["admin"] == every
    assert seen["leader"] == ["S01", "S02", "S03", "S04", "S05", "S06", "S11", "S15"]
    assert seen["operator"] == ["S06", "S07", "S08"]
    assert seen["public-officer"] == ["S10"]
    named = [s.id for s in SCREENS if s.dimension == "warning" and names_visible("leader", s)]
    assert named == []
