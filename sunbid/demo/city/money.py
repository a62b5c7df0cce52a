"""Prices, deposits and fees of the city's lots; what must add up adds up to the yuan."""

from __future__ import annotations

import numpy as np

from records.clock import start_of
from sunbid.demo.city.basis import Basis
from sunbid.demo.city.clock import REFERENCE, YEARS
from sunbid.demo.city.draw import settled, shared, stream
from sunbid.demo.city.lot import AUCTION, AWARDED_AFTER, COEFFICIENT, LOWEST, CityLot

_FEE_STEP = 10
_FEE_SPREAD = 0.28
_DEPOSIT_STEP = 1_000
_DEPOSIT_MOST = 800_000
_LAST_CENTS = 200
"""Room left under every ceiling for the last cents."""


def price(basis: Basis, rng: np.random.Generator, year: int, lots: list[CityLot]) -> None:
    """Control price and ratio of every lot, as its way of evaluation makes them."""
    for lot in lots:
        centre, spread = (16.2, 1.1) if lot.family == "works" else (14.6, 0.9)
        lot.control = round(min(float(rng.lognormal(centre, spread)), 9e8) / 100) * 100
        lot.ratio = _ratio(rng, lot)


def _ratio(rng: np.random.Generator, lot: CityLot) -> float:
    if lot.evaluation_method == AUCTION:
        return float(rng.uniform(1.02, 1.3))
    if lot.planted == "ring":
        return float(rng.uniform(0.945, 0.958))
    if lot.evaluation_method == LOWEST:
        return float(rng.uniform(0.92, 0.955))
    if lot.evaluation_method == COEFFICIENT:
        return float(rng.uniform(0.955, 0.98))
    return float(rng.uniform(0.9, 0.965))


def settle(basis: Basis, lots: list[CityLot]) -> None:
    """What is drawn last: the deals of the programme, deposits, fees, and every award in cents."""
    rng = stream(basis.seed, "money")
    _deals(basis, rng, [lot for lot in lots if lot.year == REFERENCE and not lot.failed])
    for year in range(YEARS):
        _afford(basis, [lot for lot in lots if lot.year == year and lot.transfers])
    for lot in lots:
        if not lot.award_cents:
            lot.award_cents = round(lot.control * 100 * lot.ratio)
    for year in range(YEARS):
        _deposits(basis, rng, year, [lot for lot in lots if lot.year == year and lot.transfers])
    _fees(basis, rng, lots)


# ── the deals of the programme ───────────────────────────────────────────────


