"""Characters and numbers at the open doors: the same answer over HTTP and WebSocket, and as `/schema` says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ingest.config import IntakeConfig
from ingest.http.server import create_app
from records.ledger import Ledger
from records.sources import add_source
from records.tables.bids import Bid
from records.tables.organisations import Organisation
from tests.ledgers import new_ledger

from .conftest import envelope, market, rows


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Ledger]]:
    """An intake in this process, with a token in its headers and a small market behind it."""
    folder = tmp_path_factory.mktemp("door")
    ledger = new_ledger(folder / "ledger.db")
    with ledger.write() as session:
        token = add_source(session, "hz")
    config = IntakeConfig(ledger.url.render_as_string(hide_password=False), folder)
    with TestClient(create_app(config), headers={"Authorization": f"Bearer {token}"}) as client:
        answers = client.post("/records", content=json.dumps(market())).json()
        assert {answer["status"] for answer in answers} == {"accepted"}
        yield client, ledger
    ledger.close()


def over_array(client: TestClient, texts: list[str]) -> list[dict[str, Any]]:
    answer = client.post("/records", content=f"[{','.join(texts)}]".encode())
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def over_lines(client: TestClient, texts: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.post("/records", content="\n".join(texts)).text.splitlines()]


def over_socket(client: TestClient, texts: list[str]) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    # the client's end may cancel the server's side before it has seen the close
    with (
        suppress(CancelledError),
        client.websocket_connect("/records", headers=dict(client.headers)) as socket,
    ):
        for text in texts:
            socket.send_text(text)
        answers += [socket.receive_json() for _ in texts]
    return answers


ROADS = {"array": over_array, "lines": over_lines, "socket": over_socket}
_number = iter(range(10**9))


def raw_bid(price: str, key: str | None = None) -> str:
    """A bid as JSON text, its price written as given."""
    text = json.dumps(
        envelope("bid", key or f"b{next(_number)}", {"lot": "l0", "bidder": "o0", "price": "?"})
    )
    return text.replace('"?"', price)


# ── characters ───────────────────────────────────────────────────────────────

BAD = ["\\u0000", "\\u0001", "\\u000b", "\\u000c", "\\b", "\\u001f", "\\u007f", "\\u0085", "\\u009f", "\\u202e",
       "\\u2066", "\\ufffe", "\\uffff", "\\ud800", "\\udc00\\ud800",
       "\\u200b", "\\ufeff", "\\u200e", "\\u200f", "\\u061c", "\\u2028", "\\u2029", "\\u00ad", "\\u2060", "\\u200d", "\\u200c", "\\ufe0f", "\\u3164",
       "\\ue000", "\\uf8ff", "\\udbff\\udfff", "\\udb80\\udc00", "\\ufdd0", "\\ud83f\\udffe", "\\udb40\\udc41", "\\udb40\\udd00"]  # fmt: skip
"""As JSON writes them: controls, directions, halves of characters; what shows nothing, is of private use or of nobody."""
PLAIN = ["❤️‍🔥", "👨‍👩‍👧", "1️⃣", "☀️", "می‌خواهم", "ᠭ᠎ᠠ", "“引号”—…·　Ａé한국กรุงजी", "葛飾区", "a b", "🇨🇳"]
"""Texts as people write them, some with joiners and variation selectors."""


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("character", BAD)
def test_a_control_character_is_one_refusal_on_every_road(
    road: str, character: str, door: tuple[TestClient, Ledger]
) -> None:
    """Kinds, fields and depths differ; the neighbours are taken."""
    client, _ = door
    bad = [
        json.dumps(envelope("organisation", f"c{next(_number)}", {"name": "甲?乙"})),
        json.dumps(envelope("notice", f"c{next(_number)}", {"lot": "l0", "type": "tender", "title": "甲?", "published_at": "2026-05-01T09:00:00+08:00"})),
        json.dumps(envelope("inspection", f"c{next(_number)}", {"on": "2026-05-07", "problems": [{"problem": "?未公示"}]})),
    ]  # fmt: skip
    good = [
        json.dumps(envelope("organisation", f"c{next(_number)}", {"name": "甲\t乙\n丙🙂Ａ"})) for _ in bad
    ]
    texts = [
        text for pair in zip(good, (b.replace("?", character) for b in bad), strict=True) for text in pair
    ]
    answers = ROADS[road](client, texts)
    assert [a["status"] for a in answers] == ["accepted", "rejected"] * 3
    if road != "array" and "ud800" in character:
        return  # such a line is no JSON for the reader of lines, which says so
    assert [a["path"] for a in answers[1::2]] == ["data.name", "data.title", "data.problems.0.problem"]
    assert all("U+" in a["reason"] and " / " not in a["reason"] for a in answers[1::2])


@pytest.mark.parametrize("road", ROADS)
def test_what_scripts_and_emoji_need_is_taken(road: str, door: tuple[TestClient, Ledger]) -> None:
    client, ledger = door
    keys = [f"c{next(_number)}" for _ in PLAIN]
    texts = [
        json.dumps(envelope("organisation", k, {"name": text})) for k, text in zip(keys, PLAIN, strict=True)
    ]
    assert {answer["status"] for answer in ROADS[road](client, texts)} == {"accepted"}
    held = {row.id: row.name for row in rows(ledger, Organisation)}
    assert [held[key] for key in keys] == PLAIN


def test_the_schema_says_which_keys_there_are(door: tuple[TestClient, Ledger]) -> None:
    schema = jsonschema.Draft202012Validator(door[0].get("/schema/organisation").json())
    for character in (bad for bad in BAD if "\\ud800" not in bad):
        record = json.dumps(envelope("organisation", "k?k", {"name": "x"})).replace("?", character)
        assert not schema.is_valid(json.loads(record)), character


def test_keys_hold_no_control_characters(door: tuple[TestClient, Ledger]) -> None:
    for character in BAD:
        record = json.dumps(envelope("organisation", "k?k", {"name": "x"})).replace("?", character)
        assert over_array(door[0], [record])[0]["status"] == "rejected"


# ── numbers ──────────────────────────────────────────────────────────────────

WRONG = ["1_000", "１２３", "1e5", " 12 ", "12 ", "+5", "0x10", "1,000", "-0", "-1", "NaN", "Infinity", "١٢", "", ".5", "5.",
         "1" * 400, "1.23456", "1.00000", "¹", "1E5", "万"]  # fmt: skip
RIGHT = ["0", "007", "1.5", "1.2300", "899999999999999.9999"]


@pytest.mark.parametrize("road", ROADS)
def test_text_is_a_number_where_the_schema_says_so(road: str, door: tuple[TestClient, Ledger]) -> None:
    client, ledger = door
    answers = ROADS[road](client, [raw_bid(f'"{text}"') for text in (*WRONG, *RIGHT)])
    told = dict(zip((*WRONG, *RIGHT), answers, strict=True))
    schema = client.get("/schema/bid").json()
    for text, answer in told.items():
        valid = jsonschema.Draft202012Validator(schema).is_valid(json.loads(raw_bid(f'"{text}"', "k")))
        assert (answer["status"] == "accepted") is valid is (text in RIGHT), text
        if not valid:
            assert answer["path"] == "data.price"
    held = rows(ledger, Bid, Bid.id == told["899999999999999.9999"]["key"])[0]
    assert held.price == Decimal("899999999999999.9999")


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize(
    ("number", "taken"),
    [
        ("0", True), ("12", True), ("12.5", True), ("1e5", True), ("1E-4", True), ("-0", True), ("123456789012.345", True),
        ("9" * 400, False), ("9" * 25, False), ("1e400", False), ("-1", False), ("1e-5", False), ("1e-400", False),
        ("1E-99999999999", False), ("0." + "0" * 400 + "1", False), ("0e-400", True), ("true", False), ("[1]", False),
        ("123456789012345.6789", False), ("0.30000000000000004", False),
    ],
)  # fmt: skip
def test_json_numbers_lose_nothing(
    road: str, number: str, taken: bool, door: tuple[TestClient, Ledger]
) -> None:
    client, ledger = door
    good = raw_bid('"1"')
    answers = ROADS[road](client, [good, raw_bid(number)])
    assert [a["status"] for a in answers] == ["accepted", "accepted" if taken else "rejected"]
    if taken:
        assert rows(ledger, Bid, Bid.id == answers[1]["key"])[0].price == Decimal(number)
    else:
        assert answers[1]["path"].startswith("data.price")


@pytest.mark.parametrize("road", ROADS)
def test_what_no_json_allows_stops_only_itself(road: str, door: tuple[TestClient, Ledger]) -> None:
    client, _ = door
    texts = [
        raw_bid("NaN"),
        raw_bid("-Infinity"),
        raw_bid("0x10"),
        raw_bid("１２"),
        raw_bid("+5"),
        raw_bid("1_0"),
        raw_bid("1e-9999999999999999999999"),
    ]
    for text in texts:
        assert [a["status"] for a in ROADS[road](client, [raw_bid("1"), text])] == ["accepted", "rejected"]


@pytest.mark.parametrize(
    ("kind", "data", "path"),
    [
        ("organisation", {"name": "x", "division_code": "３３０１"}, "data.division_code"),
        ("credit", {"organisation": "o0", "system": "s", "period": "２０26-01"}, "data.period"),
        ("credit", {"organisation": "o0", "system": "s", "period": "2026-01", "score": "1_0"}, "data.score"),
        ("credit", {"organisation": "o0", "system": "s", "period": "2026-01", "rank": "3"}, "data.rank"),
        ("organisation", {"name": "x", "established": "2026-01-01T00:00:00"}, "data.established"),
        ("bid", {"lot": "l0", "bidder": "o0", "duration_days": "３"}, "data.duration_days"),
        ("bid", {"lot": "l0", "bidder": "o0", "on_site": "yes"}, "data.on_site"),
        ("bid", {"lot": "l0", "bidder": "o0", "price": "12\n"}, "data.price"),
        ("bid", {"lot": "l0", "bidder": "o0", "BID_AMOUNT": "1_000"}, "data.price"),
        ("bid", {"lot": "l0", "bidder": "o0", "BID_AMOUNT": "1e5"}, "data.price"),
        ("lot", {"project": "p", "name": "x", "CONTROL_PRICE": " 12 "}, "data.control_price"),
        ("opening_event", {"opening": "o", "type": "bid_read", "payload": {"no": 1, "name": "x", "price": "1_0"}}, "data.payload.price"),
        ("opening_event", {"opening": "o", "type": "sign_in", "payload": {"count": "１"}}, "data.payload.count"),
    ],
)  # fmt: skip
def test_every_other_number_is_read_as_strictly(
    kind: str, data: dict[str, Any], path: str, door: tuple[TestClient, Ledger]
) -> None:
    for road in ROADS.values():
        answer = road(door[0], [json.dumps(envelope(kind, f"n{next(_number)}", data))])[0]
        assert (answer["status"], answer["path"]) == ("rejected", path), answer


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text("0123456789.,-+eE_ ０１٣x", max_size=12) | st.decimals(0, 10**13, places=3).map(str))
@example(text="1_000")
def test_any_text_is_judged_as_the_schema_judges_it(text: str, door: tuple[TestClient, Ledger]) -> None:
    client, _ = door
    schema = jsonschema.Draft202012Validator(client.get("/schema/bid").json())
    record = raw_bid(json.dumps(text))
    assert (over_array(client, [record])[0]["status"] == "accepted") is schema.is_valid(json.loads(record))


# ── times ────────────────────────────────────────────────────────────────────

NO_TIME = ["2026-W01-1T00:00:00Z", "2026-W01-1", "20260101T000000Z", "2026-001T00:00:00Z", "2026-01-01T00:00Z", "2026-01-01T00:00:00",
           "2026-01-01", "2026-01-01T00:00:00+08", "2026-01-01T00:00:00+0800", "2026-01-01T00:00:00,5Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
           "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+08:00:01", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01_00:00:00Z",
           "２０26-01-01T00:00:00Z", "2026-01-01T00:00:00Z ", "+2026-01-01T00:00:00Z", "", "now", 1767225600, "1767225600"]  # fmt: skip
TIME = [
    "2026-01-01T00:00:00Z",
    "2026-01-01t00:00:00z",
    "2026-01-01 00:00:00+08:00",
    "2026-01-01T00:00:00.123456789-00:00",
]


@pytest.mark.parametrize("road", ROADS)
def test_times_are_those_of_rfc_3339(road: str, door: tuple[TestClient, Ledger]) -> None:
    """The record's own time, and one in its data: other forms of ISO 8601 are refused."""
    heads = [
        {**envelope("organisation", f"t{next(_number)}", {"name": "x"}), "occurred_at": told}
        for told in (*NO_TIME, *TIME)
    ]
    inner = [envelope("lot", f"t{next(_number)}", {"project": "p", "name": "x", "notice_at": told}) for told in (*NO_TIME, *TIME)]  # fmt: skip
    for records, path in ((heads, "occurred_at"), (inner, "data.notice_at")):
        answers = ROADS[road](door[0], list(map(json.dumps, records)))
        good = len(TIME)
        assert {(a["status"], a["path"]) for a in answers[:-good]} == {("rejected", path)}, answers
        assert {a["status"] for a in answers[-good:]} == {"accepted"}, answers[-good:]


