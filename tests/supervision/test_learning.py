"""A market's model learned from verdicts: fitted by hand, forecast forward in time, silent where verdicts are few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sqlalchemy.orm import Session

from records.clock import now
from records.ledger import Ledger
from records.tables.supervision import Warning
from supervision.detection import learning
from supervision.detection.channels import score
from supervision.detection.learning import EVIDENCE, auc, evidence, fit, learn
from supervision.detection.market import Market, Offer, market_of
from supervision.studies.evidence import verdicts_on_lots


def test_the_fit_is_the_minimum_of_the_ridge_loss() -> None:
    rng = np.random.default_rng(4)
    rows, guilty = rng.normal(size=(80, 3)), rng.random(80) < 0.4

    def loss(weights: Any) -> float:
        odds = weights[0] + rows @ weights[1:]
        return float(np.logaddexp(0, odds).sum() - odds[guilty].sum() + 0.5 * (weights[1:] ** 2).sum())

    wanted = minimize(loss, np.zeros(4), tol=1e-12).x
    assert fit(rows, guilty) == pytest.approx(wanted, abs=1e-4)


def test_auc_of_four_tenders_by_hand() -> None:
    guilty = np.array([True, True, False, False])
    assert auc(guilty, np.array([0.9, 0.4, 0.5, 0.1])) == 0.75
    assert auc(guilty, np.array([0.5, 0.5, 0.5, 0.5])) == 0.5


def market(tenders: int = 160, seed: int = 2) -> tuple[Market, dict[int, bool]]:
    """Every third tender belongs to three firms that meet there alone and bid within ½ %; the verdicts say which."""
    rng = np.random.default_rng(seed)
    offers, verdicts = [], {}
    for n in range(tenders):
        ring = n % 3 == 0
        firms = ["R0", "R1", "R2"] if ring else [f"F{i}" for i in rng.choice(40, 4, replace=False)]
        spread = 0.005 if ring else 0.2
        offers += [Offer(f"t{n:03d}", firm, 100 * (1 + spread * rng.random()), float(n)) for firm in firms]
        verdicts[n] = ring
    return market_of(offers), verdicts


def test_what_is_learned_is_told_by_forecasts_of_later_verdicts_alone() -> None:
    made, verdicts = market()
    found = learn(made, score(made), verdicts)
    assert found is not None
    assert (found.verdicts, found.confirmed, found.forecast) == (160, 54, 80)
    assert found.auc > 0.95 and set(found.weights) == set(EVIDENCE)
    assert found.score.shape == (160,) and ((found.score > 0) & (found.score < 1)).all()


def test_a_forecast_never_sees_the_verdicts_it_forecasts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, verdicts = market()
    seen = []
    fitted = learning.fit
    monkeypatch.setattr(learning, "fit", lambda rows, guilty: seen.append(len(rows)) or fitted(rows, guilty))
    learn(made, score(made), verdicts)
    assert seen == [80, 96, 112, 128, 144, 160], "five forecasts, then the model of all"


def test_verdicts_by_lot_teach_nothing_when_drawn_by_lot() -> None:
    made, _ = market()
    rng = np.random.default_rng(9)
    found = learn(made, score(made), {n: bool(rng.random() < 0.4) for n in range(160)})
    assert found is not None and 0.3 < found.auc < 0.7


def test_few_verdicts_or_of_one_kind_teach_nothing() -> None:
    made, verdicts = market()
    scored = score(made)
    assert learn(made, scored, {n: verdicts[n] for n in range(30)}) is None
    assert learn(made, scored, dict.fromkeys(range(160), True)) is None
    assert learn(made, scored, {}) is None


def test_what_is_not_known_stands_in_the_middle() -> None:
    made = market_of(Offer(f"t{n}", "", 100.0 + n + k) for n in range(20) for k in range(3))
    rows = evidence(made, score(made))
    assert rows.shape == (20, len(EVIDENCE)) and not np.isnan(rows).any()
    assert (rows[:, EVIDENCE.index("co_bids_before")] == 0).all()


def closed(session: Session, name: str, lot: str, disposition: str, family: str = "bidders") -> None:
    session.add(
        Warning(
            id=name, rule="B11", rule_version="1", family=family, level="yellow", title="t", title_en="t", lot_id=lot, subjects=[],
            evidence={}, dedup_key=name, raised_at=now(), state="lead" if disposition == "confirmed" else "dismissed", disposition=disposition,
        )
    )  # fmt: skip


def test_a_lots_verdict_is_that_of_its_linking_warnings(ledger: Ledger, market_of_lots: Any) -> None:
    with ledger.write() as session:
        closed(session, "w1", "L1", "not_confirmed")
        closed(session, "w2", "L1", "confirmed")
        closed(session, "w3", "L2", "not_confirmed")
        closed(session, "w4", "L3", "indirect")
        closed(session, "w5", "L4", "confirmed", "tenderers")
    with ledger.read() as session:
        assert verdicts_on_lots(session) == {"L1": True, "L2": False}
    del market_of_lots


@pytest.fixture
def market_of_lots(market: Any) -> Any:
    for lot in ("L1", "L2", "L3", "L4"):
        market.lot(lot, now())
    return market
