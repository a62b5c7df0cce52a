"""The watch: follows the ledger, raises warnings within a second, keeps the lens and the public figures, tells what was
sealed.

Five threads. The hot loop asks the journal for news every 0.2 s, looks at the lots touched and raises
warnings; how far it has read is committed with them, so a kill repeats nothing and loses nothing. The
lens, the market rules, the baselines and the public figures have a thread of their own and never delay a warning; the
studies of rings and tendencies have the third, what the hub has sealed and may not tell itself the fourth, and bid files
that records refer to are compared by the fifth.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from datetime import datetime

import duckdb
import pyarrow as pa
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from records.clock import BEIJING, now
from records.ledger import Ledger
from records.serving.workers import SIGN_EVERY, SignOfLife, Worker, Workers
from records.states import append_event
from records.tables.evidence import Seal
from records.tables.openings import Opening
from supervision.config import SIGN, WatchConfig
from supervision.figures.market import is_news, overview, publish_overview
from supervision.leads import deadlines
from supervision.lens.reader import Lens
from supervision.lens.writer import LensWriter
from supervision.notices.delivery import Delivery
from supervision.rules.baseline import UNKNOWN, Baselines, measure_baselines
from supervision.studies import associations, experts, rings
from supervision.studies.evidence import verdicts_on_lots
from supervision.studies.store import keep
from supervision.warnings.file_loop import FileLoop
from supervision.warnings.lot_loop import HotLoop
from supervision.warnings.market_loop import MarketLoop

log = structlog.get_logger()

_LONGEST_WAIT = 10.0
_SEALED_BY = "hub"
"""Who is named as the author of a `sealed` event."""
_SEALS = 2.0
"""Seconds between two looks for seals."""
_NOTICES = 1.0
"""Seconds between two looks for warnings to tell."""

_SWITCH = 0.0005
"""Seconds after which a thread must hand the interpreter over: with the usual 0.005 the hot loop, which
gives it away at every query, would wait for the lens' thread dozens of times per warning."""


class Watch:
    """The loops over one ledger. `baselines` is replaced whole by the slow loop, read by the hot one."""

    def __init__(self, config: WatchConfig, stop: threading.Event) -> None:
        self.config = config
        self.stop = stop
        self.ledger = Ledger(config.database_url)
        self.baselines: Baselines = UNKNOWN

    def hot(self, worker: Worker) -> None:
        """Raise warnings until told to stop; after a database failure start again from the kept marks."""
        wait = self.config.poll_seconds
        while not self.stop.is_set():
            loop = HotLoop(self.ledger, lambda: self.baselines)
            try:
                loop.resume()
                while not self.stop.is_set():
                    worker.beat()
                    started = time.monotonic()
                    busy = loop.tick()
                    wait = self.config.poll_seconds
                    if not busy:
                        self.stop.wait(max(0.0, wait - (time.monotonic() - started)))
                loop.finish()
            except SQLAlchemyError as error:
                log.error("watch cannot reach the ledger", error=type(error).__name__, retry_seconds=wait)
                self.stop.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    def slow(self, worker: Worker) -> None:
        """Keep the lens, the market rules' warnings, the baselines and the public figures until told to stop."""
        writer: LensWriter | None = None
        market: MarketLoop | None = None
        swept = 0.0
        while not self.stop.is_set():
            worker.beat()
            try:
                if writer is None:
                    writer = LensWriter(self.ledger, self.config.data_dir, self.config.home)
                    writer.start()
                    market = MarketLoop(self.ledger, writer.lens, self.config.market_seconds)
                    swept = 0.0
                elif time.monotonic() - swept > self.config.sweep_seconds:
                    writer.sweep()
                else:
                    writer.refresh()
                self._publish(writer, now())
                if market is not None:
                    market.tick(now())
                self._remind()
                if not swept or time.monotonic() - swept > self.config.sweep_seconds:
                    self.baselines = measure_baselines(self.ledger)
                    swept = time.monotonic()
            except (SQLAlchemyError, OSError, duckdb.Error, pa.ArrowException) as error:
                writer = None
                log.error("lens refresh failed", error=str(error)[:300])
            self.stop.wait(self.config.lens_seconds)

    def studies(self, worker: Worker) -> None:
        """Study the market for rings, associations and tendencies until told to stop; again as soon as there is a lens to study."""
        lens = Lens(self.config.data_dir)
        try:
            while not self.stop.is_set():
                worker.beat()
                there = lens.as_of() is not None
                if there:
                    self._study(lens)
                self.stop.wait(self.config.study_seconds if there else self.config.lens_seconds)
        finally:
            lens.close()

    def _study(self, lens: Lens) -> None:
        at = now()
        try:
            keep(self.config.data_dir, rings.NAME, rings.study(lens, at, self._verdicts()))
            keep(self.config.data_dir, associations.NAME, associations.study(lens, at))
            with self.ledger.read() as session:
                found = experts.study(session, at)
            keep(self.config.data_dir, experts.NAME, found)
        except (SQLAlchemyError, OSError, duckdb.Error, pa.ArrowException) as error:
            log.error("study failed", error=str(error)[:300])
        else:
            log.info("market studied", seconds=round((now() - at).total_seconds(), 1))

    def _verdicts(self) -> dict[str, bool]:
        """Supervisors' verdicts to learn from; none unless that is asked for."""
        if not self.config.learn_from_verdicts:
            return {}
        with self.ledger.read() as session:
            return verdicts_on_lots(session)

    def seals(self, worker: Worker) -> None:
        """Tell in the openings' chains what the hub has sealed, until told to stop."""
        while not self.stop.is_set():
            worker.beat()
            try:
                for opening in append_seals(self.ledger):
                    log.info("opening sealed", opening=opening)
            except SQLAlchemyError as error:
                log.error("seal not told", error=type(error).__name__)
            self.stop.wait(_SEALS)

    def notices(self, worker: Worker) -> None:
        """Tell of new warnings by every channel that is set, until told to stop; one that fails holds up no other."""
        deliveries = [
            Delivery(self.ledger, channel, self.config.notice_levels, self.config.desk_url)
            for channel in self.config.channels
        ]
        while not self.stop.is_set():
            worker.beat()
            for delivery in deliveries:
                try:
                    delivery.tick()
                except SQLAlchemyError as error:
                    log.error("notices cannot reach the ledger", error=type(error).__name__)
            self.stop.wait(_NOTICES)

    def files(self, worker: Worker) -> None:
        """Compare the files of bids whose prices are read, until told to stop; nothing without a folder of bid files."""
        while not self.stop.is_set():
            worker.beat()
            if self.config.bid_files is not None:
                try:
                    FileLoop(self.ledger, self.config.bid_files, self.stop).tick(now(), self.baselines)
                except (SQLAlchemyError, OSError) as error:
                    log.error("bid files not compared", error=str(error)[:300])
            self.stop.wait(self.config.lens_seconds)

    def _remind(self) -> None:
        """Tell of the batches of leads whose terms are near or past, each once; the desk shows them too."""
        with self.ledger.read() as session:
            if not deadlines.due(session):
                return
        with self.ledger.write() as session:
            for batch, deadline in deadlines.remind(session):
                log.warning(
                    "lead batch due",
                    batch=batch,
                    waits_for=deadline.what,
                    state=deadline.state,
                    due=deadline.due.isoformat(),
                )

    def _publish(self, writer: LensWriter, at: datetime) -> None:
        figures = overview(
            writer.lens, at.astimezone(BEIJING).date(), self.config.home, self.config.reference
        )
        with self.ledger.read() as session:
            if not is_news(session, figures):
                return
        with self.ledger.write() as session:
            publish_overview(session, figures, writer.lens.as_of() or at)
        log.info("market figures published", month=figures["month"], openings=figures["openings"])


