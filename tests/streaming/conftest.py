"""Fixtures of the hub's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.clock import frozen_at
from records.ledger import Ledger
from tests.streaming import hub_market
from tests.streaming.hub_market import Rig
from tests.streaming.two_doors import HOUR, Place, T


@pytest.fixture
def rig(ledger: Ledger, tmp_path: Path) -> Iterator[Rig]:
    """A running hub over a ledger with rooms and no openings."""
    with hub_market.running(ledger, tmp_path / "data") as made:
        yield made


@pytest.fixture
def place() -> Iterator[Place]:
    """Sets the clock; it stands an hour before the deadline of the market with two doors."""
    with frozen_at(T - HOUR) as put:
        yield put
