"""One lot of the demonstration market, planned whole: what is bought, who bids, at which price, who wins.

A plan is a pure function of the seed and the lot's tag, so that every start of the demonstration
plans the same lot again, whatever the day.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from zlib import crc32

from records.tables.projects import SALE_FAMILIES
from sunbid.demo import names
from sunbid.demo.people import RING_SIZE, Firm, People

OUTSIDE_SHARE = 0.355
"""Of all participations (the figure of 2023 was 34.15 %)."""
MEDIAN_BIDS = 12
MOST_BIDS = 280
RING_DIVISION = "330109"
FAILS = 0.04
REMOTE_ONE_IN = 4
"""One lot in so many is evaluated at more than one site."""
LIVE_MARK = "-L"
"""In the keys of openings on air, which every start makes afresh."""

BUSINESSES = {
    "施工": (0, 1, 2, 3, 4), "装修": (0, 1, 4), "水利": (7, 2, 0), "机电": (6, 0, 8), "监理": (11,),
    "货物": (8, 10, 6), "服务": (9, 5), "修缮": (1, 2, 4),
}  # fmt: skip
SMALL = "修缮"
"""Category of the small-value lots."""
PERIODS = {
    "施工": (180, 720), "装修": (90, 240), "水利": (90, 360), "机电": (60, 180), "监理": (180, 720),
    "货物": (20, 90), "服务": (365, 730), "修缮": (15, 60),
}  # fmt: skip
"""Days the work of a category may take."""
_FIRST_ON_AIR = ("330110", "330106", "330108")
_WORKS = (0, 1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True)
class BidPlan:
    """One bid as it will be opened. `machine` is the firm on whose computer the file was made."""

    key: str
    firm: Firm
    machine: Firm
    payer: Firm
    price: Decimal
    duration_days: int
    received_at: datetime
    on_site: bool
    status: str
    reject_reason: str | None
    form: str
    manager: str


def small_centre(draw: int) -> str:
    """Which small-value centre a number falls to; the first ones have more than the last."""
    several = len(names.SMALL_CENTRES)
    return names.SMALL_CENTRES[min(draw % several, draw // several % several)][0]


def start_price(family: str, expected: Decimal | int) -> Decimal | None:
    """起始价 of what is sold, in whole thousands of yuan below what it is expected to bring; nothing for what is bought."""
    return Decimal(int(expected) * 75 // 100_000 * 1000) if family in SALE_FAMILIES else None


PLANNED_DAYS = (5, 7, 9, 14, None)
"""Days after the opening for which a key lot's award is planned; it comes after six, so that the first are late."""


