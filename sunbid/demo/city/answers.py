"""The answer file of the city, naming what is planted in it: written beside the data, read by tests only."""

from __future__ import annotations

from typing import Any

from sunbid.demo.city.bidding import turn_of
from sunbid.demo.city.lot import CityLot
from sunbid.demo.city.plan import CityPlan


def answers(plan: CityPlan) -> dict[str, Any]:
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
