"""Society in the demonstration market: opinions 社会监督意见, the newest still waiting for an answer, visits of the supervision
group 监督团, and the monthly credit of the agencies 天秤码."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zlib import crc32

from records.clock import BEIJING, add_months, start_of
from sunbid.demo.envelopes import Envelope, envelope
from sunbid.demo.lots import LotPlan
from sunbid.demo.people import Firm

_ONE_IN = 5
"""One lot in so many has an opinion about it."""
_AFTER, _ANSWERED_AFTER = timedelta(hours=3), timedelta(days=4)
_KNOWN = timedelta(days=120)
_SAID = (
    "开标直播画面清晰，建议延长回看期限。", "建议公示期间同步公开控制价编制依据。",
    "招标文件第三章与清单的工期要求似不一致，请核对。", "投标保证金退付及时，予以肯定。", "建议增加周末咨询热线。",
)  # fmt: skip
_ANSWERS = (
    "感谢建议，回看期限已按档案期限设置。", "控制价编制说明已随公告公开，请在项目页查看。",
    "已核对，以招标文件第三章为准，澄清已发布。", "感谢监督。", "已安排周六上午接听咨询。",
)  # fmt: skip
CHANNELS = ("web", "group", "phone", "letter")


def opinions(plans: Iterable[LotPlan], now: datetime) -> Iterator[Envelope]:
    """Opinions about lots opened in the last weeks; from the fifth day on they come with their answer."""
    for plan in plans:
        draw = crc32(plan.key.encode())
        received = plan.deadline + _AFTER
        if draw % _ONE_IN or not now - _KNOWN < received <= now:
            continue
        place = draw // _ONE_IN
        data = {
            "project": plan.project_key, "channel": CHANNELS[place % len(CHANNELS)],
            "content": _SAID[place % len(_SAID)], "received_at": received.isoformat(timespec="milliseconds"),
        }  # fmt: skip
        yield envelope("opinion", f"YJ-{plan.key}", 1, received, data)
        answered = received + _ANSWERED_AFTER
        if answered <= now:
            fields = {
                "handler": "示例监督科", "answered_at": answered.isoformat(timespec="milliseconds"),
                "public_text": _ANSWERS[place % len(_ANSWERS)],
            }  # fmt: skip
            yield envelope("opinion", f"YJ-{plan.key}", 2, answered, data | fields)


_FOUND = ("开标现场未公示监督电话", "评标室门禁记录缺一日", "保证金退付台账未及时登记")
"""What a visit of the supervision group may find."""
_VISIT_DAY, _VISITED = 15, 2
"""Day of the month of a visit, and how many projects it sees."""


def visits(plans: Iterable[LotPlan], now: datetime) -> Iterator[Envelope]:
    """监督团走访: one visit a month, to projects opened in it; every second finds a problem."""
    months: dict[str, list[LotPlan]] = {}
    for plan in plans:
        months.setdefault(f"{plan.deadline:%Y-%m}", []).append(plan)
    for month, opened in sorted(months.items()):
        number = crc32(month.encode())
        at = datetime.fromisoformat(f"{month}-{_VISIT_DAY}T16:00:00+08:00")
        seen = [plan for plan in opened if plan.deadline <= at][:_VISITED]
        if at > now or not seen:
            continue
        problems = (
            [{"project": seen[0].project_key, "problem": _FOUND[number % len(_FOUND)]}] if number % 2 else []
        )
        data = {
            "on": f"{month}-{_VISIT_DAY}", "body": "group", "projects": [plan.project_key for plan in seen],
            "problems": problems,
        }  # fmt: skip
        yield envelope("inspection", f"TC-{month}", 1, at, data)


RATED_MONTHS = 12
_OFF = (
    ("招标文件被异议后更正", "2.00"), ("开标组织准备不足", "1.00"), ("评标后未按时退出评标室", "1.50"), ("档案移交逾期", "0.50"),
)  # fmt: skip
"""What points are taken off an agency for, and how many."""


def ratings(agencies: Sequence[Firm], now: datetime) -> Iterator[Envelope]:
    """天秤码 of the agencies, month by month of the last twelve: the scores move a little, about one in four has a deduction."""
    first = now.astimezone(BEIJING).date().replace(day=1)
    for back in range(RATED_MONTHS, 0, -1):
        month = add_months(first, -back)
        at = start_of(add_months(month, 1)) - timedelta(hours=6)
        rated = [(firm, *_rating(firm, f"{month:%Y-%m}")) for firm in agencies]
        rated.sort(key=lambda one: (-one[1], one[0].id))
        for rank, (firm, score, off) in enumerate(rated, 1):
            data = {
                "organisation": firm.id, "role": "agency", "system": "天秤码", "period": f"{month:%Y-%m}",
                "score": f"{score:.2f}", "rank": rank, "deductions": [{"reason": why, "points": points} for why, points in off],
            }  # fmt: skip
            yield envelope("credit", f"TP-{firm.id}-{month:%Y%m}", 1, at, data)


def _rating(firm: Firm, month: str) -> tuple[Decimal, list[tuple[str, str]]]:
    """The score of one month, and what was taken off it."""
    draw = crc32(f"{firm.id}/{month}".encode())
    off = [_OFF[draw // 4 % len(_OFF)]] if draw % 4 == 0 else []
    level = 90 + crc32(firm.id.encode()) % 700 / 100 + draw % 100 / 100
    return Decimal(f"{level:.2f}") - sum((Decimal(points) for _, points in off), Decimal(0)), off