# ── names given twice ────────────────────────────────────────────────────────


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize(
    ("twice", "path"),
    [
        ('"price": "1", "price": "2"', "data.price"),
        ('"price" : "1", "price": "2"', "data.price"),
        ('"price"\n:"1","pric\\u0065":"2"', "data.price"),
        ('"price": "1", "quality": "\\":", "price": "2"', "data.price"),
        ('"price": "1", "extra": [{"a": 1, "a": 1}]', "data.extra.0.a"),
    ],
)
def test_a_name_given_twice_is_refused(
    road: str, twice: str, path: str, door: tuple[TestClient, Ledger]
) -> None:
    if road == "lines":
        twice = twice.replace("\n", " ")
    text = raw_bid("0").replace('"price": 0', twice)
    good = raw_bid('"1"')
    answers = ROADS[road](door[0], [good, text, good.replace('"version": 1', '"version": 1, "version": 1')])
    assert [a["status"] for a in answers] == ["accepted", "rejected", "rejected"]
    assert [a["path"] for a in answers[1:]] == [path, "version"]


def test_text_that_looks_like_a_name_given_twice_is_none(door: tuple[TestClient, Ledger]) -> None:
    data = {"name": '甲": "price": 1, "price" : 2', "address": '":":":'}
    assert over_array(door[0], [json.dumps(envelope("organisation", "odd", data))])[0]["status"] == "accepted"


def test_a_packed_body_that_swells_is_refused(door: tuple[TestClient, Ledger]) -> None:
    """A bomb, a bomb in members one after another, and one that is packed twice."""
    client, _ = door
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    for body in (bomb, b"".join(gzip.compress(b" " * 3_000_000) for _ in range(10))):
        assert client.post("/records", content=body, headers={"Content-Encoding": "gzip"}).status_code == 413
    twice = gzip.compress(gzip.compress(raw_bid("1").encode()))
    assert client.post("/records", content=twice, headers={"Content-Encoding": "gzip"}).status_code == 415