@dataclass(frozen=True)
class LotPlan:
    """One lot with its project, opening and bids."""

    tag: str
    name: str
    division: str
    room: str
    family: str
    category: str
    method: str
    evaluation_method: str
    tenderer: Firm
    agency: Firm
    control_price: Decimal
    deposit: Decimal
    notice_at: datetime
    deadline: datetime
    key_flag: str | None
    prequalification: bool
    coefficient: str
    planted: str | None = None
    favourite: Firm | None = None
    """Whose turn it is in the planted ring."""
    liked: Firm | None = None
    """Whom one expert leans to where the ring bids."""
    bids: list[BidPlan] = field(default_factory=list)

    @property
    def project_key(self) -> str:
        """ASCII, for it stands in addresses."""
        return f"XM{self.division}-{self.tag}"

    @property
    def opening_key(self) -> str:
        """ASCII, for it stands in addresses."""
        return f"KB{self.division}-{self.tag}"

    @property
    def key(self) -> str:
        """The number of the lot, which says that it is a demonstration."""
        return f"A{self.division}-演示-{self.tag}"

    @property
    def planned_award_at(self) -> datetime | None:
        """计划定标时间 of a key project's lot; some have none."""
        days = PLANNED_DAYS[crc32(self.key.encode()) % len(PLANNED_DAYS)]
        return None if self.key_flag is None or days is None else self.deadline + timedelta(days=days)

    @property
    def small(self) -> bool:
        """小额: of small value."""
        return self.category == SMALL

    @property
    def centre(self) -> str:
        """The centre that handles it: its district's, or where that has small-value centres one of those."""
        small = self.small and self.division == names.SMALL_DISTRICT and not self.on_air
        return small_centre(crc32(self.tag.encode())) if small else self.division

    @property
    def start_price(self) -> Decimal | None:
        """起始价 of what is sold."""
        return start_price(self.family, self.control_price)

    @property
    def tier(self) -> str | None:
        """远程异地评标: city 市域, cross_city 跨市, cross_province 跨省; None: evaluated on site."""
        draw = crc32(f"remote/{self.tag}".encode())
        if draw % REMOTE_ONE_IN or self.on_air:
            return None
        place = draw // REMOTE_ONE_IN % 60
        return "city" if place < 10 else "cross_province" if place > 56 else "cross_city"

    @property
    def period(self) -> int:
        """工期: days the tender allows, the same for all who bid."""
        shortest, longest = PERIODS.get(self.category, (60, 240))
        return Random(f"period/{self.tag}").randrange(shortest, longest + 1, 5)

    @property
    def on_air(self) -> bool:
        """Whether it is played with pictures, one after another all day: shown, but in no statistics."""
        return LIVE_MARK in self.tag

    @property
    def fails(self) -> bool:
        """Fewer than three bidders: no opening (实施条例 art. 44)."""
        return len(self.bids) < 3

    @property
    def valid(self) -> list[BidPlan]:
        """Bids that stand after the evaluation."""
        return [bid for bid in self.bids if bid.status == "valid"]

    def ranking(self) -> list[BidPlan]:
        """Valid bids, best first: the lowest, or the nearest to 98 % of the mean where points are given."""
        if self.favourite:
            return sorted(self.valid, key=lambda bid: (bid.firm != self.favourite, bid.price))
        if self.evaluation_method == "经评审的最低投标价法" or not self.valid:
            return sorted(self.valid, key=lambda bid: (bid.price, bid.key))
        mark = sum((bid.price for bid in self.valid), Decimal(0)) / len(self.valid) * Decimal("0.98")
        return sorted(self.valid, key=lambda bid: (abs(bid.price - mark), bid.key))


def rooms_on_air() -> list[tuple[str, str]]:
    """(division, room) in the order in which rooms get pictures: the first room of every centre comes first.

    Where a centre has several rooms, the market's own lots keep out of its first one.
    """
    rooms = room_ids()
    order = sorted(names.CENTRES, key=lambda centre: (-centre[3], centre[0] not in _FIRST_ON_AIR))
    deepest = max(len(ids) for ids in rooms.values())
    return [(c[0], rooms[c[0]][depth]) for depth in range(deepest) for c in order if depth < len(rooms[c[0]])]


def room_ids() -> dict[str, list[str]]:
    """Division of a centre → the ids of its rooms, hz-01 … hz-28."""
    made: dict[str, list[str]] = {}
    number = 0
    for division, _zh, _en, count in names.CENTRES:
        made[division] = [f"hz-{number + i + 1:02d}" for i in range(count)]
        number += count
    return made


