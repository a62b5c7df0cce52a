"""State of the rooms as the hub reports it, and the operators' orders to the hub: signed by the desk, sent by the desk, audited.

The hub's control address answers only to tokens signed with the installation's key; no browser ever has one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
import structlog

import messages
from dashboard import context
from records import audit, control
from records.control import Order
from records.rooms import MOST_LOST
from records.serving import signing

FRESH_SECONDS = 2.0
"""For how long one answer of the hub serves every session of this desk."""
PATIENCE = httpx.Timeout(2.0, connect=1.0)
HOSTS = frozenset({"operator", "admin"})
"""Roles that may mute a room and put the slate up."""
KEEPERS = frozenset({"admin"})
"""Roles that may ask for two people."""

Room = Mapping[str, Any]

log = structlog.get_logger()


@dataclass(frozen=True)
class Snapshot:
    """All rooms with their figures and the hub's health, as of `at` (seconds of time.monotonic)."""

    rooms: tuple[dict[str, Any], ...] = ()
    health: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    """The log's newest signed head, as `streaming.log.keeper` tells it; empty while the hub does not say."""
    trouble: str = ""
    """Why the hub did not answer: down, late or refused; empty while it does."""
    at: float = 0.0

    def room(self, room_id: str | None) -> dict[str, Any] | None:
        """One room's line, None if the hub knows none of this id or did not answer."""
        return next((room for room in self.rooms if room["id"] == room_id), None)


@dataclass(frozen=True)
class Answer:
    """What became of an order: done, waiting (for a second person), refused, down."""

    outcome: str
    words: str = ""
    """The hub's own words where it refused."""


_lock = threading.Lock()
_client = httpx.Client(timeout=PATIENCE)
_held: dict[str, Snapshot] = {}
_asking: set[str] = set()
"""Hubs that a thread of its own is asking."""


def _address() -> str:
    config = context.config()
    return (config.hub_inside or config.hub_url).rstrip("/")


def _bearer(order: Order) -> dict[str, str]:
    key = signing.load_key(context.config().data_dir)
    return {"Authorization": f"Bearer {control.sign(key, order)}"}


def snapshot() -> Snapshot:
    """The rooms as the hub sees them, at most two seconds old; never raises.

    A hub that does not answer is asked again beside the screens, which say so meanwhile: none waits for it.
    """
    hub = _address()
    with _lock:
        held = _held.get(hub)
        if held is None:
            held = _look(hub)
        elif time.monotonic() - held.at > FRESH_SECONDS:
            if not held.trouble:
                held = _look(hub)
            elif hub not in _asking:
                _asking.add(hub)
                threading.Thread(target=_look_beside, args=(hub,), daemon=True).start()
        return held


def _look(hub: str) -> Snapshot:
    """Ask the hub and keep what it says; that it is away is logged once, until it is back."""
    before = _held.get(hub)
    found = _held[hub] = replace(_ask(hub), at=time.monotonic())
    if found.trouble and (before is None or before.trouble != found.trouble):
        log.warning("hub_not_reached", trouble=found.trouble)
    return found


def _look_beside(hub: str) -> None:
    try:
        _look(hub)
    finally:
        _asking.discard(hub)


def forget() -> None:
    """Ask the hub anew at the next `snapshot`."""
    with _lock:
        _held.clear()


def _ask(hub: str) -> Snapshot:
    try:
        answer = _client.get(f"{hub}/control/rooms", headers=_bearer(Order("desk", "read")))
        if answer.status_code != httpx.codes.OK:
            return Snapshot(trouble="refused")
        body = answer.json()
        return Snapshot(tuple(body["rooms"]), body["health"], body.get("log", {}))
    except httpx.TimeoutException:
        return Snapshot(trouble="late")
    except (httpx.HTTPError, ValueError, KeyError):
        return Snapshot(trouble="down")


def give(order: Order, ip: str | None = None, lang: str = messages.languages()[0]) -> Answer:
    """Send an order and note it in the audit chain; a refusal is in the words of `lang`.

    What uncovers is noted before it is sent, so that nothing is shown to the public without a note; what
    covers is sent first, so that a ledger that is down cannot keep a slate from going up. Raises what the
    ledger raises where the note cannot be written.
    """
    if not order.on:
        _note(order, "ordered", ip)
    answer = _send(order, lang)
    forget()
    if order.on or answer.outcome != "done":
        _note(order, answer.outcome, ip)
    return answer


