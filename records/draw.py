"""The verifiable draw 可复算抽取 of a coefficient, and of any random assignment.

Two people who share no desk each commit to a seed of 32 random bytes by publishing SHA-256 of it, together with the
candidates, before the deadline. After the last decryption both reveal their seeds. The candidate drawn is number

    SHA-256(seed 1 ‖ seed 2 ‖ chain head after the last decryption)  mod  number of candidates,

the digest read as one big-endian integer, candidates counted from 0 in the order published. Nobody could choose it:
each seed was fixed before the other was known, and both before the chain head was. Who does not reveal makes an event
of its own, after which both commit to fresh seeds. web/browser/draw.js computes the same from the public feed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from messages import Message
from records.events import COEFFICIENT
from records.opening_checks import WrongReading
from records.tables.openings import Opening, OpeningEvent

PEOPLE = (1, 2)
"""Numbers of the two who commit."""
EVENTS = ("coefficient_committed", "coefficient_revealed", "coefficient_unrevealed", "coefficient_drawn")
AFTER_PRICES = frozenset({"reading", "objection", "confirmation"})
"""Stages in which prices are known: a draw that was committed to before is brought to its end, none is begun."""


class WrongDraw(WrongReading):
    """A commitment, a seed or a result that does not agree with what was published before it."""


def commitment(seed: str) -> str:
    """SHA-256 of a seed given as 64 hexadecimal digits."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def drawn(seeds: Iterable[str], head: str, candidates: int) -> int:
    """The number, from 0, of the candidate that is drawn; seeds and head as hexadecimal digits."""
    joined = b"".join(bytes.fromhex(part) for part in (*seeds, head))
    return int.from_bytes(hashlib.sha256(joined).digest(), "big") % candidates


@dataclass
class Draw:
    """One draw as its events tell it: who committed and revealed since the last one that was not revealed."""

    kind: str
    pool: list[str] = field(default_factory=list)
    commitments: dict[int, str] = field(default_factory=dict)
    actors: dict[int, str] = field(default_factory=dict)
    """Number → who committed; of the inside, not of the feed."""
    seeds: dict[int, str] = field(default_factory=dict)
    value: str | None = None
    failed: int = 0
    """How many times somebody did not reveal."""

    def add(self, kind: str, payload: Mapping[str, Any], actor: str) -> None:
        """Take in one event of this draw."""
        number = payload.get("no", 0)
        if kind == "coefficient_committed":
            self.commitments[number], self.actors[number] = payload["seed_sha256"], actor
            self.pool = payload.get("pool") or self.pool
        elif kind == "coefficient_revealed":
            self.seeds[number] = payload["seed"]
        elif kind == "coefficient_unrevealed":
            self.failed += 1
            self.commitments, self.actors, self.seeds = {}, {}, {}
        else:
            self.value = payload["value"]

    @property
    def waits(self) -> bool:
        """Whether somebody has committed and nothing has been drawn yet: nobody may choose a value meanwhile."""
        return self.value is None and bool(self.commitments or self.failed)

    @property
    def committed(self) -> bool:
        """Whether both have committed, so that the result is to be computed."""
        return set(self.commitments) == set(PEOPLE) and bool(self.pool)

    def result(self, head: str | None) -> tuple[int, str] | None:
        """Number and name of the candidate drawn, once both seeds and the chain head are known."""
        if head is None or not self.committed or set(self.seeds) != set(PEOPLE):
            return None
        index = drawn((self.seeds[no] for no in PEOPLE), head, len(self.pool))
        return index, self.pool[index]


def is_late(held: Draw | None, at: datetime, due: datetime) -> bool:
    """Whether a commitment made at `at` comes too late: a first one is made before the deadline `due`, fresh ones follow a
    seed that was not revealed."""
    return at >= due and not (held is not None and held.failed)


def kind_of(payload: Mapping[str, Any]) -> str:
    """What an event of a draw is about."""
    return str(payload.get("kind") or COEFFICIENT)


@dataclass
class Draws:
    """All draws of one opening, by kind, and the chain head they hang on."""

    by_kind: dict[str, Draw] = field(default_factory=dict)
    head: str | None = None
    """Hash of the first event that told every bid as decrypted or failed."""

    def add(self, kind: str, payload: Mapping[str, Any], actor: str, hashed: str) -> None:
        """Take in one more event of the opening."""
        if kind in EVENTS:
            name = kind_of(payload)
            self.by_kind.setdefault(name, Draw(name)).add(kind, payload, actor)
        elif self.head is None and payload.get("done") is not None:
            whole = payload["done"] + (payload.get("failed") or 0) == payload["total"]
            self.head = hashed if whole else None

    @property
    def waiting(self) -> list[Draw]:
        """Draws that were committed to and have no result yet."""
        return [draw for draw in self.by_kind.values() if draw.waits]