def plan_lot(
    people: People,
    tag: str,
    deadline: datetime,
    *,
    division: str | None = None,
    room: str | None = None,
    bids: int | None = None,
    planted: str | None = None,
    name: str | None = None,
) -> LotPlan:
    """Plan the lot of a tag; one of small value is of the district with small-value centres.

    `planted`: ring (its members bid, one of them wins in turn), machine, account, collusion (both, and a ladder of three prices), ladder or steps (all
    prices rise by one step, exactly or nearly).
    """
    rng = Random(f"{people.seed}/lot/{tag}")
    drawn = division or rng.choices([c[0] for c in names.CENTRES], [c[3] for c in names.CENTRES])[0]
    family = rng.choices(list(names.FAMILY_WEIGHTS), list(names.FAMILY_WEIGHTS.values()))[0]
    if planted or bids or drawn == RING_DIVISION:
        family = "works"
    subject, category = rng.choice(names.SUBJECTS[family])
    if drawn == RING_DIVISION and not planted and rng.random() < 0.8:
        planted = "ring"
    if planted == "ring":
        subject, category = names.SUBJECTS["works"][0]
    if name:
        category = names.SUBJECTS["works"][0][1]
    division = drawn if division or category != SMALL else names.SMALL_DISTRICT
    title = name or names.title(rng.choice(list(names.PLACES)), subject) + rng.choice(
        ("", "", "（一标段）", "（二标段）")
    )
    control = _control_price(rng, family, category)
    plan = LotPlan(
        tag=tag,
        name=title,
        division=division,
        room=room or rng.choice(room_ids()[division][1:] or room_ids()[division]),
        family=family,
        category=category,
        method="open" if rng.random() < 0.93 else "selective",
        evaluation_method=rng.choice(("综合评估法", "综合评估法", "经评审的最低投标价法")),
        tenderer=rng.choice(people.tenderers_of(division)),
        agency=rng.choice(people.agencies),
        control_price=control,
        deposit=min(Decimal(800_000), (control * Decimal("0.018")).quantize(Decimal(1000))),
        notice_at=deadline - timedelta(days=rng.randint(20, 32), hours=rng.randint(0, 6)),
        deadline=deadline,
        key_flag=rng.choices((None, "city_plan", "safeguard"), (85, 4, 11))[0],
        prequalification=not planted and rng.random() < 0.04,
        coefficient=f"0.{rng.randint(950, 985)}",
        planted=planted,
        favourite=people.ring[deadline.toordinal() % RING_SIZE] if planted == "ring" else None,
        liked=people.ring[0] if planted == "ring" else None,
    )
    plan.bids.extend(_bids(people, plan, rng, bids))
    return plan


def _control_price(rng: Random, family: str, category: str) -> Decimal:
    """Yuan, in whole hundreds; log-normal with a median of 12 million for works, 2.4 million else.

    Small-value lots 小额 have a median of 0.9 million and at most two.
    """
    centre, spread = (16.3, 1.2) if family == "works" else (14.7, 0.9)
    drawn = min(rng.lognormvariate(centre, spread), 9e8)
    if category == SMALL:
        drawn = min(0.37 * drawn, 2e6)
    return Decimal(round(drawn / 100)) * 100


def _bids(people: People, plan: LotPlan, rng: Random, wanted: int | None) -> list[BidPlan]:
    firms = _firms(people, plan, rng, wanted or _how_many(rng))
    mean = rng.gauss(0.872, 0.03)
    spread = min(0.05, rng.lognormvariate(-4.3, 0.45))
    order = sorted(rng.uniform(0.2, 70.0) for _ in firms)
    made = []
    for number, firm in enumerate(firms):
        ratio = min(1.03, max(0.6, rng.gauss(mean, spread)))
        price = (plan.control_price * Decimal(f"{ratio:.6f}")).quantize(Decimal("0.01"))
        made.append(_bid(rng, plan, number, firm, price, order[-1 - number]))
    return _plant(people, plan, made)


def _how_many(rng: Random) -> int:
    if rng.random() < FAILS:
        return rng.randint(1, 2)
    return max(3, min(MOST_BIDS, round(MEDIAN_BIDS * rng.lognormvariate(0, 0.75))))


_BESIDE = {"ring": 1, "machine": 3, "account": 3, "collusion": 3}
"""What is planted by the ring's members → at least so many other firms of the home city bid beside them."""


