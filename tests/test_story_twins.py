"""The story of an opening is told twice, in Python and in the browser's script: both are told the same feeds here."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy.orm import Session

import messages
import web
from records import draw, states
from records.ledger import Ledger
from records.opening_record import Progress
from records.public import rows as public
from records.tables.openings import Opening
from streaming.live.story import Story, opening_record
from streaming.site import render
from tests.needed import needed
from tests.records.market import AFTER, lot_with_opening

NODE = shutil.which("node")
SEEDS = ("1" * 64, "2" * 64)
FRESH = ("3" * 64, "4" * 64)
NAMES = [{"no": no, "name": name} for no, name in enumerate(("甲公司", "乙公司", "丙公司"), start=1)]


def committed(no: int, seed: str) -> dict[str, Any]:
    """A commitment to a seed."""
    return {"no": no, "kind": "K1", "seed_sha256": draw.commitment(seed), "pool": ["0.96", "0.97"]}


STEPS: list[tuple[str, dict[str, Any]]] = [
    ("sign_in", {"count": 3}),
    *(("coefficient_committed", committed(no, SEEDS[no - 1])) for no in (1, 2)),
    ("bidders_published", {"count": 3, "bidders": NAMES}),
    ("objection", {"no": 1, "content": "时钟以何处为准"}),
    ("objection_answered", {"no": 1, "answer": "以标准时间为准"}),
    ("decrypt_progress", {"done": 1, "total": 3}),
    ("control_price", {"amount": "1000", "normal": 3, "over": 0}),
    ("decrypt_progress", {"done": 2, "failed": 1, "total": 3}),
    ("coefficient_revealed", {"no": 1, "kind": "K1", "seed": SEEDS[0]}),
    ("coefficient_unrevealed", {"no": 2, "kind": "K1"}),
    *(("coefficient_committed", committed(no, FRESH[no - 1])) for no in (1, 2)),
    *(("coefficient_revealed", {"no": no, "kind": "K1", "seed": FRESH[no - 1]}) for no in (1, 2)),
    ("coefficient_drawn", {"kind": "K1", "value": "0.97"}),
    ("bid_read", {"no": 1, "name": "甲公司", "price": "990", "duration_days": 90, "quality": "合格"}),
    ("objection", {"no": 2, "content": "听不清"}),
    ("paused", {"reason": "核对", "until": "2026-11-28T09:00:00+08:00"}),
    ("resumed", {}),
    ("objection_answered", {"no": 2, "answer": "已重唱"}),
    ("bid_read", {"no": 2, "name": "乙公司", "price": "980"}),
    ("bid_corrected", {"no": 1, "name": "甲公司", "price": "985", "reason": "口误"}),
    ("bid_corrected", {"no": 1, "name": "甲公司", "price": "1000.01", "reason": "漏唱一位"}),
    ("bid_corrected", {"no": 1, "name": "甲公司", "duration_days": 80, "reason": "工期读错"}),
    ("bid_corrected", {"no": 2, "name": "乙公司", "price": "900", "remark": "不含税报价", "reason": "漏唱口径"}),
    ("bid_corrected", {"no": 2, "name": "乙公司", "price": "901", "reason": "口误"}),
    ("objection", {"no": 3, "content": "报价有误"}),
    ("bid_read", {"no": 3, "name": "丙公司", "remark": "解密失败，不唱标"}),
    ("record_confirmed", {"rows": 3, "kept_open": [{"no": 3, "reason": "评标时一并答复"}]}),
    ("ended", {"result": "opened"}),
    ("ended", {"result": "terminated", "reason": "停电"}),  # of those whose record was not confirmed
    ("sealed", {"head": "0" * 64, "segments": 3}),
]  # fmt: skip
"""An opening in its usual order; the walks below leave steps out, repeat them and swap them."""

TELL = """
import { Story } from "./story.js";
const feeds = JSON.parse(await new Promise((done) => { let t = ""; process.stdin.on("data", (c) => t += c).on("end", () => done(t)); }));
const seen = (s) => ({ stage: s.stage, steps: { ...s.steps }, current: s.current, seq: s.seq, head: s.head, decryption: s.decryption, control: s.control,
  bidders: [...s.bidders], prices: [...s.readings].map(([no, r]) => [no, r.price ?? null, (r.before ?? []).map((b) => b.price ?? null), s.otherVat(r), s.isOver(r), r.duration_days ?? null, r.quality ?? null]),
  objections: [...s.objections].map(([no, o]) => [no, o.answer ?? null, o.keptOpen ?? null]), decrypted_head: s.decryptedHead,
  seeds: s.seeds.map((e) => [e.type, e.no]), result: [s.result, s.resultReason], until: s.pausedUntil });
