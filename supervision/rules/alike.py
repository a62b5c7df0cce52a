"""Rules on likeness of the bidders' files of a lot: whose text, slips or names are in another's files (B9), and, beside
what the platform tells, whose files come from one machine (B4) or author (B8) or stand at one ratio (B10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from messages import Message
from supervision.likeness.comparing import NOTABLE_RATIO
from supervision.likeness.formats import MACHINE
from supervision.rules.facts import LotFacts
from supervision.rules.finding import Finding, Level
from supervision.rules.rule import LotRule, Parameter
from supervision.rules.surroundings import PairAlike

_SHOWN = 20
"""Pairs in the evidence."""


MEASURE = "measure"
"""In the evidence of a finding whose value is of another thing than its rule measures in every lot: nothing is usual beside
it, and its unit, formula and what it cannot know are messages of their own: `rule.<id>.<measure>.unit` and so on."""


def groups(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Join sets that share a member until none do; ordered by their smallest member."""
    joined: list[frozenset[str]] = []
    for members in sets:
        apart = [group for group in joined if not group & members]
        together = frozenset(members).union(*(group for group in joined if group & members))
        joined = [*apart, together]
    return sorted(joined, key=min)


def alike(facts: LotFacts, reasons: Iterable[str]) -> list[PairAlike]:
    """The pairs whose files are alike for one of these reasons: they are compared once the prices are read."""
    wanted = set(reasons)
    return [pair for pair in facts.around.alike if wanted & set(pair.reasons)]


def about_files(
    rule: LotRule, facts: LotFacts, reasons: tuple[str, ...], level: Level | None = None
) -> list[Finding]:
    """One finding a group of bidders whose files are alike for one of these reasons."""
    pairs = alike(facts, reasons)
    return [
        _about(rule, facts, group, pairs, reasons, level)
        for group in groups(frozenset((p.one, p.other)) for p in pairs)
    ]


def about_bills(rule: LotRule, facts: LotFacts) -> list[Finding]:
    """One finding a group whose bills of quantities stand at one ratio; its value is the smallest share of items of a
    pair that do, against the share from which it is notable."""
    pairs = alike(facts, ("ratio",))
    found = []
    for group in groups(frozenset((pair.one, pair.other)) for pair in pairs):
        share = min(pair.at_ratio for pair in pairs if pair.one in group)
        measured = (round(share, 4), NOTABLE_RATIO)
        found.append(_about(rule, facts, group, pairs, ("ratio",), None, measured))
    return found


def _about(
    rule: LotRule, facts: LotFacts, group: frozenset[str], pairs: list[PairAlike], reasons: tuple[str, ...], level: Level | None,
    measured: tuple[float, float] | None = None,
) -> Finding:  # fmt: skip
    """`measured`: value and threshold in the rule's unit; the number of bidders against two where there is none."""
    own = [pair for pair in pairs if pair.one in group]
    met = [reason for reason in reasons if any(reason in pair.reasons for pair in own)]
    order = facts.order_of
    evidence: dict[str, object] = {
        "strength": "strong" if {"mixed", "lock", "errors"} & set(met) else "medium",
        "lines": [_line(pair, order, reasons).texts() | {"strength": "medium"} for pair in own[:_SHOWN]],
        "bids": [{"bidder": bidder, "order": order.get(bidder)} for bidder in sorted(group)],
        "files": "compared",
    }  # fmt: skip
    title = Message(
        "rule.files.found", count=len(group), reasons=[Message(f"likeness.reason.{reason}") for reason in met]
    )
    value, threshold = measured or (float(len(group)), 2.0)
    if measured:
        evidence[MEASURE] = "at_ratio"
    return rule.finding(
        facts,
        sorted(group),
        title=title,
        value=value,
        threshold=threshold,
        evidence=evidence,
        level=level,
    )


def _line(pair: PairAlike, order: Mapping[str, int], reasons: tuple[str, ...]) -> Message:
    """What two bidders share, in words; who they are is said by the order of their bids."""
    measures = {
        "text": Message("rule.files.text", share=f"{100 * pair.text:.0f}"), "errors": Message("rule.files.errors", count=pair.errors),
        "contacts": Message("rule.files.contacts", count=pair.contacts),
        "ratio": Message("rule.files.ratio", ratio=f"{pair.ratio or 0:.3f}", share=f"{100 * pair.at_ratio:.0f}"),
        "lock": Message("rule.files.lock", kinds=_kinds(pair, machine=True)), "origin": Message("rule.files.origin", kinds=_kinds(pair, machine=False)),
        "mixed": Message("rule.files.mixed"),
    }  # fmt: skip
    shown = [measures[reason] for reason in reasons if reason in pair.reasons]
    return Message("rule.files.line", one=order.get(pair.one, 0), other=order.get(pair.other, 0), what=shown)


def _kinds(pair: PairAlike, *, machine: bool) -> list[Message]:
    here = [kind for kind in pair.origin if (kind in MACHINE) == machine]
    return [Message(f"likeness.origin.{kind}") for kind in dict.fromkeys(here)]


class FilesAlike(LotRule):
    """B9: files of different bidders have the same text or the same slips beyond the tender documents, or name one another
    (招标投标法实施条例 art. 40 (4) (5))."""

    id, family, level = "B9", "files", "red"
    reads = ("bid.files", "notice.files")
    parameters = (Parameter("share_alike", 0.2, 0.2, 0.95),)
    REASONS: ClassVar[tuple[str, ...]] = ("text", "errors", "mixed")

    def measure(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> float | None:
        """Bidders whose files are alike; None where no files were compared."""
        if not facts.around.compared:
            return None
        return float(len({one for pair in self._pairs(facts, settings) for one in (pair.one, pair.other)}))

    def _pairs(self, facts: LotFacts, settings: Mapping[str, float] | None) -> list[PairAlike]:
        least = self.settings(settings)["share_alike"]
        return [
            pair
            for pair in alike(facts, self.REASONS)
            if pair.text >= least or {"errors", "mixed"} & set(pair.reasons)
        ]

    def evaluate(self, facts: LotFacts, settings: Mapping[str, float] | None = None) -> list[Finding]:
        """One finding a group; of text alone it is orange."""
        pairs = self._pairs(facts, settings)
        found = []
        for group in groups(frozenset((p.one, p.other)) for p in pairs):
            own = [pair for pair in pairs if pair.one in group]
            plain = not any({"errors", "mixed"} & set(pair.reasons) for pair in own)
            found.append(_about(self, facts, group, own, self.REASONS, "orange" if plain else "red"))
        return found
