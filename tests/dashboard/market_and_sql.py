"""The demonstration market for a file of tests, and its tables asked straight: fixtures to import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from records.clock import running_from
from tests.dashboard import seeded
from tests.dashboard.seeded import Sql

__all__ = ["market", "sql"]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The market's folder; the clock runs from its moment on."""
    folder = seeded.copied(tmp_path_factory)
    with running_from(seeded.NOW):
        yield folder


@pytest.fixture(scope="module")
def sql(market: Path) -> Iterator[Sql]:
    """The market's tables."""
    asked = Sql(market)
    yield asked
    asked.close()