def _deals(basis: Basis, rng: np.random.Generator, lots: list[CityLot]) -> None:
    """Choose the deals; their awards add up to `deal_amount`, both their savings rates are `savings`."""
    last = start_of(basis.clock.reference.end) - AWARDED_AFTER
    able = [
        lot
        for lot in lots
        if lot.deadline < last and not lot.planted and lot.evaluation_method not in (AUCTION, COEFFICIENT)
    ]
    able += [
        lot
        for lot in lots
        if lot.deadline < last and lot.evaluation_method == COEFFICIENT and not lot.planted
    ]
    able.sort(key=lambda lot: lot.transfers > 0)  # whose deposits have to be raised is better none of them
    deals = able[: basis.targets.deals]
    if len(deals) < basis.targets.deals:
        raise ValueError(f"only {len(deals)} lots can be deals of the programme")
    control = np.array([lot.control for lot in deals], float)
    ratio = _even(rng, control, 1 - basis.targets.savings)
    control *= basis.targets.deal_amount / (control * ratio).sum()
    whole = np.maximum(np.rint(control / 100).astype(np.int64) * 100, 100)
    cents = np.rint(whole * 100 * ratio).astype(np.int64)
    largest = np.argsort(-cents)[: max(1, len(deals) // 20)]
    cents[largest] += shared(cents[largest].astype(float), basis.targets.deal_amount * 100 - int(cents.sum()))
    for lot, held, award in zip(deals, whole, cents, strict=True):
        lot.deal, lot.control, lot.award_cents = True, int(held), int(award)
        lot.ratio = lot.award_cents / lot.control / 100
        if lot.evaluation_method == COEFFICIENT:
            lot.evaluation_method = "综合评估法"


def _even(rng: np.random.Generator, weights: np.ndarray, mean: float) -> np.ndarray:
    """Ratios around `mean` whose plain mean and whose mean weighted by `weights` are both `mean`."""
    noise = np.clip(rng.normal(0, 0.035, len(weights)), -0.09, 0.09)
    tilt = np.argsort(np.argsort(weights)) / len(weights) - 0.5
    share = weights / weights.sum()
    system = np.array([[1.0, tilt.mean()], [1.0, float(share @ tilt)]])
    shift, slope = np.linalg.solve(system, -np.array([noise.mean(), float(share @ noise)]))
    found: np.ndarray = mean + noise + shift + slope * tilt
    return found


# ── deposits and fees ────────────────────────────────────────────────────────


def _afford(basis: Basis, lots: list[CityLot]) -> None:
    """Raise control prices until deposits of two per cent can reach the year's sum; the deals stay as they are."""
    free = [lot for lot in lots if not lot.deal]
    needed = basis.targets.refunded * sum(lot.transfers for lot in lots) / basis.targets.refunds * 1.05
    while free and sum(_ceiling(lot) * lot.transfers for lot in lots) < needed:
        if all(lot.control * 0.02 > _DEPOSIT_MOST for lot in free):
            raise ValueError("the deposits of the year are more than the law allows")
        for lot in free:
            lot.control = round(lot.control * 1.3 / 100) * 100


def _ceiling(lot: CityLot) -> float:
    """The largest deposit of a lot, yuan (实施条例 art. 26)."""
    return min(_DEPOSIT_MOST, lot.control * 0.02)


def _deposits(basis: Basis, rng: np.random.Generator, year: int, lots: list[CityLot]) -> None:
    """Every bidder of a lot pays the same, at most two per cent (实施条例 art. 26); the year's sum is exact."""
    if not lots:
        return
    payers = np.array([lot.transfers for lot in lots])
    total = basis.targets.refunded * payers.sum() // basis.targets.refunds
    ceiling = np.array([_ceiling(lot) for lot in lots])
    amounts = ceiling * 0.9
    for _round in range(50):
        amounts = np.minimum(amounts * (total / float(amounts @ payers)), ceiling)
    rounded = np.floor(amounts / _DEPOSIT_STEP) * _DEPOSIT_STEP
    cents = (np.maximum(rounded, 100) * 100).astype(np.int64)
    for n, lot in enumerate(lots):
        lot.deposit = int(cents[n])
    if year == REFERENCE:
        _exactly(lots, int(total) * 100, ceiling)


def _exactly(lots: list[CityLot], total: int, ceiling: np.ndarray) -> None:
    """Add to the deposits, within their ceilings, what is missing of `total` cents."""
    missing = total - sum(lot.deposit * lot.transfers for lot in lots)
    for n in np.argsort(-ceiling):
        lot = lots[n]
        room = int(ceiling[n]) * 100 - _LAST_CENTS - lot.deposit
        added = min(room, missing // lot.transfers)
        if added > 0:
            added -= added % 10_000 if missing > 10_000_000 else 0
            lot.deposit += added
            missing -= added * lot.transfers
    if missing:
        _by_two(lots, missing)


def _by_two(lots: list[CityLot], missing: int) -> None:
    """Settle the last cents by moving the deposits of two lots whose payers have no common divisor."""
    for one in lots:
        for two in lots:
            for up in range(one.transfers):
                down, rest = divmod(missing - two.transfers * up, one.transfers)
                if rest == 0 and one is not two and abs(down) <= _LAST_CENTS:
                    two.deposit += up
                    one.deposit += down
                    return
    raise ValueError(f"{missing} cents of deposits found no lot")


def _fees(basis: Basis, rng: np.random.Generator, lots: list[CityLot]) -> None:
    """Fees of the reference year add up to `fees`; other years are paid alike."""
    mean = basis.targets.fees / basis.targets.attendances
    for year in sorted({lot.year for lot in lots if lot.paid}):
        mine = [lot for lot in lots if lot.year == year and lot.paid]
        heads = sum(len(lot.paid) for lot in mine)
        total = basis.targets.fees if year == REFERENCE else round(mean * heads)
        amounts = np.rint(rng.lognormal(np.log(mean), _FEE_SPREAD, heads) / _FEE_STEP).astype(np.int64)
        steps = settled(rng, amounts, total // _FEE_STEP, 20, 400) * _FEE_STEP
        steps[0] += total % _FEE_STEP
        at = 0
        for lot in mine:
            lot.paid = tuple(int(v) for v in steps[at : at + len(lot.paid)])
            at += len(lot.paid)
