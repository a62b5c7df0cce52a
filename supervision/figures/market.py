"""The public figures of the market: what the hub's /market page shows. Only ended openings count."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from records.clock import add_months, rfc3339
from records.public import rows as public
from supervision.figures.answers import Answers
from supervision.figures.filters import Filters, Period
from supervision.figures.results import Share
from supervision.home import Place, Reference
from supervision.lens.reader import Lens

TOPIC, SUBJECT = "market", "overview"
MONTHS = 12


def overview(
    lens: Lens, today: date, home: Place | None = None, reference: Reference | None = None
) -> dict[str, Any]:
    """Figures of the present month, of the last twelve and of all time, without the as-of time.

    The series ends with the present month, or where nothing was opened in its months with the last
    month that has an opening.
    """
    month, answers = Filters(Period.of("month", today), "month"), Answers(lens)
    year = _figures(answers, Filters(Period.of("rolling12", today), "rolling12"))
    whole = {**_figures(answers, Filters()), **_reach(lens)}
    last = f"{today:%Y-%m}" if year["openings"] or whole["last"] is None else whole["last"]
    home = home or Place()
    return {
        "month": f"{today:%Y-%m}",
        "home": home.division,
        "home_name": [home.words("zh"), home.words("en")],
        **_figures(answers, month),
        "rolling12": year,
        "all": whole,
        "series": _months(answers, date.fromisoformat(f"{last}-01")),
        "reference": None if reference is None else {"share": reference.share, "year": reference.year},
        "demo": bool(lens.one("SELECT coalesce(bool_or(demo), false) FROM lots")[0]),
    }


def _reach(lens: Lens) -> dict[str, Any]:
    """First and last month with an opening (None without any), and the lots without a date."""
    first, last, undated = lens.one(
        "SELECT min(month) FILTER (WHERE opened_on IS NOT NULL), max(month) FILTER (WHERE opened_on IS NOT NULL),"
        " count(*) FILTER (WHERE opened_on IS NULL) FROM lots"
    )
    return {"first": first, "last": last, "undated": undated}


def _months(answers: Answers, last: date) -> list[dict[str, Any]]:
    """M04 of each of the months up to the last."""
    months = [add_months(last, n) for n in range(1 - MONTHS, 1)]
    shares = answers.series(["M04"], Filters(), months)["M04"]
    return [{"month": f"{month:%Y-%m}", **_share(share)} for month, share in zip(months, shares, strict=True)]


def _figures(answers: Answers, filters: Filters) -> dict[str, Any]:
    found = answers.values(["M03", "M04", "lots_opened"], filters)
    return {
        "openings": found["lots_opened"].value,
        "participations": found["M03"].participations,
        "firms": found["M03"].firms,
        "outside": _share(found["M04"]),
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