console.log(JSON.stringify(feeds.map((feed) => { const s = new Story(); return feed.map((m) => { s.add(m); return seen(s); }); })));
"""


DRAW = """
import { Story } from "./story.js";
import { recomputed } from "./draw.js";
const feeds = JSON.parse(await new Promise((done) => { let t = ""; process.stdin.on("data", (c) => t += c).on("end", () => done(t)); }));
const told = [];
for (const feed of feeds) { const s = new Story(); for (const m of feed) s.add(m); told.push([...recomputed(s)].map(([kind, d]) => [kind, d.value, d.agrees])); }
console.log(JSON.stringify(told));
"""


SAY = """
import { sentence } from "./story.js";
const { feed, words } = JSON.parse(await new Promise((done) => { let t = ""; process.stdin.on("data", (c) => t += c).on("end", () => done(t)); }));
const say = (key, values) => Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), words[`say.${key}`]);
const voice = { say, term: (text) => words[`term.${text}`] ?? text, money: (amount, told = null) => `${amount} ${told ?? "None"}` };
console.log(JSON.stringify(feed.map((message) => sentence(message, voice))));
"""


def run_script(code: str, feeds: Any) -> Any:
    """What the browser's scripts make of the feeds."""
    folder = Path(web.__file__).parent / "browser"
    for name in ("story", "draw"):
        code = code.replace(f'"./{name}.js"', f'"{(folder / name).as_uri()}.js"')
    needed(NODE, "node")
    asked = subprocess.run(
        [str(NODE), "--input-type=module", "-e", code], input=json.dumps(feeds), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout)


def seen(story: Story) -> dict[str, Any]:
    """What the script is asked to tell, as Python tells it."""
    return {
        "stage": story.stage, "steps": story.steps, "current": story.current, "seq": story.seq, "head": story.head,
        "decryption": story.decryption, "control": story.control, "bidders": [[no, name] for no, name in story.bidders.items()],
        "prices": [
            [no, read.price, [first.price for first in read.before], story.other_vat(read), story.is_over(read), read.duration_days, read.quality]
            for no, read in story.readings.items()
        ],
        "objections": [[no, said.answer, said.kept_open] for no, said in story.objections.items()],
        "until": story.paused_until, "decrypted_head": story.decrypted_head, "seeds": [[one["type"], one["no"]] for one in story.seeds],
        "result": [story.result, story.result_reason],
    }  # fmt: skip


def computed(session: Session) -> str | None:
    """What the draw gives, where both seeds are known."""
    held = draw.draws(session, "O1")
    found = held.by_kind["K1"].result(held.head) if "K1" in held.by_kind else None
    return found and found[1]


