"""The wire: WebSocket and HTTP, good use and bad."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import websockets
from sqlalchemy import select

from ingest.apply.envelopes import apply_batch
from records.ledger import Ledger
from records.sources import add_source, disable, rotate
from records.tables.bids import Bid
from records.tables.intake import Reject

from .conftest import count, envelope, market
from .serving import auth, post, running


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    apply_batch(sqlite_ledger, "hz", market())
    yield sqlite_ledger


@pytest.fixture
def token(ledger: Ledger) -> str:
    with ledger.write() as session:
        return add_source(session, "hz")


def bid(key: str, **data: Any) -> dict[str, Any]:
    return envelope("bid", key, {"lot": "l0", "bidder": "o0", **data})


async def test_http_takes_arrays_and_lines(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path, batch=3) as at:
        array = await post(at, json.dumps([bid(f"a{i}") for i in range(8)]).encode(), auth(token))
        assert array.headers["content-type"] == "application/json"
        assert [a["key"] for a in array.json()] == [f"a{i}" for i in range(8)]
        lines = b"\n".join(json.dumps(bid(key)).encode() for key in ("a0", "n1")) + b"\n\n{oops\n"
        packed = await post(at, gzip.compress(lines), {**auth(token), "Content-Encoding": "gzip"})
        assert packed.headers["content-type"] == "application/x-ndjson"
        answers = [json.loads(line) for line in packed.text.splitlines()]
        assert [a["status"] for a in answers] == ["duplicate", "accepted", "rejected"]
    assert count(ledger, Bid) == 9
    assert count(ledger, Reject) == 1


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 400),
        (b"[1, 2", {}, 400),
        (b"[" * 5000, {}, 400),
        (b"\x00\xff", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"[]")[:-4], {"Content-Encoding": "gzip"}, 400),
        (b"x", {"Content-Encoding": "br"}, 415),
        (gzip.compress(b"[]"), {}, 415),
        (b"<xml/>", {"Content-Type": "text/xml"}, 415),
        (b"[" + b"1," * 60 + b"1]", {}, 413),
        (gzip.compress(b"[" + b" " * 40_000_000 + b"]"), {"Content-Encoding": "gzip"}, 413),
        (b" " * 200_000, {}, 413),
    ],
)  # fmt: skip
async def test_bad_bodies_are_refused_with_a_reason(
    content: bytes, headers: dict[str, str], status: int, ledger: Ledger, token: str, tmp_path: Path
) -> None:
    limits = {"max_records": 50, "max_message": 65_536, "max_body": 150_000}
    async with running(ledger, tmp_path, **limits) as at:
        answer = await post(at, content, {**auth(token), **headers})
        english = await post(at, content, {**auth(token), **headers, "Accept-Language": "en-GB,zh;q=0.5"})
    assert answer.status_code == english.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert_told(answer, english)


def assert_told(answer: httpx.Response, english: httpx.Response) -> None:
    """A problem is told in the language asked for, Chinese where none is, and is of one type in both."""
    zh, en = answer.json(), english.json()
    assert re.search("[\u4e00-\u9fff]", zh["detail"]) and english.headers["content-language"] == "en"
    assert en["detail"] and not re.search("[\u4e00-\u9fff]", en["detail"])
    assert zh["type"] == en["type"] and zh["type"].startswith("urn:sunbid:intake.")


@pytest.mark.parametrize("long", [b"3" * 3_000_000, b"3" * 9_000_000], ids=["named", "beyond reading"])
async def test_a_record_too_long_is_refused_by_itself(
    long: bytes, ledger: Ledger, token: str, tmp_path: Path
) -> None:
    """The same on all three roads: the others are taken."""
    made = [_organisation(f"r{n}", "甲") for n in range(2)]
    huge = _organisation("huge", "HERE").replace(b"HERE", long)
    async with running(ledger, tmp_path) as at:
        lines = await post(at, b"\n".join([made[0], huge, made[1]]), auth(token))
        again = await post(at, b"[" + b",".join([made[0], huge, made[1]]) + b"]", auth(token))
        async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
            told = []
            for one in (made[0], huge[:4_000_000], made[1]):
                await socket.send(one.decode())
                told.append(json.loads(await socket.recv()))
    answers = [json.loads(line) for line in lines.text.splitlines()]
    assert [a["status"] for a in answers] == ["accepted", "rejected", "accepted"]
    assert [a["status"] for a in again.json()] == ["duplicate", "rejected", "duplicate"]
    assert [a["status"] for a in told] == ["duplicate", "rejected", "duplicate"]
    assert answers[1]["key"] == ("huge" if len(long) < 8 << 20 else None)
    assert "1048576" in answers[1]["reason"] and again.json()[1]["key"] == "huge"


def _organisation(key: str, name: str) -> bytes:
    head = {"kind": "organisation", "key": key, "version": 1, "occurred_at": "2026-05-06T09:30:00+08:00"}
    return json.dumps({**head, "data": {"name": name}}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("changed", "path", "words"),
    [
        ({"version": 10**30}, "version", "至多为 9007199254740991"),
        ({"key": "a\ud800"}, "key", "U+D800"),
        ({"key": "a\0b"}, "key", "U+0000"),
        ({"key": " a"}, "key", "首尾不能是空白"),
        ({"occurred_at": "2026-02-30T09:30:00+08:00"}, "occurred_at", "没有这个时刻"),
        ({"occurred_at": "2026-02-20"}, "occurred_at", "带时区"),
        ({"data": {"name": "甲", "uscc": "1"}}, "data.uscc", "统一社会信用代码"),
        ({"data": {"name": "甲", "country": "china"}}, "data.country", "两个大写字母"),
    ],
)  # fmt: skip
async def test_a_reason_says_what_is_wrong_in_words(
    changed: dict[str, Any], path: str, words: str, ledger: Ledger, token: str, tmp_path: Path
) -> None:
    sent = json.dumps({**json.loads(_organisation("o1", "甲")), **changed}).encode()
    async with running(ledger, tmp_path) as at:
        for body in (sent, b"[" + sent + b"]"):
            told = json.loads((await post(at, body, auth(token))).text)
            [answer] = told if isinstance(told, list) else [told]
            assert (answer["status"], answer["path"]) == ("rejected", path) and words in answer["reason"]
            assert not re.search(r"[\^$\\]|surrogate|pattern", answer["reason"])


async def test_a_sender_is_answered_in_its_own_language_and_by_one_type_in_all(
    ledger: Ledger, token: str, tmp_path: Path
) -> None:
    chinese = re.compile("[一-龥]")
    async with running(ledger, tmp_path) as at:
        zh, en = [
            json.loads((await post(at, b'[{"kind": "bid"}]', auth(token) | {"accept-language": lang})).text)[
                0
            ]
            for lang in ("zh-CN", "en")
        ]
        async with websockets.connect(
            f"ws://{at}/records", additional_headers=auth(token) | {"Accept-Language": "en"}
        ) as socket:
            await socket.send('{"kind": "bid"}')
            sent = json.loads(await socket.recv())
    assert chinese.search(zh["reason"]) and " / " not in zh["reason"]
    assert not chinese.search(en["reason"]) and en["reason"] == sent["reason"]
    assert zh["type"] == en["type"] == sent["type"] and zh["type"].startswith("refused.")
    with ledger.read() as session:
        kept = session.scalars(select(Reject)).first()
        assert kept and zh["reason"] in kept.reason and en["reason"] in kept.reason


async def test_what_is_no_object_and_where_json_breaks_is_said_as_it_is(
    ledger: Ledger, token: str, tmp_path: Path
) -> None:
    good = _organisation("new-one", "甲")
    async with running(ledger, tmp_path) as at:
        array = (await post(at, b'["x", 5, null, "{}",' + good + b"]", auth(token))).json()
        lines = (await post(at, good + b"\n\n{,}\n" + b'"x"', auth(token))).text
        broken = (await post(at, b"\n[\n" + good + b',\n  {"a": ,}]', auth(token))).json()
    assert (
        all("应为一个 JSON 对象" in one["reason"] for one in array[:4]) and array[4]["status"] == "accepted"
    )
    bad, text = (json.loads(line)["reason"] for line in lines.splitlines()[1:])
    assert "第 3 行第 2 列" in bad and "应为一个 JSON 对象" in text
    assert "第 4 行第 9 列" in broken[1]["reason"]


async def test_deep_json_is_refused_not_crashed(ledger: Ledger, token: str, tmp_path: Path) -> None:
    deep = b'{"kind":"bid","key":"x","version":1,"data":' + b'{"a":' * 200 + b"1" + b"}" * 201
    async with running(ledger, tmp_path) as at:
        answer = await post(at, deep, {**auth(token), "Content-Type": "application/x-ndjson"})
        array = await post(at, b"[" + deep + b"]", auth(token))
    assert answer.status_code == array.status_code == 200
    assert json.loads(answer.text)["status"] == array.json()[0]["status"] == "rejected"


async def test_a_slow_body_is_given_up(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path, body_idle=0.2) as at:
        host, _, port = at.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /records HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nAuthorization: Bearer {token}\r\n\r\n["
        writer.write(head.encode())
        answer = await asyncio.wait_for(reader.readline(), 5)
        writer.close()
    assert b" 408 " in answer


async def test_who_may_send(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at:
        assert (await post(at, b"[]", {})).status_code == 401
        unknown = await post(at, b"[]", auth("nonsense"))
        assert unknown.status_code == 401 and "Bearer" in unknown.headers["www-authenticate"]
        with ledger.write() as session:
            fresh = rotate(session, "hz")
        assert (await post(at, b"[]", auth(token))).status_code == 401
        assert (await post(at, b"[]", auth(fresh))).json() == []
        with ledger.write() as session:
            disable(session, "hz")
        assert (await post(at, b"[]", auth(fresh))).status_code == 403


async def test_websocket_answers_each_message_in_order(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with (
        running(ledger, tmp_path, queue=50) as at,
        websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket,
    ):

        async def feed() -> None:
            for i in range(300):
                await socket.send(json.dumps(bid(f"w{i}")))
            await socket.send("{oops")

        sending = asyncio.create_task(feed())
        answers = [json.loads(await socket.recv()) for _ in range(301)]
        await sending
    assert [a["key"] for a in answers[:-1]] == [f"w{i}" for i in range(300)]
    assert [a["seq"] for a in answers[:-1]] == sorted(a["seq"] for a in answers[:-1])
    assert (answers[-1]["status"], answers[-1]["key"]) == ("rejected", None)
    assert count(ledger, Bid) == 300


async def test_the_token_may_be_the_first_message(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at, websockets.connect(f"ws://{at}/records") as socket:
        await socket.send(json.dumps({"token": token}))
        await socket.send(json.dumps(bid("b")))
        assert json.loads(await socket.recv())["status"] == "accepted"


@pytest.mark.parametrize(
    ("query", "header", "first", "code"),
    [
        ("?token=x", None, None, 4400),
        ("", "nonsense", None, 4401),
        ("", None, "{}", 4401),
        ("", None, '{"token": "no"}', 4401),
        ("", "good", "x" * 70_000, 1009),
    ],
)
async def test_bad_websockets_are_closed_with_a_reason(
    query: str, header: str | None, first: str | None, code: int, ledger: Ledger, token: str, tmp_path: Path
) -> None:
    headers = auth(token if header == "good" else header) if header else {}
    async with (
        running(ledger, tmp_path, max_frame=65_536) as at,
        websockets.connect(f"ws://{at}/records{query}", additional_headers=headers) as socket,
    ):
        if first:
            await socket.send(first)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == code
    assert closed.value.rcvd.reason


async def test_a_source_switched_off_loses_its_connection(
    ledger: Ledger, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.http.feed.RECHECK_S", 0.05)
    async with (
        running(ledger, tmp_path) as at,
        websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket,
    ):
        with ledger.write() as session:
            disable(session, "hz")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403


async def test_what_the_intake_says_of_itself(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        schema = (await client.get("/schema")).json()
        jsonschema.validate(bid("b"), schema)
        assert (await client.get("/schema/bid")).json()["$ref"] == "#/$defs/bid"
        assert (await client.get("/schema/nonsense")).status_code == 404
        assert (await client.get("/openapi.json")).json()["paths"]["/records"]["post"]
        page = (await client.get("/docs")).text
        assert "src=" not in page and "https://" not in page
        assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/records")).status_code == 405
        await post(at, json.dumps([bid("b")]).encode(), auth(token))
        measured = (await client.get("/metrics")).text
    assert "sunbid_intake_queue_full 0.0" in measured
    assert "accepted" not in measured, "one record does not show"


async def test_a_database_that_is_away_is_503_and_1013(ledger: Ledger, token: str, tmp_path: Path) -> None:
    async with running(ledger, tmp_path) as at:
        async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
            with ledger.write() as session:
                session.connection().exec_driver_sql("ALTER TABLE journal RENAME TO away")
            assert (await post(at, json.dumps([bid("b")]).encode(), auth(token))).status_code == 503
            await socket.send(json.dumps(bid("b")))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
        with ledger.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE away RENAME TO journal")
        assert (await post(at, json.dumps([bid("b")]).encode(), auth(token))).json()[0][
            "status"
        ] == "accepted"


async def test_a_sender_that_comes_back_asks_where_it_stands(
    ledger: Ledger, token: str, tmp_path: Path
) -> None:
    known = len(market())
    async with running(ledger, tmp_path) as at:
        async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
            for i in range(5):
                await socket.send(json.dumps(bid(f"r{i}")))
            await socket.send('{"resume": true}')
            answers = [json.loads(await socket.recv()) for _ in range(6)]
        assert [a["seq"] for a in answers[:5]] == [known + i for i in range(1, 6)]
        stands = {"seq": known + 5, "kind": "bid", "key": "r4", "version": 1}
        assert answers[5] == {"resume": stands}
        async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
            await socket.send('{"resume": true}')
            assert json.loads(await socket.recv()) == {"resume": stands}
            await socket.send('{"resume": 1}')
            assert json.loads(await socket.recv())["status"] == "rejected"


async def test_what_is_held_is_told_to_its_source_only(ledger: Ledger, token: str, tmp_path: Path) -> None:
    apply_batch(ledger, "hz", [bid("b"), bid("w", lot="later")])
    with ledger.write() as session:
        stranger = add_source(session, "other")
    async with running(ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        asked = {"params": {"kind": "bid", "key": ["b", "w", "none"]}}
        mine = (await client.get("/records/held", headers=auth(token), **asked)).json()
        assert [(h["key"], h["version"], h["waiting"]) for h in mine["held"]] == [
            ("b", 1, False), ("w", 1, True), ("none", None, False),
        ]  # fmt: skip
        assert mine["resume"]["key"] == "w"
        theirs = (await client.get("/records/held", headers=auth(stranger), **asked)).json()
        assert theirs["resume"] == {"seq": 0} and {h["version"] for h in theirs["held"]} == {None}
        assert (await client.get("/records/held", **asked)).status_code == 401
        for bad in ({"kind": "x", "key": "b"}, {"kind": "bid"}, {"kind": "bid", "key": ["k"] * 201}):
            answer, english = [
                await client.get("/records/held", headers=auth(token) | {"Accept-Language": lang}, params=bad)
                for lang in ("fr, zh;q=0.1", "en")
            ]
            assert answer.status_code == 400
            assert_told(answer, english)


async def test_rejects_are_browsed_by_their_source_only(ledger: Ledger, token: str, tmp_path: Path) -> None:
    with ledger.write() as session:
        stranger = add_source(session, "other")
    apply_batch(ledger, "other", ["{oops"])
    apply_batch(ledger, "hz", [bid(f"x{i}", nonsense=i) for i in range(5)])
    apply_batch(ledger, "hz", [bid("x1")])
    async with running(ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        first = (await client.get("/rejects?limit=2", headers=auth(token))).json()
        assert [(r["no"], r["key"], r["path"]) for r in first["rejects"]] == [
            (1, "x0", "data.nonsense"), (2, "x1", "data.nonsense"),
        ]  # fmt: skip
        assert first["rejects"][0]["record"]["data"]["nonsense"] == 0
        assert first["rejects"][0]["resolved_at"] is None and first["rejects"][1]["resolved_at"]
        rest = (await client.get(f"/rejects?after={first['next']}", headers=auth(token))).json()
        assert [r["key"] for r in rest["rejects"]] == ["x2", "x3", "x4"] and rest["next"] is None
        still = (await client.get("/rejects?open=true", headers=auth(token))).json()
        assert [r["key"] for r in still["rejects"]] == ["x0", "x2", "x3", "x4"]
        theirs = (await client.get("/rejects", headers=auth(stranger))).json()
        assert [(r["no"], r["record"]) for r in theirs["rejects"]] == [(1, "{oops")]
        assert (await client.get("/rejects")).status_code == 401
        for bad in ("after=x", "after=-1", "limit=0", "limit=1001"):
            assert (await client.get(f"/rejects?{bad}", headers=auth(token))).status_code == 400
