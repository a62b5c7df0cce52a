"""What the law keeps secret, tried from outside: worlds that differ in it alone give the public the same answers.

Records go in at the intake's HTTP door, the public looks at every address of the hub; the clock stands where the
test puts it.
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.reading import read
from tests.streaming.two_doors import (
    FIRMS,
    HOUR,
    MINUTE,
    Place,
    Seen,
    T,
    World,
    bid_secretly,
    bidders,
    lot,
    opening,
    said,
    step,
    world,
)

LATER = T + 2 * HOUR
"""The deadline after its postponement."""
NUMBERS = itertools.count(1)


@pytest.fixture
def few(place: Place, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "few") as made:
        yield made


@pytest.fixture
def many(place: Place, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "many") as made:
        yield made


def same(first: World, second: World) -> None:
    """Every public address answers alike, to the byte, headers too."""
    first.settle()
    second.settle()
    number = next(NUMBERS)
    found = differences(first.look(number), second.look(number))
    assert not found, "\n".join(found)


def differences(one: Seen, other: Seen) -> list[str]:
    """Where the answers differ, line by line."""
    lines = [
        [str(part) for part in (*seen[path][:2], *seen[path][2].splitlines())]
        for path in one
        for seen in (one, other)
    ]
    pairs = zip(one, lines[::2], lines[1::2], strict=True)
    return [
        f"{path}: {line}"
        for path, mine, theirs in pairs
        for line in difflib.unified_diff(mine, theirs, "few", "many", n=0, lineterm="")
    ]


def sign_in(count: int) -> list[dict[str, Any]]:
    """One sign-in a bidder, counted up."""
    return [step(number, "sign_in", count=number) for number in range(1, count + 1)]


# ── the number of bidders ────────────────────────────────────────────────────


def test_two_bidders_or_forty_look_the_same_until_the_list(few: World, many: World, place: Place) -> None:
    few.accept(*bid_secretly(2), *sign_in(2))
    many.accept(*bid_secretly(FIRMS), *sign_in(FIRMS))
    same(few, many)
    place(T + MINUTE)
    for each, count in ((few, 2), (many, FIRMS)):
        each.accept(step(count + 1, "sign_in", count=count))
    same(few, many)
    for each, count in ((few, 2), (many, FIRMS)):
        each.accept(step(99, "bidders_published", count=count, bidders=bidders(count)))
    assert [len(each.events()) for each in (few, many)] == [2 + 2 + 1, FIRMS + 2 + 1]
    assert few.types()[-1] == many.types()[-1] == "bidders_published"


def test_nobody_or_somebody_looks_the_same_through_a_postponement(
    few: World, many: World, place: Place
) -> None:
    many.accept(*bid_secretly(3), *sign_in(3))
    for each in (few, many):
        each.accept(lot(2, deadline=LATER), opening(2, LATER))
    same(few, many)
    assert few.hub.get("/api/openings/O1").json()["scheduled_at"].startswith("2026-05-06T11:30")
    place(T + MINUTE)
    same(few, many)
    many.accept(*(step(20 + n, "sign_in", count=n) for n in (1, 2)))
    for each in (few, many):
        each.accept(opening(3, LATER + MINUTE), lot(3, deadline=LATER + MINUTE, status="paused"))
    same(few, many)
    place(LATER + HOUR)
    same(few, many)
    many.accept(step(99, "bidders_published", count=3, bidders=bidders(3)))
    told = [*["sign_in"] * 3, "scheduled", *["sign_in"] * 2, "scheduled", "bidders_published"]
    assert many.types() == ["scheduled", *told]


@pytest.mark.parametrize("moves", [(LATER,), (LATER, LATER + HOUR), (LATER, T + HOUR), (T - 30 * MINUTE,)])
def test_an_outcome_sent_early_waits_for_the_deadline_in_force(
    few: World, many: World, place: Place, moves: tuple[datetime, ...]
) -> None:
    """failed 流标 and its notices, then the deadline moved: twice, back, or forwards."""
    many.accept(*early_outcome(lot(2, status="failed")))
    for version, deadline in enumerate(moves, start=3):
        few.accept(lot(version, deadline=deadline))
        many.accept(lot(version, deadline=deadline))
        same(few, many)
    for moment in sorted({T + MINUTE, moves[-1] - MINUTE} - {T - HOUR}):
        if moment < moves[-1]:
            place(moment)
            same(few, many)
    place(moves[-1])
    assert many.hub.get("/project/P1").text != few.hub.get("/project/P1").text


def early_outcome(failed: dict[str, Any]) -> list[dict[str, Any]]:
    """A lot that failed, and every paper that says so."""
    early = {"lot": "L1", "published_at": (T - 2 * HOUR).isoformat()}
    about = {"lot": "L1", "bidder": "B1", "rank": 1, "price": "1", "publicity_from": early["published_at"]}
    return [
        failed,
        *(said("notice", kind, {**early, "type": kind, "title": "流标：不足三家"}) for kind in
          ("termination", "result", "candidates")),
        said("award", "A1", about),
        said("award", "A2", {**about, "rank": 2, "bidder": "B2", "status": "awarded", "awarded_at": early["published_at"]}),
        said("contract", "K1", {"lot": "L1", "bidder": "B1", "signed_at": early["published_at"]}),
        said("objection", "Q1", {"lot": "L1", "stage": "opening", "kind": "complaint", "content": "只有两家",
                                 "raised_at": early["published_at"], "answer": "属实", "answered_at": early["published_at"]}),
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["closed", "opening", "opened", "evaluating", "publicity", "awarded"])
def test_no_status_of_a_lot_is_told_before_its_deadline(few: World, many: World, status: str) -> None:
    many.accept(lot(2, status=status, base_price="77123"))
    few.accept(lot(2, base_price="88456"))
    same(few, many)


def test_a_history_record_sent_early_is_silent(few: World, many: World, place: Place) -> None:
    """An opening reported as a whole, ended and failed, before its deadline: for a lot without an opening so far."""
    for each in (few, many):
        each.accept(
            said("lot", "L2", {"project": "P1", "name": "二标段", "deadline": T.isoformat()}),
            said("lot", "L3", {"project": "P1", "name": "三标段"}),
        )
    for number in (2, 3):
        many.accept(said("opening", f"O{number}", {
            "lot": f"L{number}", "scheduled_at": T.isoformat(), "state": "ended", "result": "failed", "ended_at": T.isoformat(),
        }))  # fmt: skip
    same(few, many)
    for each in (few, many):
        each.accept(said("lot", "L2", {"project": "P1", "name": "二标段", "deadline": LATER.isoformat()}, 2))
    place(T - MINUTE)
    same(few, many)
    place(T + MINUTE)
    assert many.hub.get("/api/openings/O2").status_code == 404
    assert many.hub.get("/api/openings/O3").status_code == 200


# ── time ─────────────────────────────────────────────────────────────────────


def test_steps_are_refused_before_the_deadline_whatever_they_say_of_their_time(
    few: World, many: World, place: Place
) -> None:
    place(T - timedelta(seconds=30))
    for number, (kind, payload) in enumerate(
        (("ended", {"result": "failed"}), ("bidders_published", {"count": 1, "bidders": bidders(1)}),
         ("ended", {"result": "terminated"}))
    ):  # fmt: skip
        for at in (T - MINUTE, T + MINUTE, T + timedelta(days=365)):
            answer = few.refuse(step(number, kind, at, **payload))
            assert re.search("投标截止|晚于", answer["reason"])
            assert answer["path"] in ("data.type", "occurred_at")
            many.send(lot())
    same(few, many)


def test_a_clock_a_little_ahead_shows_nothing_before_the_deadline(
    few: World, many: World, place: Place
) -> None:
    place(T - timedelta(seconds=2))
    few.accept(step(1, "bidders_published", T + timedelta(seconds=1), count=1, bidders=bidders(1)))
    many.send(lot())
    same(few, many)
    place(T)
    few.wait(lambda: few.types() == ["scheduled", "bidders_published"])
    few.wait(lambda: few.hub.get("/api/openings/O1").json()["state"] == "in_progress")


def test_an_event_of_next_year_is_refused_and_hides_nothing(few: World, place: Place) -> None:
    place(T + MINUTE)
    answer = few.refuse(step(1, "sign_in", T + timedelta(days=365), count=2))
    assert answer["path"] == "occurred_at" and "时钟" in answer["reason"]
    assert (
        few.refuse(opening(2, LATER) | {"occurred_at": "2027-05-06T09:30:00+08:00"})["path"] == "occurred_at"
    )
    few.accept(step(2, "sign_in", count=2), step(3, "bidders_published", count=2, bidders=bidders(2)))
    assert few.types() == ["scheduled", "sign_in", "bidders_published"]


@pytest.mark.parametrize("back", [timedelta(seconds=1), MINUTE, timedelta(days=400)])
def test_time_does_not_run_backwards_in_an_opening(few: World, place: Place, back: timedelta) -> None:
    place(T + HOUR)
    few.accept(step(1, "bidders_published", T + 30 * MINUTE, count=2, bidders=bidders(2)))
    answer = few.refuse(step(2, "decrypt_progress", T + 30 * MINUTE - back, done=2, total=2))
    assert "上一事件" in answer["reason"] or "投标截止" in answer["reason"]
    few.accept(step(3, "decrypt_progress", T + 30 * MINUTE, done=2, total=2))
    stamps = [event["ts"] for event in few.events()]
    assert stamps == sorted(stamps)


def test_whole_seconds_after_a_fraction_count_as_the_same_time(few: World, place: Place) -> None:
    place(T + HOUR)
    half = T + MINUTE + timedelta(milliseconds=500)
    few.accept(step(1, "bidders_published", half, count=2, bidders=bidders(2)))
    few.accept(step(2, "decrypt_progress", T + MINUTE, done=2, total=2))
    stamps = [event["ts"] for event in few.events()[1:]]
    assert stamps[0] == stamps[1]


def test_an_opening_broken_off_before_its_list_keeps_the_number(
    few: World, many: World, place: Place
) -> None:
    few.accept(*sign_in(1), *bid_secretly(1))
    many.accept(*sign_in(FIRMS), *bid_secretly(FIRMS))
    place(T + MINUTE)
    same(few, many)
    for each in (few, many):
        each.accept(step(98, "ended", result="terminated", reason="示例建设第1公司到场后停电"))
    same(few, many)
    told = few.hub.get("/api/openings/O1").json()
    assert (told["result"], told["result_reason"]) == ("terminated", "******到场后停电")
    assert "******到场后停电" in few.hub.get("/opening/O1").text


def test_too_few_bidders_are_told_when_the_opening_has_failed(few: World, place: Place) -> None:
    few.accept(*sign_in(2))
    place(T + MINUTE)
    assert few.types() == ["scheduled"]
    few.accept(step(98, "ended", result="failed"))
    assert few.types() == ["scheduled", "sign_in", "sign_in", "ended"]


# ── one number, one name ─────────────────────────────────────────────────────


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "示例建设第2公司"),
        (2, "示例建设第1公司"),
        (1, "另一家公司"),
        (3, "示例建设第1公司"),
        (7, "示例建设第2公司"),
    ],
)
def test_a_number_read_is_one_bidder(few: World, place: Place, masked: bool, number: int, name: str) -> None:
    few.accept(lot(2, prequalification=masked))
    place(T + MINUTE)
    few.accept(
        step(1, "bidders_published", count=3, bidders=bidders(3)),
        step(2, "decrypt_progress", done=3, total=3),
        step(3, "bid_read", no=1, name="示例建设第 1 公司", price="10"),
    )
    answer = few.refuse(step(4, "bid_read", no=number, name=name, price="9"))
    assert answer["path"] == "data.payload" and "同一号" in answer["reason"]
    few.accept(step(5, "bid_read", no=2, name="示例建设第2公司", price="9"))


@pytest.mark.parametrize("masked", [False, True])
def test_what_was_read_is_corrected_and_never_replaced(few: World, place: Place, masked: bool) -> None:
    few.accept(lot(2, prequalification=masked))
    place(T + MINUTE)
    name = "示例建设第1公司"
    few.accept(
        step(1, "bidders_published", count=3, bidders=bidders(3)),
        step(2, "decrypt_progress", done=3, total=3),
    )
    early = few.refuse(step(3, "bid_corrected", no=1, name=name, price="9"))
    assert early["path"] == "data.type", "nothing has been read yet"
    few.accept(step(4, "bid_read", no=1, name=name, price="10", duration_days=90))
    for number, again in enumerate(({"price": "9"}, {"price": "10", "duration_days": 90}, {}), start=5):
        answer = few.refuse(step(number, "bid_read", no=1, name=name, **again))
        assert answer["path"] == "data.payload" and "bid_corrected" in answer["reason"]
    unread = few.refuse(step(8, "bid_corrected", no=2, name="示例建设第2公司", price="9"))
    assert unread["path"] == "data.payload" and "bid_read" in unread["reason"]
    other = few.refuse(step(9, "bid_corrected", no=1, name="另一家公司", price="9"))
    assert other["path"] == "data.payload" and "同一号" in other["reason"]
    few.accept(
        step(10, "bid_corrected", no=1, name=name, price="11", reason="唱标口误"),
        step(11, "objection", no=1, content="请核对"),
        step(12, "bid_corrected", no=1, name=name, price="12"),
        *(step(11 + no, "bid_read", no=no, name=f"示例建设第{no}公司", price="13") for no in (2, 3)),
        step(15, "objection_answered", no=1, answer="已核对"),
        step(16, "record_confirmed", rows=3),
    )
    few.settle()
    bid = few.hub.get("/api/openings/O1/record").json()["bids"][0]
    assert (bid["price"], [first["price"] for first in bid["before"]]) == ("12", ["10", "11"])
    assert bid["before"][0]["duration_days"] == 90
    for path in ("/opening/O1", "/room/r1"):
        assert len(read(few.hub.get(path).text).struck) == 2, path


def test_a_seed_is_committed_to_before_the_deadline_and_waits_for_the_list(few: World, place: Place) -> None:
    seed = {"no": 1, "seed_sha256": "a" * 64}
    few.accept(step(1, "coefficient_committed", **seed))
    assert few.types() == ["scheduled"], "how many events come before the list tells of sign-ins"
    for number, wrong in enumerate(({"seed_sha256": "A" * 64}, {"seed_sha256": "a"}, {"no": 0}), start=2):
        assert "payload" in few.refuse(step(number, "coefficient_committed", **(seed | wrong)))["path"]
    place(T + MINUTE)
    few.accept(step(5, "bidders_published", count=3, bidders=bidders(3)))
    assert few.types() == ["scheduled", "coefficient_committed", "bidders_published"]


def test_a_list_has_each_number_once(few: World, place: Place) -> None:
    place(T + MINUTE)
    twice = [{"no": 1, "name": "甲公司"}, {"no": 1, "name": "乙公司"}]
    assert "1 号" in few.refuse(step(1, "bidders_published", count=2, bidders=twice))["reason"]


# ── nothing to guess by ──────────────────────────────────────────────────────


def test_names_kept_inside_cannot_be_guessed_from_what_is_public(few: World, place: Place) -> None:
    """A masked bidder and an objector, thirty candidates each, in every way a hash of them could have been made."""
    few.accept(lot(2, prequalification=True))
    place(T + MINUTE)
    few.accept(*whole_opening("示例建设第7公司", "示例建设第9公司"))
    digests = set(re.findall(r"[0-9a-f]{40,64}", few.text()))
    assert len(digests) > 5
    guesses = {guess for n in range(1, 31) for guess in hashes(f"示例建设第{n}公司")}
    assert not digests & guesses


def test_one_objector_or_another_look_the_same(few: World, many: World, place: Place) -> None:
    place(T + MINUTE)
    few.accept(*whole_opening("示例建设第1公司", "示例建设第9公司"))
    many.accept(*whole_opening("示例建设第1公司", "一家名字长得多的示例建设工程有限责任公司"))
    few.settle()
    many.settle()
    pairs = zip(few.look().items(), many.look().items(), strict=True)
    assert [path for (path, one), (_, other) in pairs if _blank(one) != _blank(other)] == []


def test_records_sent_at_once_or_one_by_one_look_the_same(few: World, many: World, place: Place) -> None:
    """How often the hub has looked meanwhile stands on no page."""
    place(T + MINUTE)
    opened = whole_opening("示例建设第1公司", "示例建设第9公司")
    few.accept(*opened)
    for record in opened:
        many.accept(record)
    few.settle()
    many.settle()
    pairs = zip(few.look().items(), many.look().items(), strict=True)
    assert [path for (path, one), (_, other) in pairs if _blank(one) != _blank(other)] == []


def _blank(answer: Any) -> str:
    """An answer without its digests, which are random, and how well they can be compressed."""
    packed = "content-encoding" in str(answer)
    text = re.sub(r"[0-9a-f]{8,64}", "#", str(answer))
    return re.sub(r"'content-length', '\d+'", "", text) if packed else text


def whole_opening(bidder: str, objector: str) -> list[dict[str, Any]]:
    """From the list to an objection, each with something inside."""
    return [
        step(1, "bidders_published", count=1, bidders=[{"no": 1, "name": bidder}]),
        step(2, "decrypt_progress", done=1, total=1),
        step(3, "bid_read", no=1, name=bidder, price="10"),
        step(4, "objection", no=1, content="请核对报价", detail={"raised_by": objector}),
        step(
            5,
            "objection_answered",
            no=1,
            answer="已核对",
            detail={"raised_by": objector, "phone": "13800000000"},
        ),
    ]


def hashes(name: str) -> Iterator[str]:
    """What an outsider would try: the name, and the objects a name may stand in, by the usual digests."""
    objects: list[Any] = [
        name,
        {"raised_by": name},
        {"name": name},
        {"raised_by": name, "phone": "13800000000"},
    ]
    payloads: list[Any] = [
        {"no": 1, "name": name, "price": "10"},
        {"count": 1, "bidders": [{"no": 1, "name": name}]},
    ]
    objects += payloads + [{"unmasked": payload} for payload in payloads]
    digests = (hashlib.sha256, hashlib.sha1, hashlib.sha512)
    for value, digest, spaces in itertools.product(objects, digests, ((",", ":"), (", ", ": "))):
        text = value if isinstance(value, str) else json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=spaces
        )  # fmt: skip
        yield digest(text.encode()).hexdigest()