def take(ledger: Ledger, steps: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Take the steps that are legal; the feed they make. After each, Python's story is at the ledger's stage."""
    story = Story()
    for number, (kind, payload) in enumerate(steps):
        try:
            with ledger.write() as session:
                if kind == "coefficient_drawn":
                    payload = {**payload, "value": computed(session) or payload["value"]}
                at = AFTER + timedelta(seconds=number)
                states.append_event(session, "O1", kind, payload, actor=f"host {number}", ts=at)
        except (states.IllegalTransition, ValidationError):
            continue
        with ledger.read() as session:
            for message in public.opening_events(session, "O1", story.seq):
                story.add(message)
            if story.seq > 1:
                assert story.stage == session.get_one(Opening, "O1").stage, kind
    with ledger.read() as session:
        return list(public.opening_events(session, "O1"))


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """The feeds of many openings, the usual one first."""
    made: list[list[dict[str, Any]]] = []
    folder = tmp_path_factory.mktemp("walks")
    with closing(Ledger(f"sqlite:///{folder / 'empty.db'}")) as empty:
        empty.upgrade()
        with empty.write() as session:
            lot_with_opening(session)

    @given(
        st.lists(st.integers(0, len(STEPS) - 1), max_size=6),
        st.lists(st.integers(0, len(STEPS) - 1), max_size=4),
    )
    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def walk(left_out: list[int], again: list[int]) -> None:
        own = folder / f"{len(made)}.db"
        shutil.copy(folder / "empty.db", own)
        steps = [step for number, step in enumerate(STEPS) if number not in left_out]
        for number in again:
            steps.insert(min(number * 2, len(steps)), STEPS[number])
        with closing(Ledger(f"sqlite:///{own}")) as ledger:
            made.append(take(ledger, steps))

    walk()
    return made


def test_the_usual_course_is_whole(feeds: list[list[dict[str, Any]]]) -> None:
    assert max(len(feed) for feed in feeds) >= len(STEPS) - 1
    assert {message["type"] for feed in feeds for message in feed} >= {
        "coefficient_unrevealed",
        "bid_corrected",
        "sealed",
    }


def test_both_tellings_agree_after_every_event(feeds: list[list[dict[str, Any]]]) -> None:
    for feed, told in zip(feeds, run_script(TELL, feeds), strict=True):
        story = Story()
        for message, there in zip(feed, told, strict=True):
            story.add(message)
            assert there == seen(story), message["type"]


def test_a_corrected_price_is_counted_above_the_ceiling(feeds: list[list[dict[str, Any]]]) -> None:
    """Nobody was above it when the prices were checked; the corrected record counts one, as it marks one. What turned out to
    be without VAT is counted on neither side."""
    story = Story()
    for message in max(feeds, key=len):
        story.add(message)
    assert story.readings[1].price == "1000.01" and story.control is not None
    assert (story.control["normal"], story.control["over"]) == (1, 1)
    rows = {row["no"]: (row["over"], row["other_vat"]) for row in opening_record({}, story)["bids"]}
    assert rows == {1: (True, None), 2: (None, "excluded"), 3: (False, None)}


def test_what_a_correction_does_not_name_stays_as_it_was_read(
    feeds: list[list[dict[str, Any]]],
) -> None:
    """In the record, on the page (the browser's telling is held to it above), and in what the ledger makes of the events."""
    story, progress = Story(), Progress()
    for message in max(feeds, key=len):
        story.add(message)
        progress.add(message["type"], message["payload"])
    names = ("price", "duration_days", "quality", "remark")
    rows = {row["no"]: tuple(row[name] for name in names) for row in opening_record({}, story)["bids"]}
    assert rows[1] == ("1000.01", 80, "合格", None) and rows[2] == ("901", None, None, "不含税报价")
    assert {no: tuple(read.get(name) for name in names) for no, read in progress.said.items()} == rows
    assert [first.price for first in story.readings[1].before] == ["990", "985", "1000.01"]


@pytest.mark.parametrize("lang", messages.languages())
def test_both_say_an_event_in_the_same_words(
    feeds: list[list[dict[str, Any]]], lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amounts apart, which each site writes in its own unit: what is told of their VAT goes with them."""
    monkeypatch.setattr(render, "money", lambda amount, _lang, _currency, told=None: f"{amount} {told}")
    feed = max(feeds, key=len)
    said = run_script(SAY, {"feed": feed, "words": render.words(lang)})
    assert said == [render.sentence(message, lang, "CNY") for message in feed]
    corrected = [
        words for words, message in zip(said, feed, strict=True) if message["type"] == "bid_corrected"
    ]
    assert any("口误" in words for words in corrected), "why it was corrected is told"
    assert any("900 excluded" in words for words in corrected)
    assert any("11-28 09:00" in words for words in said), "when an adjourned opening goes on is told"


def test_the_browser_computes_the_draw_that_the_ledger_told(feeds: list[list[dict[str, Any]]]) -> None:
    drawn = [feed for feed in feeds if any(m["type"] == "coefficient_drawn" and "K1" in str(m) for m in feed)]
    whole = [told for told in run_script(DRAW, drawn) if told]
    assert whole and all(agrees for told in whole for _, _, agrees in told)
    feed = json.loads(json.dumps(next(f for f in drawn if run_script(DRAW, [f])[0])))
    forged = [
        {**m, "payload": m["payload"] | {"value": "0.99"}} if m["type"] == "coefficient_drawn" else m
        for m in feed
    ]
    assert run_script(DRAW, [forged])[0][0][2] is False
