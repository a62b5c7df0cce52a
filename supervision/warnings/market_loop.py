"""Market rules in the watch: run over the lens when it changed, their findings raised as warnings."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from records.ledger import Ledger
from supervision.lens.months import chunks
from supervision.lens.reader import Lens
from supervision.rules.finding import Finding
from supervision.rules.market_run import findings_of_market, lots_opened_since, on_lens
from supervision.rules.registry import MARKET_RULES
from supervision.warnings.raising import WINDOW, raise_warning

log = structlog.get_logger()

_AT_ONCE = 20
"""Warnings written in one transaction: a live lot waits for one of them at most."""
_PAUSE = 0.01


class MarketLoop:
    """When the lens' data changed, and not more often than every `seconds`, all market rules look at it."""

    def __init__(self, ledger: Ledger, lens: Lens, seconds: float) -> None:
        self.ledger, self.lens, self.seconds = ledger, lens, seconds
        self._seen, self._ran = "", -float("inf")

    def tick(self, at: datetime) -> int:
        """Run if it is time; returns how many warnings were raised or grew."""
        version = self.lens.version()
        if version == self._seen or time.monotonic() - self._ran < self.seconds:
            return 0
        found = self.findings(at)
        self._seen, self._ran = version, time.monotonic()
        raised = sum([self._raise(part) for part in chunks(found, _AT_ONCE)])
        log.info("market rules ran", findings=len(found), raised=raised)
        return raised

    def findings(
        self, at: datetime, settings: Mapping[str, Mapping[str, float]] | None = None
    ) -> list[Finding]:
        """What the rules that are on find: about lots opened in the window of warnings, and about whoever recurs."""
        rules = [rule for rule in MARKET_RULES.values() if rule.mode == "on"]
        recent = lots_opened_since(self.lens, at - WINDOW)
        with on_lens(self.lens) as ask:
            every = list(findings_of_market(ask, rules, settings))
        return [found for found in every if found.lot_id is None or found.lot_id in recent]

    def _raise(self, findings: Sequence[Finding]) -> int:
        with self.ledger.write() as session:
            raised = [raise_warning(session, finding) for finding in findings]
        time.sleep(_PAUSE)
        return sum(warning is not None for warning in raised)
