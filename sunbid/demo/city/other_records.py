"""Records of the city that belong to no lot: organisations and experts, ties, ratings, opinions, inspections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from records.clock import add_months, start_of
from sunbid.demo import names
from sunbid.demo.city.basis import Basis
from sunbid.demo.city.clock import stamp
from sunbid.demo.city.draw import stream
from sunbid.demo.city.firms import WORKS
from sunbid.demo.city.lot import CityLot
from sunbid.demo.envelopes import Envelope, centres_and_firms_of, envelope
from sunbid.demo.people import Firm

SHAREHOLDINGS = 400
_HEARD = (
    "开标直播画面清晰，建议延长回看期限。", "建议公示期间同步公开控制价编制依据。", "建议增加周末咨询热线。",
    "投标保证金退付及时，予以肯定。", "建议公开评标时长统计。",
)  # fmt: skip
_ANSWERS = "已办理并答复，感谢监督。"
_PROBLEMS = (
    "开标记录签字不全",
    "评标区人员进出登记缺项",
    "保证金退付超过五日",
    "公示附件缺失",
    "见证记录上传滞后",
)
_FOUND, _PROBLEMS_FOUND = 41, 78
"""Projects with problems and problems of the inspections (domain: Yuhang 2024)."""


def reference(basis: Basis) -> Iterator[Envelope]:
    """Centres, rooms, organisations, experts: what everything else refers to."""
    firms, at = basis.firms, start_of(basis.clock.years()[0].start)
    yield from centres_and_firms_of((*firms.tenderers, *firms.agencies, *firms.bidders), at)
    for number, key in enumerate(firms.experts):
        data = {
            "specialities": [names.BUSINESSES[int(firms.speciality[number])][:2]],
            "pool": "示例综合评标专家库",
            "division_code": "330100",
        }
        yield envelope("expert", key, 1, at, data)


def reference_count(basis: Basis) -> int:
    """How many records `reference` makes."""
    firms = basis.firms
    rooms = sum(centre[3] for centre in names.CENTRES)
    people = len(firms.tenderers) + len(firms.agencies) + len(firms.bidders)
    return len(names.CENTRES) + len(names.SMALL_CENTRES) + rooms + people + len(firms.experts)


def count(basis: Basis) -> int:
    """How many records belong to no lot."""
    targets = basis.targets
    return (
        reference_count(basis)
        + len(list(ties(basis)))
        + 12 * sum(targets.rated.values())
        + targets.opinions
        + targets.inspections
    )


# ── ties and ratings ─────────────────────────────────────────────────────────


def ties(basis: Basis) -> Iterator[Envelope]:
    """Relations: harmless small shareholdings, and what ties the planted ones together."""
    firms, at = basis.firms, start_of(basis.clock.years()[0].start)
    rng = stream(basis.seed, "ties")
    for number in range(max(10, round(SHAREHOLDINGS * basis.fraction))):
        one, two = (int(n) for n in rng.choice(len(firms.bidders), 2, replace=False))
        data = {
            "type": "shareholding",
            "from": firms.bidders[one].id,
            "to": firms.bidders[two].id,
            "ratio": f"{rng.uniform(1, 24):.2f}",
        }
        yield envelope("relation", f"GX-{number:05d}", 1, at, data)
    for number, ring in enumerate(firms.rings):
        ends = (firms.bidders[ring.members[0]].id, firms.bidders[ring.members[1]].id)
        yield _tie(f"GX-R{number}", "address", ends, at)
    for number, (tenderer, firm) in enumerate(zip(firms.captives, firms.favourites, strict=True)):
        yield _tie(f"GX-T{number}", "position", (firms.tenderers[tenderer].id, firms.bidders[firm].id), at)


def _tie(key: str, kind: str, ends: tuple[str, str], at: object) -> Envelope:
    data = {"type": kind, "from": ends[0], "to": ends[1]}
    return envelope("relation", key, 1, at, data)  # type: ignore[arg-type]


def ratings(basis: Basis, month: int) -> Iterator[Envelope]:
    """信用评价 of one month of the reference year: the same firms every month, their scores moving a little."""
    first = add_months(basis.clock.reference.start, month)
    at = start_of(add_months(first, 1)) - timedelta(hours=6)
    for role, count_ in basis.targets.rated.items():
        for place, firm in enumerate(_rated(basis, role)[:count_]):
            yield envelope("credit", f"XY-{firm.id}-{first:%Y%m}", 1, at, _rating(firm, role, first, place))


def _rated(basis: Basis, role: str) -> list[Firm]:
    if role == "agency":
        return list(basis.firms.agencies)
    trades = WORKS if role == "works" else (11,)
    home = basis.firms.pool(trades, False).tolist() + basis.firms.pool(trades, True).tolist()
    return [basis.firms.bidders[n] for n in home]


def _rating(firm: Firm, role: str, month: date, place: int) -> dict[str, object]:
    level = 60 + int(firm.fact("credit", 6), 16) % 3500 / 100
    score = level + (int(firm.fact(f"{month:%Y%m}", 4), 16) % 200 - 100) / 100
    agency = role == "agency"
    data: dict[str, object] = {
        "organisation": firm.id,
        "role": "agency" if agency else "bidder",
        "system": "天秤码" if agency else "企业信用动态评价",
        "period": f"{month:%Y-%m}",
        "score": f"{score:.2f}",
        "rank": place + 1,
    }
    if place % 40 == 7:
        data["deductions"] = [{"reason": "未按时报送业绩", "points": "1.50"}]
    return data


# ── society ──────────────────────────────────────────────────────────────────


def opinions(basis: Basis, opened: Sequence[CityLot]) -> dict[str, list[Envelope]]:
    """社会监督意见 of the reference year, all answered: key of the lot → those about its project.

    `opened` are the lots opened in that year.
    """
    rng = stream(basis.seed, "opinions")
    last = start_of(basis.clock.reference.end) - timedelta(days=20)
    lots = [lot for lot in opened if lot.deadline < last]
    found: dict[str, list[Envelope]] = defaultdict(list)
    for number in range(basis.targets.opinions):
        lot = lots[int(rng.integers(len(lots)))]
        at = lot.deadline + timedelta(days=int(rng.integers(1, 9)), hours=1)
        data = {
            "project": f"XM-{lot.key}",
            "channel": "group" if number % 42 >= 25 else "web",
            "content": _HEARD[number % len(_HEARD)],
            "handler": "示例监督科",
            "received_at": stamp(at),
            "answered_at": stamp(at + timedelta(hours=int(rng.integers(6, 120)))),
            "public_text": _ANSWERS,
        }
        found[lot.key].append(envelope("opinion", f"YJ-{number + 1:04d}", 1, at, data))
    return found


def inspections(basis: Basis, opened: Sequence[CityLot]) -> Iterator[Envelope]:
    """联合督查 of the reference year: projects looked at and problems found."""
    projects = [f"XM-{lot.key}" for lot in opened]
    rng = stream(basis.seed, "inspections")
    places = rng.choice(len(projects), min(_FOUND, len(projects)), replace=False)
    found = [
        (projects[int(places[n % len(places)])], _PROBLEMS[n % len(_PROBLEMS)])
        for n in range(_PROBLEMS_FOUND)
    ]
    visits = basis.targets.inspections
    for number in range(visits):
        day = add_months(basis.clock.reference.start, number * 12 // visits) + timedelta(days=14)
        mine = [pair for n, pair in enumerate(found) if n % len(places) % visits == number]
        data = {
            "on": day.isoformat(),
            "projects": sorted({project for project, _problem in mine}),
            "problems": [{"project": project, "problem": problem} for project, problem in mine],
        }
        yield envelope("inspection", f"DC-{number + 1:03d}", 1, start_of(day) + timedelta(hours=17), data)
