"""The figures of the demonstration's small market are, to the last digit, what the screens have always shown.

The golden file was taken from the code before there was one figure layer, at the moment of `tests.dashboard.seeded`.
What the demonstration's market has got since (remote evaluations, fees, later deposits, handled warnings, a ring of bidders, small-value centres, marks of experts) was taken
anew, as were the rooms (M17), which counted all that are registered where it asks for a camera that works; the rest is as it was. A quotient of floats may differ in its sixteenth digit: it is now divided as an exact decimal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from records.clock import frozen_at
from records.ledger import Ledger
from supervision.figures.answers import Answers
from supervision.lens.reader import Lens
from tests.dashboard import seeded
from tests.supervision.asked import asked, once, told

GOLDEN = json.loads((Path(__file__).parent / "golden" / "small.json").read_text())
ASKED = asked(seeded.TODAY)
TOLERANCE = 1e-13


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    folder = seeded.copied(tmp_path_factory)
    with frozen_at(seeded.NOW):
        ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        yield Answers(Lens(folder), ledger)
        ledger.close()


@pytest.mark.parametrize("name", ASKED)
def test_figures_are_what_they_were(answers: Answers, name: str) -> None:
    expected = dict(GOLDEN[name])
    found = json.loads(json.dumps(told(answers, ASKED[name], expected.pop("points"))))
    assert set(expected) <= set(found)
    assert [line for key in expected for line in differences(key, expected[key], found[key])] == []


def test_figures_without_a_choice_are_what_they_were(answers: Answers) -> None:
    found = json.loads(json.dumps(once(answers, seeded.TODAY)))
    assert [line for key, value in found.items() for line in differences(key, GOLDEN[key], value)] == []


def differences(path: str, was: Any, is_: Any) -> list[str]:
    """Where two answers differ."""
    if isinstance(was, dict) and isinstance(is_, dict) and (path.count("/") or set(was) <= set(is_)):
        missing = [
            f"{path}/{key}: {was.get(key)} → {is_.get(key)}"
            for key in set(was) ^ set(is_)
            if not wider(path, key)
        ]
        return missing + [
            line for key in set(was) & set(is_) for line in differences(f"{path}/{key}", was[key], is_[key])
        ]
    if isinstance(was, list) and isinstance(is_, list) and len(is_) >= len(was):
        pairs = enumerate(zip(was, is_[: len(was)] if listed(path) else is_, strict=True))
        return [line for place, (a, b) in pairs for line in differences(f"{path}/{place}", a, b)]
    return [] if was == is_ or close(was, is_) else [f"{path}: {was} → {is_}"]


def wider(path: str, key: str) -> bool:
    """Months of more figures are told than the screens drew."""
    return path.startswith("series") and key.startswith("M")


def listed(path: str) -> bool:
    """Lists of which the golden file holds the beginning."""
    return path.startswith("lots:") or path.endswith("/first")


def close(was: Any, is_: Any) -> bool:
    """Whether two quotients are the same but for how floats are rounded."""
    try:
        a, b = float(was), float(is_)
    except (TypeError, ValueError):
        return False
    return "." in str(was) and abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1.0)
