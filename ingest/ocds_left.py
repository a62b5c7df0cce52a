"""Fields of OCDS releases that the ledger has no place for: said once a file, with how often they came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.pieces import Piece

_PARTY = "id name identifier.scheme identifier.id identifier.legalName"
_VALUE = "amount currency valueAddedTaxIncluded"
_PERIOD = "startDate endDate"
_READ = {
    "": "ocid id date tag initiationType language x_sunbid url",
    "parties": f"{_PARTY} roles address.region address.locality address.streetAddress",
    "buyer": _PARTY,
    "planning": "project project.title budget.project budget.projectID",
    "planning.budget.amount": _VALUE,
    "tender": "id title status procurementMethod mainProcurementCategory awardCriteria awardCriteriaDetails",
    "tender.value": _VALUE,
    "tender.procuringEntity": _PARTY,
    "tender.tenderers": _PARTY,
    "tender.tenderPeriod": _PERIOD,
    "tender.awardPeriod": "startDate",
    "tender.lots": "id title status",
    "tender.lots.value": _VALUE,
    "tender.items": "id relatedLot classification.description classification.id",
    "bids": "id date status relatedLot relatedLots",
    "bids.details": "id date status relatedLot relatedLots",
    "bids.value": _VALUE,
    "bids.tenderers": _PARTY,
    "bids.details.value": _VALUE,
    "bids.details.tenderers": _PARTY,
    "awards": "id title date status relatedLot relatedLots",
    "awards.value": _VALUE,
    "awards.suppliers": _PARTY,
}
"""Object → what of it is read, or needs no place: names of the thing, and the form it is told in."""
_REASON = "账本没有这一项的位置，未入账 / the ledger has no place for this field"
_MANY = 1_000
"""Different fields told of one file."""

Json = dict[str, Any]


def _tree() -> Json:
    root: Json = {}
    for holder, names in _READ.items():
        for name in names.split():
            node = root
            for part in [*filter(None, holder.split(".")), *name.split(".")]:
                node = node.setdefault(part, {})
    return root


_TREE = _tree()


class Left:
    """What was left out of the releases of one file."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}
        self._examples: dict[str, Any] = {}

    def look(self, release: Json) -> None:
        """Count the fields of a release that have no place."""
        self._look(release, _TREE, "")

    def _look(self, value: Any, known: Json, path: str) -> None:
        if isinstance(value, list):
            for item in value:
                self._look(item, known, path)
        elif isinstance(value, dict):
            for name, child in value.items():
                where = f"{path}.{name}" if path else name
                if child is None or child == [] or child == {}:
                    continue
                if name not in known:
                    self._count(where, child)
                elif known[name]:
                    self._look(child, known[name], where)

    def _count(self, path: str, value: Any) -> None:
        if path in self._times:
            self._times[path] += 1
        elif len(self._times) < _MANY:
            self._times[path], self._examples[path] = 1, value

    def told(self) -> Iterator[Piece]:
        """A note for each field; then nothing is left."""
        for path, times in self._times.items():
            raw = {"field": path, "times": times, "example": self._examples[path]}
            yield Piece(None, raw, None, path, f"{_REASON}（{times} 次 / {times} times）", note=True)
        self._times, self._examples = {}, {}
