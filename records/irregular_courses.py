"""What is irregular 异常 in the steps of an opening by its own course and its lot's public terms: all of it can be seen in the
public feed, by anybody. (What only the ledger's bids tell stands in `records.irregularities`.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from messages import Message, known
from records import draw
from records.currencies import currency, with_vat
from records.legal_clock import FEWEST_BIDDERS, is_tendered
from records.opening_record import Progress, as_corrected
from records.tables.projects import Lot

GOES_ON = frozenset({
    "decrypt_progress", "control_price", "coefficient_committed", "coefficient_revealed", "coefficient_unrevealed",
    "coefficient_drawn", "bid_read", "bid_corrected", "record_confirmed",
})  # fmt: skip
"""Steps by which bids are opened. Without enough bidders what is left is to adjourn, to hear objections, to end."""
JUDGED = GOES_ON | {"bidders_published", "ended"}
"""Steps that may be irregular."""
_READ_BESIDE = ("duration_days", "quality", "remark")
"""What is read of a bid besides its price."""
CNY = "CNY"
FEN = Decimal("0.01")
"""A hundredth of a yuan, in which prices are told."""


@dataclass(frozen=True)
class Finding:
    """What is irregular in a step: in short, as a host is refused it, as a platform's report of it is noted."""

    said: Message
    refusal: Message
    note: Message


def finding(name: str, **values: Any) -> Finding:
    """The finding `irregular.<name>`."""
    said = Message(f"irregular.{name}", **values)
    refusal = Message("irregular.refused", finding=said, remedy=Message(f"irregular.remedy.{name}"))
    return Finding(said, refusal, Message("irregular.kept", finding=said))


@dataclass(frozen=True)
class Terms:
    """What of a lot its opening is held against; None where it is not known."""

    control_price: Decimal | None = None
    base_price: Decimal | None = None
    tendered: bool = False
    """Whether the law on tenders holds for it (`records.legal_clock.is_tendered`)."""
    currency: str = CNY
    """What its amounts are in, as `records.currencies` writes it."""
    due: datetime | None = None
    """The deadline; in the public feed the time announced for the opening."""

    @classmethod
    def of(cls, lot: Lot, due: datetime | None = None) -> Terms:
        """Those of a lot of the ledger."""
        tendered = is_tendered(lot.method, lot.trade_family)
        return cls(lot.control_price, lot.base_price, tendered, currency(lot.currency, lot.vat), due)

    @classmethod
    def public(cls, row: Mapping[str, Any]) -> Terms:
        """Those that the public row of an opening tells."""
        limit = row.get("control_price")
        tendered = is_tendered(row.get("method"), row.get("trade_family"))
        due = row.get("scheduled_at")
        return cls(
            None if limit is None else Decimal(limit), None, tendered, currency(row.get("currency") or CNY, row.get("vat")),
            datetime.fromisoformat(due) if due else None,
        )  # fmt: skip

    def few(self, course: Progress) -> int | None:
        """How many bidders the published list has where they are fewer than the law asks for; None where there are enough."""
        count = len(course.listed)
        return count if self.tendered and course.published and count < FEWEST_BIDDERS else None


def judge(
    course: Progress, kind: str, payload: Mapping[str, Any], terms: Terms, at: datetime
) -> Iterator[Finding]:
    """What is irregular in a step taken at `at`, after the course of the opening before it."""
    if kind == "coefficient_committed":
        held = course.draws.get(draw.kind_of(payload))
        if terms.due is not None and draw.is_late(held, at, terms.due):
            yield finding("committed_late", kind=_term(draw.kind_of(payload)))
    elif kind == "bid_read" and course.undrawn:
        yield finding("reading_before_draw", kinds=[_term(kind) for kind in course.undrawn])
    elif kind == "coefficient_drawn":
        yield from _drawn_again(course, payload)
    elif kind == "control_price":
        yield from _prices(course, terms, payload)
    elif kind == "bid_corrected":
        yield from _corrected(course, terms, payload)
    elif kind == "record_confirmed" and course.confirmed and not course.changed:
        yield finding("confirmed_again")
    elif kind == "ended":
        yield from _ended(course, terms, payload)


