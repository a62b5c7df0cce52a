"""The metrics of the lens, one function a metric (domain: §5.3). The first docstring line is the 口径
shown as the tooltip: 中文 / English. All take (lens, filters) and count by §5.2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from records.identifiers import PROVINCES
from supervision.figures import formats as figures
from supervision.figures.currencies import currencies, in_currency
from supervision.figures.filters import Filters, Period, add_months
from supervision.figures.lots import LotsPage as LotsPage
from supervision.figures.lots import lots_table as lots_table
from supervision.figures.narrow import AWARDED_ON, OPENED_ON, where
from supervision.figures.results import (
    Amount,
    Count,
    Gap,
    Mean,
    MonthShare,
    Origin,
    Origins,
    Participations,
    Quantiles,
    Share,
)  # fmt: skip
from supervision.lens.reader import OVERSEAS, Lens


def _outside(filters: Filters) -> str:
    return f"outside_{filters.home}"


def _counted(filters: Filters, condition: str = "true") -> str:
    what = "DISTINCT bidder_id" if filters.unit == "firms" else "*"
    return f"count({what}) FILTER (WHERE {condition})"


def _three_classes(filters: Filters, column: str) -> str:
    """Select list of a share: what is true, what is known at all, what is unknown."""
    conditions = (column, f"{column} IS NOT NULL", f"{column} IS NULL")
    return ", ".join(_counted(filters, condition) for condition in conditions)


def _share_of_bids(lens: Lens, filters: Filters, column: str) -> Share:
    clause, params = where(filters)
    return Share(*lens.one(f"SELECT {_three_classes(filters, column)} FROM bids {clause}", params))


def participations(lens: Lens, filters: Filters) -> Participations:
    """M03 参与家次：截止时持有有效递交（未撤回）的投标人×标段轮次，联合体计牵头人一次；企业数为去重家数。 / Participations (bidder × lot round) and distinct firms.

    Only lots whose opening has ended; by opening time.
    """
    clause, params = where(filters)
    return Participations(*lens.one(f"SELECT count(*), count(DISTINCT bidder_id) FROM bids {clause}", params))


def outside_participation(lens: Lens, filters: Filters) -> Share:
    """M04 外地企业参与占比＝外地企业参与家次÷登记地已知的参与家次，按开标时间；登记地不明的单列，不计入本地或外地。 / Outside participations ÷ participations of known place; unknown places apart.

    外地: registered division not beginning with the home's prefix (city or province view); order of
    evidence registration > CA subject > USCC digits 3–8. With unit 家: distinct firms instead.
    """
    return _share_of_bids(lens, filters, _outside(filters))


def outside_participation_series(lens: Lens, filters: Filters, months: int = 12) -> list[MonthShare]:
    """M04 按月：截至期末的若干个月，每月外地企业参与占比。 / M04 by month, the months up to the period's end.

    Without a period: up to the last month held. Months without openings have an empty whole.
    """
    last = _last_month(lens, filters)
    if last is None:
        return []
    span = filters.over(Period(add_months(last, 1 - months), add_months(last, 1)))
    clause, params = where(span)
    rows = lens.rows(
        f"SELECT month, {_three_classes(filters, _outside(filters))} FROM bids {clause} GROUP BY month",
        params,
    )
    found = {month: Share(*counts) for month, *counts in rows}
    firsts = [add_months(last, n) for n in range(1 - months, 1)]
    return [MonthShare(first, found.get(f"{first:%Y-%m}", Share(0, 0))) for first in firsts]


def _last_month(lens: Lens, filters: Filters) -> date | None:
    if filters.period:
        return (filters.period.end - timedelta(days=1)).replace(day=1)
    newest = lens.one("SELECT max(opened_on) FROM lots")[0]
    return None if newest is None else newest.replace(day=1)


def participation_by_province(lens: Lens, filters: Filters) -> list[Origin]:
    """M04 按来源省份：各省参与家次、企业数及占全部的比例；登记地不明单列。 / Participations and firms by province of origin.

    Most first, unknown last; ties by code.
    """
    clause, params = where(filters)
    rows = lens.rows(
        f"SELECT bidder_province, count(*), count(DISTINCT bidder_id) FROM bids {clause}"
        " GROUP BY 1 ORDER BY bidder_province IS NULL, 2 DESC, 1",
        params,
    )
    firms = filters.unit == "firms"
    whole = sum(n_firms if firms else n for _, n, n_firms in rows)
    return [
        Origin(code, *province_names(code), n, n_firms, Share(n_firms if firms else n, whole))
        for code, n, n_firms in rows
    ]


def outside_origins(lens: Lens, filters: Filters) -> list[Origin]:
    """M09 外地企业从哪里来：只计外地参与，按来源省份；本地不在其中。 / Outside participations and firms by province of origin.

    In the city view the home province stands for its other cities. Most first; ties by code.
    """
    clause, params = where(filters, OPENED_ON, _outside(filters))
    rows = lens.rows(
        "SELECT bidder_province, count(*), count(DISTINCT bidder_id) FROM bids"
        f" {clause} GROUP BY 1 ORDER BY {_counted(filters)} DESC, 1",
        params,
    )
    firms = filters.unit == "firms"
    whole = sum(n_firms if firms else n for _, n, n_firms in rows)
    return [
        Origin(code, *province_names(code), n, n_firms, Share(n_firms if firms else n, whole))
        for code, n, n_firms in rows
    ]


def province_names(code: str | None) -> tuple[str, str]:
    """(zh, en) of a province prefix, of "00" overseas and of None."""
    if code is None:
        return "未知", "Unknown"
    return ("境外", "Overseas") if code == OVERSEAS else PROVINCES.get(code, (code, code))


def ca_participation(lens: Lens, filters: Filters) -> Share:
    """M04b CA互认参与占比＝使用省外CA证书的参与家次÷证书签发地已知的参与家次；与M04口径不同，不可混用。 / Participations with a certificate issued outside the province ÷ those of known issuer.

    By the CA's region, whatever the home view; certificates of unknown issuer are listed apart.
    """
    return _share_of_bids(lens, filters, "ca_outside")


def outside_awards(lens: Lens, filters: Filters) -> Share:
    """M05 外地企业中标占比＝外地中标人的标段数÷中标人登记地已知的标段数，按中标结果日期。 / Lots won by outside firms ÷ lots won by firms of known place.

    By award-result date (by opening time where it is missing).
    """
    clause, params = where(filters, AWARDED_ON, "winner_id IS NOT NULL")
    column = f"winner_outside_{filters.home}"
    return Share(
        *lens.one(
            f"SELECT count(*) FILTER (WHERE {column}), count({column}), count(*) FILTER (WHERE {column} IS NULL)"
            f" FROM lots {clause}",
            params,
        )
    )


def outside_award_amount(lens: Lens, filters: Filters) -> Share:
    """M05 外地企业中标金额占比＝外地中标人中标金额÷登记地已知的中标人中标金额（同一币种），按中标结果日期。 / Award value of outside firms ÷ that of firms of known place, in one currency."""
    clause, params = where(in_currency(lens, filters), AWARDED_ON, "winner_id IS NOT NULL", money=True)
    column = f"winner_outside_{filters.home}"
    return Share(
        *lens.one(
            f"SELECT coalesce(sum(award_price) FILTER (WHERE {column}), 0),"
            f" coalesce(sum(award_price) FILTER (WHERE {column} IS NOT NULL), 0),"
            f" count(*) FILTER (WHERE {column} IS NULL) FROM lots {clause}",
            params,
        )
    )


def openness_gap(lens: Lens, filters: Filters) -> Gap:
    """M06 开放落差＝M04－M05（百分点）：参与多而中标少，提示可能存在隐性壁垒。 / M04 − M05 in percentage points."""
    return Gap(outside_participation(lens, filters), outside_awards(lens, filters))


def outside_lots(lens: Lens, filters: Filters) -> Share:
    """M07 外地参标标段数：至少有一家外地企业投标的已开标标段（占可判定的已开标标段）。 / Opened lots with at least one outside bid, of those that can be told.

    A lot without an outside bid but with bidders of unknown place can not be told.
    """
    clause, params = where(filters, OPENED_ON, "opened")
    came = f"outside_{filters.home}_bids > 0"
    untold = f"NOT {came} AND unknown_{filters.home}_bids > 0"
    return Share(
        *lens.one(
            f"SELECT count(*) FILTER (WHERE {came}), count(*) FILTER (WHERE NOT ({untold})),"
            f" count(*) FILTER (WHERE {untold}) FROM lots {clause}",
            params,
        )
    )


def outside_per_lot(lens: Lens, filters: Filters) -> Mean:
    """M08 每标段外地家次＝外地参与家次÷有外地企业投标的标段数。 / Outside participations per lot with an outside bid."""
    clause, params = where(filters, OPENED_ON, "opened")
    column = f"outside_{filters.home}_bids"
    total, lots = lens.one(
        f"SELECT coalesce(sum({column}), 0), count(*) FILTER (WHERE {column} > 0) FROM lots {clause}", params
    )
    return Mean(int(total), lots)


def origins(lens: Lens, filters: Filters) -> Origins:
    """M09 来源地数与来源集中度：外地参与企业来自的省份数；集中度＝各省占外地参与份额的平方和（0–1）；本地与不明不计。 / Provinces outside firms come from; concentration = Σ share² among them."""
    counts = [
        (o.firms if filters.unit == "firms" else o.participations)
        for o in outside_origins(lens, filters)
        if o.code is not None
    ]
    whole = sum(counts)
    if not whole and outside_participation(lens, filters).unknown:
        return Origins(None, None)
    return Origins(len(counts), sum((n / whole) ** 2 for n in counts) if whole else None)


def bidders_per_lot(lens: Lens, filters: Filters) -> Quantiles:
    """M10 每标段投标人数：已开标标段的平均数、中位数与P10–P90。 / Bidders per opened lot: mean, median, P10–P90.

    Quantiles by linear interpolation (type 7).
    """
    clause, params = where(filters, OPENED_ON, "opened")
    points = ", ".join(f"quantile_cont(bids, {p})" for p in (0.1, 0.25, 0.5, 0.75, 0.9))
    row = lens.one(f"SELECT count(bids), avg(bids), {points} FROM lots {clause}", params)
    return Quantiles(row[0], *(None if v is None else float(v) for v in row[1:]))


def failed_rate(lens: Lens, filters: Filters) -> Share:
    """M11 流标率＝截止时投标人少于3个的标段数÷到达截止的标段数。 / Lots with fewer than three bids at the deadline ÷ lots that reached it.

    招标投标法 art. 28; 实施条例 art. 44. Lots whose competition is unknown are counted apart.
    """
    clause, params = where(filters)
    counts = "count(*) FILTER (WHERE bids < 3), count(bids), count(*) FILTER (WHERE bids IS NULL)"
    return Share(*lens.one(f"SELECT {counts} FROM lots {clause}", params))


def lots_with_result(lens: Lens, filters: Filters) -> Count:
    """M01 交易标段数：期内有中标结果的标段数，按中标结果日期。 / Lots with an award in the period."""
    clause, params = where(filters, AWARDED_ON, "winner_id IS NOT NULL")
    return Count(lens.one(f"SELECT count(*) FROM lots {clause}", params)[0])


def deal_amount(lens: Lens, filters: Filters) -> Amount:
    """M02 成交金额：同一币种的中标金额合计，按中标结果日期；不同币种不相加，其标段数另列。 / Sum of award values in one currency; lots in other currencies are counted apart."""
    chosen = in_currency(lens, filters)
    clause, params = where(chosen, AWARDED_ON, "winner_id IS NOT NULL", money=True)
    row = lens.one(
        f"SELECT coalesce(sum(award_price), 0), count(*), count(*) FILTER (WHERE award_price IS NULL)"
        f" FROM lots {clause}",
        params,
    )
    elsewhere = sum(n for code, n in currencies(lens, filters) if code != chosen.currency)
    return Amount(Decimal(row[0]), row[1], row[2], chosen.currency or figures.CNY, elsewhere)


def savings_rate(lens: Lens, filters: Filters) -> Share:
    """M29 节资率（加权）＝Σ（控制价－中标价）÷Σ控制价，仅采购类且有控制价的标段，同一币种。 / Σ(control price − award) ÷ Σ control price, purchase side."""
    return Share(
        *_savings(
            lens, filters, "coalesce(sum(control_price - award_price), 0), coalesce(sum(control_price), 0)"
        )
    )


def mean_savings_rate(lens: Lens, filters: Filters) -> Share:
    """M30 平均节资率（简单）＝各标段（控制价－中标价）÷控制价的平均数，仅采购类且有控制价的标段，同一币种。 / Mean over lots of (control price − award) ÷ control price."""
    mean = "coalesce(sum((control_price - award_price) / CAST(control_price AS DOUBLE)), 0), count(*)"
    total, lots = _savings(lens, filters, mean)
    return Share(Decimal(repr(float(total))), lots)


def _savings(lens: Lens, filters: Filters, columns: str) -> tuple[Any, ...]:
    clause, params = where(
        in_currency(lens, filters), AWARDED_ON, "winner_id IS NOT NULL", "control_price > 0",
        "award_price IS NOT NULL", "currency = award_currency", "trade_family NOT IN ('land', 'property')", money=True,
    )  # fmt: skip
    return lens.one(f"SELECT {columns} FROM lots {clause}", params)


@dataclass(frozen=True)
class MetricInfo:
    """One line of the metric dictionary; `definition` is the tooltip."""

    id: str
    function: Callable[..., Any]

    @property
    def definition(self) -> tuple[str, str]:
        """口径 (zh, en): the first line of the function's docstring."""
        zh, _, en = (self.function.__doc__ or "").strip().splitlines()[0].partition(" / ")
        return zh, en


METRICS: dict[str, MetricInfo] = {
    key: MetricInfo(key, function)
    for key, function in {
        "M01": lots_with_result, "M02": deal_amount, "M03": participations, "M04": outside_participation,
        "M04b": ca_participation, "M05": outside_awards, "M06": openness_gap, "M07": outside_lots,
        "M08": outside_per_lot, "M09": origins, "M10": bidders_per_lot, "M11": failed_rate,
        "M29": savings_rate, "M30": mean_savings_rate,
    }.items()
}  # fmt: skip
"""Metric id → function; the screens' tooltips and the docs are made from it."""


def definition(metric_id: str, lang: str = "zh") -> str:
    """The 口径 of a metric, for its tooltip. KeyError for an unknown id."""
    return METRICS[metric_id].definition[0 if lang == "zh" else 1]
