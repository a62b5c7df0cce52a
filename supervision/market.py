"""The public figures of the market: what the hub's /market page shows. Only ended openings count."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from records import public
from records.clock import rfc3339
from supervision.filters import Filters, Period
from supervision.lens import Lens
from supervision.metrics import outside_participation, outside_participation_series, participations
from supervision.narrow import OPENED_ON, where
from supervision.results import Share

TOPIC, SUBJECT = "market", "overview"


def overview(lens: Lens, today: date) -> dict[str, Any]:
    """Figures of the present month and of the last twelve, without the as-of time."""
    month = Filters(Period.of("month", today), "month")
    year = Filters(Period.of("rolling12", today), "rolling12")
    return {
        "month": f"{today:%Y-%m}",
        "home": "3301",
        **_figures(lens, month),
        "rolling12": _figures(lens, year),
        "series": [
            {"month": f"{point.month:%Y-%m}", **_share(point.share)}
            for point in outside_participation_series(lens, month)
        ],
        "demo": bool(lens.one("SELECT coalesce(bool_or(demo), false) FROM lots")[0]),
    }


def _figures(lens: Lens, filters: Filters) -> dict[str, Any]:
    clause, params = where(filters, OPENED_ON, "opened")
    counted = participations(lens, filters)
    return {
        "openings": lens.one(f"SELECT count(*) FROM lots {clause}", params)[0],
        "participations": counted.participations,
        "firms": counted.firms,
        "outside": _share(outside_participation(lens, filters)),
    }


def _share(share: Share) -> dict[str, Any]:
    """M04: value as a fraction (null for an empty whole), with what it is made of."""
    value = None if share.value is None else round(share.value, 6)
    return {
        "value": value,
        "text": share.text,
        "numerator": int(share.numerator),
        "denominator": int(share.denominator),
        "unknown": share.unknown,
    }


def is_news(session: Session, figures: dict[str, Any]) -> bool:
    """Whether the figures differ from the newest published ones."""
    held = public.latest(session, TOPIC, SUBJECT)
    return held is None or {k: v for k, v in held.items() if k != "as_of"} != figures


def publish_overview(session: Session, figures: dict[str, Any], as_of: datetime) -> None:
    """Publish the figures in the caller's write transaction."""
    public.publish(session, TOPIC, SUBJECT, {**figures, "as_of": rfc3339(as_of)})
