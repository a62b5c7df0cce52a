"""Building the city: the bulk load, the answer file and the lens over it all, each step with its progress."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from messages import Fault, Message, local
from records.ledger import Ledger
from records.serving import signing
from sunbid.demo import home, load
from sunbid.demo.bulk.load import BulkRefused, Load, bulk_load, free_space_needed, space_left
from sunbid.demo.city import other_records, pieces
from sunbid.demo.city.bidding import turn_of
from sunbid.demo.city.history import held_city, leave
from sunbid.demo.city.lot import CityLot
from sunbid.demo.city.pieces import City
from sunbid.demo.city.plan import CityPlan
from sunbid.demo.envelopes import SOURCE
from supervision.home import Place
from supervision.lens.writer import LensWriter

if TYPE_CHECKING:
    from rich.progress import TaskID

ANSWERS = Path("demo") / "answers.json"
"""Of the data folder: what is planted. Only tests read it."""
_CORES = 4
"""Workers at most: one writer keeps up with no more."""
Tell = Callable[[str, int, int], None]
"""Told of a step, how much of it is done, and of how much."""


class CityRefused(Fault):
    """The city cannot be built here; the text says why and what to do."""


def ensure(
    ledger: Ledger,
    data: Path,
    seed: int,
    now: datetime,
    fraction: float = 1.0,
    place: Place = home.PLACE,
) -> tuple[int, datetime]:
    """Build the city unless the ledger holds it; (records added, when it was built).

    The source must be there already. Raises CityRefused where the ledger holds another market.
    """
    with ledger.read() as session:
        held = held_city(session)
    if held is not None:
        if held["seed"] != seed:
            raise CityRefused(Message("demo.another_seed", seed=held["seed"]))
        return 0, datetime.fromisoformat(held["built_at"])
    _check_room(ledger, data)
    city = City(seed, now, fraction)
    write_answers(city, data)
    with steps() as tell:
        added = _bulk(ledger, data, city, tell) if ledger.is_sqlite else _steps(ledger, data, city, tell)
        LensWriter(ledger, data, place, _workers()).start(partial(tell, local("demo.building_lens")))
    return added, now


def _workers() -> int:
    return max(1, min(_CORES, os.cpu_count() or 1))


def _check_room(ledger: Ledger, data: Path) -> None:
    if load.holds_records(ledger):
        raise CityRefused(Message("demo.ledger_holds_small"))
    needed = free_space_needed(pieces_total())
    if space_left(data) < needed:
        raise CityRefused(
            Message(
                "demo.no_space",
                needed=f"{needed / 1e9:.1f}",
                folder=str(data),
                left=f"{space_left(data) / 1e9:.1f}",
            )
        )


def pieces_total() -> int:
    """Records of the whole city."""
    from sunbid.demo.city.targets import Targets

    return Targets().records


def write_answers(city: City, data: Path) -> Path:
    """Write what is planted beside the data; the file's path."""
    path = data / ANSWERS
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(_answers(city.plan), ensure_ascii=False, indent=1))
    temporary.replace(path)
    return path


def _answers(plan: CityPlan) -> dict[str, Any]:
    """Rings with their members and joint lots, captive tenderers with their favourites, biased experts."""
    firms, period = plan.firms, plan.clock.reference
    return {
        "seed": plan.seed,
        "built_at": plan.clock.now.isoformat(),
        "fraction": plan.fraction,
        "reference_year": [period.start.isoformat(), period.end.isoformat()],
        "rings": [
            {
                "category": ring.category,
                "division": ring.division,
                "members": sorted(firms.bidders[n].id for n in ring.members),
                "lots": {
                    lot.key: None if turn_of(ring, lot) is None else firms.bidders[turn_of(ring, lot) or 0].id
                    for lot in _planted(plan, "ring", number)
                },
            }
            for number, ring in enumerate(firms.rings)
        ],
        "captive_tenderers": [
            {
                "tenderer": firms.tenderers[tenderer].id,
                "bidder": firms.bidders[firms.favourites[number]].id,
                "lots": [lot.key for lot in _planted(plan, "captive", number)],
            }
            for number, tenderer in enumerate(firms.captives)
        ],
        "biased_experts": [
            {
                "expert": firms.experts[number],
                "bidder": firms.bidders[firm].id,
                "evaluations": [f"PB-{lot.key}" for lot in _planted(plan, "bias", number)],
            }
            for number, firm in enumerate(firms.favoured)
        ],
    }


def _planted(plan: CityPlan, what: str, number: int) -> list[CityLot]:
    return [lot for lot in plan.lots if lot.planted == what and lot.plant == number]


def _bulk(ledger: Ledger, data: Path, city: City, tell: Tell) -> int:
    """Into SQLite, in bulk. The ledger's connections are closed first: its file is replaced."""
    if ledger.url.database is None:
        raise CityRefused(Message("demo.ledger_in_memory"))
    ledger.close()
    planned = city.pieces()

    def finish(session: Session, ends: Sequence[int]) -> None:
        leave(session, city, planned, ends)

    plan = city.plan
    job = Load(
        SOURCE, other_records.reference(plan), planned, pieces.make, pieces.begin,
        (plan.seed, plan.clock.now, plan.fraction), finish,
    )  # fmt: skip
    return bulk_load(
        Path(ledger.url.database), job, key=signing.load_key(data), workers=_workers(),
        progress=lambda done: tell(local("demo.loading_city"), done, plan.targets.records),
        indexing=partial(tell, local("demo.indexing_city")),
    )  # fmt: skip


def _steps(ledger: Ledger, data: Path, city: City, tell: Tell) -> int:
    """Into PostgreSQL, by the ordinary way: slower, in the end the same."""
    added, ends = 0, []
    planned = city.pieces()
    parts = [other_records.reference(city.plan), *(city.records(piece) for piece in planned)]
    for part in parts:
        added += load.load(ledger, data, part)
        ends.append(load.last_journal(ledger))
        tell(local("demo.loading_city"), added, city.plan.targets.records)
    with ledger.write() as session:
        leave(session, city, planned, ends[1:])
    return added


@contextmanager
def steps() -> Iterator[Tell]:
    """A progress bar for each step that is told of, with the time left; into a log, a line for each tenth."""
    if not sys.stderr.isatty():
        yield _tenths()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as shown:
        tasks: dict[str, TaskID] = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = shown.add_task(step)
            shown.update(tasks[step], completed=done, total=total)

        yield tell


def _tenths() -> Tell:
    told: dict[str, int] = {}

    def tell(step: str, done: int, total: int) -> None:
        tenths = done * 10 // total if total else 10
        if tenths > told.get(step, 0):
            told[step] = tenths
            print(f"{step}: {done:,} / {total:,}", file=sys.stderr, flush=True)

    return tell


__all__ = ["BulkRefused", "CityRefused", "ensure", "write_answers"]
