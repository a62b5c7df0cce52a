"""A market of city size to measure on: one that is there already, or a part of the demonstration's built for the run."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from messages import local
from records.clock import now
from records.ledger import Ledger
from records.tables.bids import Bid
from sunbid.demo import load
from sunbid.demo.city import build

SEED = 1


@dataclass(frozen=True)
class Market:
    """Where it is, and how many bids it holds."""

    url: str
    data: Path
    bids: int


def options(parser: argparse.ArgumentParser) -> None:
    """The two ways to say which market: `--data FOLDER`, or how much of the city to build."""
    parser.add_argument(
        "--data",
        type=Path,
        help=local("bench.data_folder_there"),
    )
    parser.add_argument(
        "--fraction",
        type=float,
        default=0.05,
        help=local("bench.part_city_build"),
    )


@contextmanager
def market(data: Path | None, fraction: float) -> Iterator[Market]:
    """The market of a data folder, left as it is; without one a new city of that fraction, gone afterwards.

    Raises FileNotFoundError where the folder holds no ledger.
    """
    if data is not None:
        if not (data / "ledger.db").exists():
            raise FileNotFoundError(local("bench.no_ledger", folder=str(data)))
        yield _held(data)
        return
    with tempfile.TemporaryDirectory(prefix="sunbid-bench-") as name:
        folder = Path(name)
        ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
        ledger.upgrade()
        load.ensure_source(ledger)
        build.ensure(ledger, folder, SEED, now(), fraction)
        ledger.close()
        yield _held(folder)


def _held(data: Path) -> Market:
    url = f"sqlite:///{data / 'ledger.db'}"
    ledger = Ledger(url)
    with ledger.read() as session:
        bids = session.scalar(select(func.count()).select_from(Bid)) or 0
    ledger.close()
    return Market(url, data, bids)
