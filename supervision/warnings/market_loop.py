"""Market rules in the watch: run over the lens when it changed, their findings raised as warnings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import structlog

from records.ledger import Ledger
from supervision.lens.months import chunks
from supervision.lens.reader import Lens
from supervision.rules.finding import Finding
from supervision.rules.market_run import findings_of_market, lots_opened_since, on_lens
from supervision.rules.registry import MARKET_RULES
from supervision.rules.rule import Mode
from supervision.rules.switchboard import AS_WRITTEN, in_force
from supervision.warnings.raising import WINDOW, raise_or_count
from supervision.warnings.silences import due, release

log = structlog.get_logger()

_AT_ONCE = 20
"""Warnings written in one transaction: a live lot waits for one of them at most."""
_PAUSE = 0.01
_SHADOW_EVERY = 12
"""Rules in shadow mode look once in so many rounds of those that are on: nobody waits for what they find."""


class MarketLoop:
    """When the lens' data changed, and not more often than every `seconds`, all market rules look at it; as soon as a rule
    was changed at the switchboard they look at once."""

    def __init__(self, ledger: Ledger, lens: Lens, seconds: float) -> None:
        self.ledger, self.lens, self.seconds = ledger, lens, seconds
        self.board = AS_WRITTEN
        self._seen, self._ran, self._round = "", -float("inf"), 0

    def tick(self, at: datetime) -> int:
        """Run if it is time; returns how many warnings were raised or grew."""
        self._release()
        version, switched = self.lens.version(), self._switched()
        waits = version == self._seen or time.monotonic() - self._ran < self.seconds
        if waits and not switched:
            return 0
        modes: tuple[Mode, ...] = (
            ("on",) if self._round % _SHADOW_EVERY and not switched else ("on", "shadow")
        )
        found = self.findings(at, modes)
        self._seen, self._ran, self._round = version, time.monotonic(), self._round + 1
        raised = sum([self._raise(part) for part in chunks(found, _AT_ONCE)])
        log.info("market rules ran", findings=len(found), raised=raised)
        return raised

    def findings(self, at: datetime, modes: Sequence[Mode] = ("on",)) -> list[Finding]:
        """What the rules that run in these modes find: about lots opened in the window of warnings, and about whoever recurs."""
        rules = [rule for mode in modes for rule in self.board.running(MARKET_RULES, mode)]
        settings = {rule.id: self.board.of(rule.id).parameters for rule in rules}
        recent = lots_opened_since(self.lens, at - WINDOW)
        with on_lens(self.lens) as ask:
            every = list(findings_of_market(ask, rules, settings))
        return self.board.admitted([one for one in every if one.lot_id is None or one.lot_id in recent])

    def _switched(self) -> bool:
        """Whether a rule was changed since the last look."""
        with self.ledger.read() as session:
            held, self.board = self.board, in_force(session, self.board)
        return held is not self.board

    def _release(self) -> None:
        """Raise what silences that are over held back."""
        with self.ledger.read() as session:
            over = due(session)
        if over:
            with self.ledger.write() as session:
                log.info("silences over", warnings=release(session))

    def _raise(self, findings: Sequence[Finding]) -> int:
        with self.ledger.write() as session:
            raised = raise_or_count(session, findings, self.board)
        time.sleep(_PAUSE)
        return len(raised)