def run(config: WatchConfig, stop: threading.Event | None = None) -> None:
    """Watch until `stop` is set. Raises SQLAlchemyError if the ledger cannot be opened at the start."""
    sys.setswitchinterval(_SWITCH)
    watch = Watch(config, stop or threading.Event())
    workers, sign = Workers(), SignOfLife(config.data_dir / SIGN)
    log.info("watch started", data_dir=str(config.data_dir))
    threads = [
        workers.thread("watch-hot", watch.hot, config.hot_patience),
        workers.thread("watch-lens", watch.slow, config.lens_patience),
        workers.thread("watch-studies", watch.studies, 2 * config.study_seconds),
        workers.thread("watch-seals", watch.seals, config.lens_patience),
        workers.thread("watch-notices", watch.notices, config.lens_patience),
        workers.thread("watch-files", watch.files, config.lens_patience),
    ]
    try:
        sign.give(workers.state())
        while not watch.stop.wait(SIGN_EVERY):
            sign.give(workers.state())
    finally:
        watch.stop.set()
        for thread in threads:
            thread.join(timeout=30)
        watch.ledger.close()
        log.info("watch stopped")


def serve(config: WatchConfig) -> None:
    """`run` as a process of its own: SIGTERM and SIGINT end it cleanly."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(config, stop)


# ── what the hub has sealed: it may write no opening, so the `sealed` event is told here ──


def _not_appended(session: Session) -> list[Seal]:
    query = select(Seal).join(Opening, Opening.id == Seal.opening_id).where(Opening.state == "ended")
    return list(session.scalars(query.order_by(Seal.sealed_at)))


def append_seals(ledger: Ledger) -> list[str]:
    """Append `sealed` to the openings whose seal stands in the ledger; gives their ids. Each is told once: the state
    machine refuses a second. Raises SQLAlchemyError."""
    with ledger.read() as session:
        if not _not_appended(session):
            return []
    with ledger.write() as session:
        seals = _not_appended(session)
        for seal in seals:
            payload = {"head": seal.head, "segments": seal.segments}
            append_event(session, seal.opening_id, "sealed", payload, actor=_SEALED_BY)
        return [seal.opening_id for seal in seals]