def _firms(people: People, plan: LotPlan, rng: Random, wanted: int) -> list[Firm]:
    """Different firms of the trade, a steady share of them from outside."""
    trades = BUSINESSES.get(plan.category, tuple(range(len(names.BUSINESSES))))
    if wanted > 35 * len(trades):
        trades = _WORKS
    able = [firm for firm in people.bidders if firm.business in trades]
    outside = int(wanted * OUTSIDE_SHARE + rng.random())
    ring = list(people.ring) if plan.planted in _BESIDE else []
    home = [firm for firm in able if not firm.outside and firm not in ring]
    picked = _pick(rng, [firm for firm in able if firm.outside], outside)
    picked += _pick(rng, home, max(wanted - outside - len(ring), _BESIDE.get(plan.planted or "", 0)))
    picked += ring
    rng.shuffle(picked)
    return picked


def _pick(rng: Random, firms: list[Firm], count: int) -> list[Firm]:
    """Weighted draw without replacement (Efraimidis and Spirakis 2006)."""
    keyed = sorted(firms, key=lambda firm: -(rng.random() ** (1 / firm.weight)))
    return keyed[:count]


def _bid(rng: Random, plan: LotPlan, number: int, firm: Firm, price: Decimal, hours: float) -> BidPlan:
    reason = None
    if price > plan.control_price:
        reason = "投标报价高于最高投标限价"
    elif firm != plan.favourite and rng.random() < 0.025:
        reason = rng.choice(("未按招标文件要求签章", "资格条件不符合", "未实质性响应招标文件"))
    return BidPlan(
        key=f"{plan.key}-{number + 1:03d}",
        firm=firm,
        machine=firm,
        payer=firm,
        price=price,
        duration_days=_days(plan, rng.randrange(90, 720, 5)),
        received_at=plan.deadline - timedelta(hours=hours),
        on_site=rng.random() < 0.02,
        status="disqualified" if reason else "valid",
        reject_reason=reason,
        form=rng.choices(("transfer", "guarantee", "insurance"), (60, 30, 10))[0],
        manager=f"示例经理{firm.fact('manager', 6)}{rng.randrange(4)}",
    )


def _days(plan: LotPlan, drawn: int) -> int:
    """A bidder's 工期: what the tender allows, or up to a tenth less."""
    return plan.period - drawn // 5 % 4 * plan.period // 30


def _plant(people: People, plan: LotPlan, bids: list[BidPlan]) -> list[BidPlan]:
    """Turn the ring's bids into what the plan's `planted` names; all others stay as they are."""
    if plan.planted in ("ladder", "steps"):
        return _laddered(plan, bids)
    ring = [bid for bid in bids if bid.firm in people.ring]
    if plan.planted is None or len(ring) < 3:
        return bids
    changed = {bid.key: bid for bid in bids}
    for place, bid in enumerate(ring[:3]):
        if plan.planted in ("machine", "collusion"):
            changed[bid.key] = replace(bid, machine=ring[0].firm, on_site=False)
        if plan.planted == "collusion":
            step = (ring[0].price * Decimal("0.002")).quantize(Decimal(100))
            price = ring[0].price.quantize(Decimal(100)) + place * step
            changed[bid.key] = replace(changed[bid.key], price=price, status="valid", reject_reason=None)
        if plan.planted in ("account", "collusion") and place < 2:
            changed[bid.key] = replace(changed[bid.key], payer=ring[0].firm, form="transfer")
    return [changed[bid.key] for bid in bids]


def _laddered(plan: LotPlan, bids: list[BidPlan]) -> list[BidPlan]:
    """All bids a step apart: exactly (ladder), or nearly so, one of them off by a hundredth of a step (steps)."""
    step = (plan.control_price * Decimal("0.004")).quantize(Decimal(100))
    lowest = (plan.control_price * Decimal("0.93")).quantize(Decimal(100))
    off = step * Decimal("0.012") if plan.planted == "steps" else Decimal(0)
    return [
        replace(
            bid, price=lowest + place * step + (off if place == 1 else 0), status="valid", reject_reason=None
        )
        for place, bid in enumerate(bids)
    ]