def draws(session: Session, opening_id: str) -> Draws:
    """The draws of an opening so far."""
    found = Draws()
    query = select(OpeningEvent.type, OpeningEvent.payload, OpeningEvent.actor, OpeningEvent.hash).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_((*EVENTS, "decrypt_progress"))
    )
    for kind, payload, actor, hashed in session.execute(query.order_by(OpeningEvent.seq)):
        found.add(kind, payload, actor, hashed)
    return found


# ── what must hold ───────────────────────────────────────────────────────────


def check(session: Session, opening: Opening, kind: str, payload: Mapping[str, Any], actor: str) -> None:
    """Raise WrongDraw where an event of a draw does not follow from those before it."""
    if kind not in EVENTS:
        return
    held = draws(session, opening.id)
    draw = held.by_kind.get(kind_of(payload), Draw(kind_of(payload)))
    if opening.stage in AFTER_PRICES and not draw.waits:
        raise WrongDraw(Message("draw.after_prices", kind=draw.kind))
    if kind == "coefficient_committed":
        _check_commitment(draw, opening, payload, actor)
    elif kind == "coefficient_drawn":
        _check_result(draw, held, payload)
    elif payload["no"] not in draw.commitments:
        raise WrongDraw(Message("draw.not_committed", no=payload["no"]))
    elif payload["no"] in draw.seeds:
        raise WrongDraw(Message("draw.revealed_already", no=payload["no"]))
    elif held.head is None:
        raise WrongDraw(Message("draw.not_decrypted"))
    elif kind == "coefficient_revealed" and commitment(payload["seed"]) != draw.commitments[payload["no"]]:
        raise WrongDraw(Message("draw.another_seed", no=payload["no"]))


def _check_commitment(draw: Draw, opening: Opening, payload: Mapping[str, Any], actor: str) -> None:
    if payload["no"] in draw.commitments:
        raise WrongDraw(Message("draw.committed_already", no=payload["no"]))
    if draw.value is not None:
        raise WrongDraw(Message("draw.drawn_already", value=draw.value))
    if payload["seed_sha256"] in draw.commitments.values():
        raise WrongDraw(Message("draw.same_seed"))
    if actor in draw.actors.values() and actor != opening.source:  # a platform need not name its people
        raise WrongDraw(Message("draw.same_person"))
    if draw.pool and (payload.get("pool") or draw.pool) != draw.pool:
        raise WrongDraw(Message("draw.other_candidates", candidates=draw.pool))
    if draw.commitments and not (draw.pool or payload.get("pool")):
        raise WrongDraw(Message("draw.no_candidates", kind=draw.kind))


def _check_result(draw: Draw, held: Draws, payload: Mapping[str, Any]) -> None:
    if draw.value is not None and draw.commitments:
        raise WrongDraw(Message("draw.drawn_already", value=draw.value))
    if not draw.waits:
        _check_free_draw(draw, held, payload)
        return
    if draw.failed and not draw.committed:
        raise WrongDraw(Message("draw.fresh_seeds"))
    result = draw.result(held.head)
    if result is None:
        raise WrongDraw(Message("draw.not_revealed"))
    if payload["value"] != result[1]:
        raise WrongDraw(Message("draw.not_as_computed", value=payload["value"], computed=result[1]))
    if (payload.get("pool") or draw.pool) != draw.pool:
        raise WrongDraw(Message("draw.other_candidates", candidates=draw.pool))
    if (payload.get("index", result[0]), payload.get("head", held.head)) != (result[0], held.head):
        raise WrongDraw(Message("draw.computed_otherwise", index=result[0], head=held.head or ""))


def _check_free_draw(draw: Draw, held: Draws, payload: Mapping[str, Any]) -> None:
    """Balls drawn before the camera: not beside a commitment that stands, under whatever name, and not computed."""
    if held.waiting:
        raise WrongDraw(Message("draw.committed_elsewhere", kind=held.waiting[0].kind, told=draw.kind))
    if payload.get("head") is not None:
        raise WrongDraw(Message("draw.nothing_committed", kind=draw.kind))