def _send(order: Order, lang: str) -> Answer:
    address = f"{_address()}/control/rooms/{quote(order.room, safe='')}"
    try:
        answer = _client.post(address, headers={**_bearer(order), "accept-language": lang})
    except httpx.HTTPError as error:
        log.warning("hub_not_reached", error=type(error).__name__)
        return Answer("down")
    if answer.status_code == httpx.codes.OK:
        return Answer("done")
    if answer.status_code == httpx.codes.ACCEPTED:
        return Answer("waiting")
    return Answer("refused", _detail(answer))


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def _note(order: Order, outcome: str, ip: str | None) -> None:
    detail: dict[str, Any] = {"on": order.on, "outcome": outcome}
    if order.reason in control.REASONS:
        detail["reason"] = order.reason
    if order.second:
        detail["asked_by"] = order.actor
    with context.ledger().write() as session:
        audit.write(
            session, order.second or order.actor, f"room.{order.act}", object_kind="room",
            object_id=order.room, detail=detail, ip=ip,
        )  # fmt: skip


# ── what the figures mean ─────────────────────────────────────────────────────

LIMITS = {"loss": (0.02, MOST_LOST), "jitter": (0.05, 0.15), "rtt": (0.3, 0.8), "fps_low": (10.0, 5.0)}
"""Figure → (fair from, bad from); `fps_low` downwards."""


def grade(room: Room | None) -> str:
    """How a room's stream does: good, fair, bad, off (nothing published), unknown (the hub does not say)."""
    if room is None:
        return "unknown"
    if not room["publishing"]:
        return "off"
    grades = {grade for _, grade in faults(room)}
    return "bad" if "bad" in grades else "fair" if grades else "good"


def faults(room: Room) -> list[tuple[str, str]]:
    """What is beyond its limit while a room publishes: (loss, jitter, rtt, fps or recorder; fair or bad)."""
    if not room["publishing"]:
        return []
    marks = {name: _mark(room.get(name), *LIMITS[name]) for name in ("loss", "jitter", "rtt")}
    if room.get("video"):
        marks["fps"] = _mark(-(room.get("fps") or 0.0), *(-limit for limit in LIMITS["fps_low"]))
    recorder = room.get("recorder")
    if recorder is not None and recorder["state"] in ("failed", "disk"):
        marks["recorder"] = 2
    return [(name, ("fair", "bad")[mark - 1]) for name, mark in marks.items() if mark]


def _mark(value: float | None, fair: float, bad: float) -> int:
    return 0 if value is None else int(value >= fair) + int(value >= bad)


def bitrate(room: Room) -> str:
    """Mbit/s with two places, kbit/s below a tenth; a dash without a picture."""
    value = room.get("bitrate") if room["publishing"] else None
    if value is None:
        return "—"
    return f"{value / 1e6:.2f} Mbit/s" if value >= 1e5 else f"{value / 1e3:.0f} kbit/s"


def fps(room: Room) -> str:
    """Frames a second."""
    value = room.get("fps") if room["publishing"] else None
    return "—" if value is None else f"{value:.0f}"


def loss(room: Room) -> str:
    """Loss before repair in per cent."""
    value = room.get("loss") if room["publishing"] else None
    return "—" if value is None else f"{100 * value:.1f} %"


def milliseconds(room: Room, name: str) -> str:
    """Jitter or RTT in milliseconds."""
    value = room.get(name) if room["publishing"] else None
    return "—" if value is None else f"{1000 * value:.0f} ms"


COLUMNS = ("bitrate", "fps", "loss", "jitter", "rtt", "viewers", "recorder")
"""The figures of a stream, in the order in which they are shown."""


def figures(room: Room, lang: str) -> dict[str, str]:
    """Each figure of the strip as text."""
    return {
        "bitrate": bitrate(room),
        "fps": fps(room),
        "loss": loss(room),
        "jitter": milliseconds(room, "jitter"),
        "rtt": milliseconds(room, "rtt"),
        "viewers": str(room.get("viewers") or 0),
        "recorder": recorder(room, lang),
    }


def recorder(room: Room, lang: str) -> str:
    """What the recorder does in a room."""
    state = room.get("recorder")
    return messages.say(f"control.rec_{state['state'] if state else 'none'}", lang)


def tip(room: Room | None, lang: str) -> str:
    """One line for a tooltip."""
    word = messages.say(f"control.{grade(room)}", lang)
    if room is None:
        return word
    shown = figures(room, lang)
    if not room["publishing"]:
        return f"{word} · {messages.say('control.recorder', lang)} {shown['recorder']}"
    parts = [f"{messages.say(f'control.{name}', lang)} {shown[name]}" for name in COLUMNS]
    return " · ".join([word, *parts])
