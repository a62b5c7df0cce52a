"""The small files of an evidence package that are made of an opening's public events: record, captions, README."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import messages
from evidence.files import write_whole
from evidence.verify import VerifierKey
from messages import Message
from records.filenames import file_name
from streaming.live.story import Story, opening_record
from streaming.log import leaves
from streaming.log.paper import certificate, record_pdf
from streaming.replay.captions import LONGEST, webvtt
from streaming.site.opening import record_figures
from streaming.site.render import currency_of, sentence

SHORTEST = 0.5
"""Seconds; of events told at once each is seen."""
README_LINES = ("what", "files", "check", "browser", "alone", "key", "withheld", "limits")

Events = Sequence[Mapping[str, Any]]
Films = Mapping[str, tuple[datetime, datetime | None]]
"""A recording's path in the package → when it begins and ends."""


def write_all(
    folder: Path, opening: Mapping[str, Any], events: Events, films: Films, keys: Iterable[VerifierKey], data_dir: Path,
    roots: Path | None,
) -> None:  # fmt: skip
    """Write what is sealed besides the recordings. `roots`: the root certificates of the time-stamping authority."""
    story = Story(opening.get("vat"))
    for message in events:
        story.add(dict(message))
    record = opening_record(opening, story)
    write_whole(folder / "events.jsonl", b"".join(leaves.event_line(one) + b"\n" for one in events))
    write_whole(folder / "record.json", (json.dumps(record, ensure_ascii=False, indent=1) + "\n").encode())
    _write_captions(folder, events, films, currency_of(opening))
    log_key, *witnesses = keys
    figures = record_figures(opening, story, record, messages.languages()[0])
    paper = record_pdf(record, opening, figures, data_dir, log_key.name)
    if paper is not None:
        write_whole(folder / "record.pdf", paper)
        write_whole(folder / "keys" / "record.pem", certificate(data_dir, log_key.name)[1].read_bytes())
    write_whole(folder / "keys" / "log.vkey", f"{log_key}\n".encode())
    for key in witnesses:
        write_whole(folder / "keys" / f"witness-{file_name(key.name)}.vkey", f"{key}\n".encode())
    if roots is not None:
        write_whole(folder / "keys" / "timestamp-ca.pem", roots.read_bytes())
    write_whole(folder / "README.md", readme(opening).encode())


def _write_captions(folder: Path, events: Events, films: Films, currency: str) -> None:
    """captions.vtt by the time line of the first recording, and for each recording those of its own."""
    begun = next(iter(films.values()), (None, None))[0]
    write_whole(folder / "captions.vtt", captions(events, begun, None, currency).encode())
    for path, (begins, ends) in films.items():
        own = captions(events, begins, ends, currency)
        write_whole(folder / "captions" / f"{PurePosixPath(path).stem}.vtt", own.encode())


def readme(opening: Mapping[str, Any]) -> str:
    """What a package is and how it is checked, in every language."""
    parts = []
    for lang in messages.languages():
        values = {"opening": opening["id"], "title": opening["title"]}
        lines = [Message(f"evidence.readme.{key}", **values).text(lang) for key in README_LINES]
        parts.append("\n\n".join([f"# {Message('evidence.readme.heading', **values).text(lang)}", *lines]))
    return "\n\n---\n\n".join(parts) + "\n"


def captions(events: Events, begun: datetime | None, ended: datetime | None, currency: str) -> str:
    """WebVTT of the events by the time line of a recording that begins at `begun` (None: there is none), up to `ended`
    (None: all)."""
    moments = [(datetime.fromisoformat(str(one["ts"])), one) for one in events]
    shown = [(at, one) for at, one in moments if begun and at >= begun and (ended is None or at <= ended)]
    starts = [(at - begun).total_seconds() for at, _ in shown] if begun else []
    lang = messages.languages()[0]
    return webvtt(
        (start, start + min(LONGEST, max(SHORTEST, following - start)), sentence(one, lang, currency))
        for (_, one), start, following in zip(shown, starts, [*starts[1:], math.inf], strict=False)
    )
