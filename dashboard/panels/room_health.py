"""How a room's stream does, as markup: the mark, what is withheld, what is wrong; the banner when the hub is not well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import messages
from dashboard.live import rooms as rooms_live
from dashboard.shell.html import draw, esc
from records import control
from records.clock import BEIJING

MARKS = {
    "good": '<circle cx="7" cy="7" r="6"/>',
    "fair": '<path d="M7 .5 13.5 7 7 13.5.5 7z"/>',
    "bad": '<path d="M7 1 13.5 13H.5z"/>',
    "off": '<circle cx="7" cy="7" r="5" fill="none" stroke="currentColor" stroke-width="2"/>',
    "unknown": '<path d="M1 6h12v2H1z"/>',
}
"""Grade → shape: colour never speaks alone."""
RECORDER = "recorder"
"""The check of the hub's health whose failing is red: recording comes before opening."""


def mark(grade: str, lang: str) -> str:
    """The grade as a shape with its word for those who do not see it."""
    word = messages.say(f"control.{grade}", lang)
    return (
        f'<svg class="hm {grade}" viewBox="0 0 14 14" role="img" aria-label="{esc(word)}">'
        f"<title>{esc(word)}</title>{MARKS[grade]}</svg>"
    )


def covers(room: rooms_live.Room, lang: str) -> list[str]:
    """What is withheld from the public, in words."""
    found = []
    if room["slated"]:
        reason = control.reason_text(room["reason"], lang)
        slated = messages.say("control.slated", lang)
        found.append(messages.say("common.because", lang, what=slated, why=reason) if reason else slated)
    elif room["paused"]:
        found.append(messages.say("control.paused", lang))
    if room["muted"]:
        found.append(messages.say("control.muted", lang))
    return found


def sources(room: rooms_live.Room, lang: str) -> list[tuple[str, str]]:
    """The cameras of a room that do not come, or not as they should: (what is wrong, why and what to do)."""
    found = []
    for source in room.get("sources") or ():
        if source["state"] in ("connecting", "refused") or (
            source["state"] == "live" and source[f"reason_{lang}"]
        ):
            far = source["camera"] != room["id"]
            since = datetime.fromisoformat(source["since"]).astimezone(BEIJING).strftime("%H:%M:%S")
            which = messages.say("control.far" if far else "control.near", lang)
            words = messages.say(f"control.camera_{source['state']}", lang, camera=which, since=since)
            found.append((words, source[f"reason_{lang}"]))
    return found


def notices(room: rooms_live.Room, lang: str) -> list[tuple[str, str]]:
    """What a room's publishers send that some viewers cannot have: (what it is, what to do)."""
    grave = [notice for notice in room.get("notices") or () if notice["grave"]]
    return [
        (_of_camera(notice[lang], notice["camera"] != room["id"], lang), notice[f"remedy_{lang}"])
        for notice in grave
    ]


def _of_camera(words: str, far: bool, lang: str) -> str:
    """What is said of a camera; of the far one it says so first."""
    return (
        messages.say("common.because", lang, what=messages.say("control.far", lang), why=words)
        if far
        else words
    )


# ── the banner ───────────────────────────────────────────────────────────────


def banner(lang: str) -> None:
    """What is wrong with the hub and what to do, red where an opening should wait; nothing while all is well."""
    grave = False
    seen = rooms_live.snapshot()
    if seen.trouble:
        lines = [messages.say(f"control.hub_{seen.trouble}", lang)]
        title = messages.say("control.hub_failing", lang)
    else:
        if seen.health.get("status", "ok") == "ok":
            return
        gravest_first = sorted(seen.health["problems"], key=lambda problem: problem["check"] != RECORDER)
        lines = [_problem(problem, lang) for problem in gravest_first]
        title = messages.say(f"control.hub_{seen.health['status']}", lang)
        grave = any(problem["check"] == RECORDER for problem in seen.health["problems"])
    words = "".join(f"<li>{esc(line)}</li>" for line in lines)
    kind, role = ("card banner red", "alert") if grave or seen.trouble else ("card banner", "status")
    draw(f'<section class="{kind}" role="{role}"><b>{esc(title)}</b><ul>{words}</ul></section>')


def _problem(problem: dict[str, Any], lang: str) -> str:
    return messages.say("common.sentences", lang, first=problem[lang], second=problem[f"remedy_{lang}"])