def failed_with_enough(bidders: int, course: Progress, terms: Terms) -> Iterator[Finding]:
    """An opening fails for want of bidders (招标投标法 art. 28); `bidders`: how many there are."""
    opened = max(0, bidders - course.failed)
    if opened >= FEWEST_BIDDERS if terms.tendered else bool(course.read):
        yield finding("failed_with_enough", count=opened)


def in_feed(
    messages: Iterable[Mapping[str, Any]], terms: Terms
) -> Iterator[tuple[Mapping[str, Any], Message]]:
    """Every irregular step that the public feed of an opening shows, each with the message that tells of it."""
    course, few_told = Progress(), False
    for message in messages:
        kind, payload, told = str(message["type"]), message["payload"], datetime.fromisoformat(message["ts"])
        if kind in GOES_ON and not few_told and (few := terms.few(course)) is not None:
            few_told = True
            yield message, Message("irregular.too_few", count=few, fewest=FEWEST_BIDDERS)
        if kind in JUDGED:
            yield from ((message, one.said) for one in judge(course, kind, payload, terms, told))
        if kind == "ended" and payload.get("result") == "failed" and course.published:
            enough = failed_with_enough(len(course.listed), course, terms)
            yield from ((message, one.said) for one in enough)
        course.add(kind, payload)


def _drawn_again(course: Progress, payload: Mapping[str, Any]) -> Iterator[Finding]:
    held = course.draws.get(draw.kind_of(payload))
    if held is not None and held.value is not None:
        yield finding("drawn_again", kind=_term(held.kind), value=held.value, other=str(payload["value"]))


def _term(kind: str) -> Message | str:
    """What is drawn, in the reader's language where it is a usual term."""
    return Message(f"term.{kind}") if known(f"term.{kind}") else kind


def _prices(course: Progress, terms: Terms, payload: Mapping[str, Any]) -> Iterator[Finding]:
    """The ceiling stands in the tender documents (实施条例 art. 27): at the opening it is told, not set."""
    for name, published in (("amount", terms.control_price), ("base_price", terms.base_price)):
        amount = payload.get(name)
        if amount is not None and published is not None and Decimal(amount) != published:
            told, held = (_amount(str(one), terms) for one in (amount, format(published, "f")))
            yield finding(f"other_{name}", told=told, published=held)
    checked = payload.get("normal", 0) + payload.get("over", 0)
    due = course.decrypted or len(course.listed) - course.failed
    if "normal" in payload and "over" in payload and checked < due:
        yield finding("not_all_checked", checked=checked, due=due)


def _amount(number: str, terms: Terms) -> Message | str:
    """An amount to the last digit, as it was told, with its unit."""
    iso = with_vat(terms.currency)
    amount = Message("irregular.yuan", n=number) if iso == CNY else f"{iso} {number}"
    return amount if iso == terms.currency else Message("money.net", amount=amount)


def _corrected(course: Progress, terms: Terms, payload: Mapping[str, Any]) -> Iterator[Finding]:
    """A correction says what was read wrongly and why; prices are above 0 and told to the hundredth of a yuan."""
    price = payload.get("price")
    if not payload.get("reason"):
        yield finding("correction_without_reason")
    before = course.said.get(payload["no"])
    if before is not None and _as_read(before) == _as_read(as_corrected(before, payload)):
        yield finding("correction_without_change")
    if price is not None and (Decimal(price) <= 0 or Decimal(price) % FEN):
        yield finding("corrected_price", price=_amount(str(price), terms))


def _as_read(payload: Mapping[str, Any]) -> tuple[object, ...]:
    price = payload.get("price")
    return (None if price is None else Decimal(price), *(payload.get(name) or None for name in _READ_BESIDE))


def _ended(course: Progress, terms: Terms, payload: Mapping[str, Any]) -> Iterator[Finding]:
    """An objection is answered on the spot, however the opening ends (实施条例 art. 44); breaking off needs a reason, failing
    too where it is not the list that has too few."""
    result = payload.get("result")
    if result in ("failed", "terminated") and course.open:
        yield finding(f"{result}_unanswered", numbers=sorted(course.open))
    known = result == "failed" and terms.few(course) is not None
    if result in ("failed", "terminated") and not payload.get("reason") and not known:
        yield finding(f"{result}_without_reason")
