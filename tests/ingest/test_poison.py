"""Nothing a record holds can stop the intake: it is refused, on every road, and the rest goes on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from ingest.apply.envelopes import apply_batch
from ingest.imports.files import import_paths
from records.ledger import Ledger
from records.sources import add_source
from records.tables.bids import Bid
from records.tables.intake import Reject

from .conftest import KEY, count, envelope, market, rows, statuses
from .serving import auth, post, running

GOOD = {
    "kind": "bid",
    "version": 1,
    "occurred_at": "2026-05-06T09:30:00+08:00",
    "data": {"lot": "l0", "bidder": "o0"},
}


def good(key: str) -> str:
    return json.dumps({**GOOD, "key": key})


def nested(depth: int, around: str = "1") -> str:
    return '{"a":' * depth + around + "}" * depth


def data(text: str, kind: str = "bid", at: str = "2026-05-06T09:30:00+08:00") -> str:
    """An envelope whose `data` is this text."""
    return f'{{"kind":"{kind}","key":"bad","version":1,"occurred_at":"{at}","data":{text}}}'


def field(text: str) -> str:
    return data(f'{{"lot":"l0","bidder":"o0",{text}}}')


def event(text: str) -> str:
    return data(f'{{"opening":"none","type":"resumed",{text}}}', "opening_event")


POISON = {
    "a field 1,000 deep": field(f'"manager":{nested(1000)}'),
    "a field 900 deep": field(f'"manager":{nested(900)}'),
    "a field 100,000 deep": field(f'"manager":{nested(100_000)}'),
    "lists 1,000 deep": field(f'"consortium":{"[" * 1000}{"]" * 1000}'),
    "an envelope 1,000 deep": nested(1000),
    "a list instead of an envelope": "[" * 900 + "]" * 900,
    "an event's detail 500 deep": event(f'"detail":{nested(500)}'),
    "an event's payload 500 deep": event(f'"payload":{nested(500)}'),
    "a key that is an object": good("x").replace('"x"', nested(40)),
    "a version of 400 digits": good("x").replace('"version": 1', '"version": ' + "9" * 400),
    "a version beyond 64 bits": good("x").replace('"version": 1', '"version": 18446744073709551615'),
    "a price of 5,000 digits": field(f'"price":{"9" * 5000}'),
    "a price of 5,000 digits as text": field(f'"price":"{"9" * 5000}"'),
    "infinity": field('"price":1e999'),
    "minus infinity": field('"duration_days":-1e999'),
    "NaN": field('"price":NaN'),
    "infinity inside an event": event('"detail":{"x":[1,1e999]}'),
    "a lone surrogate": field('"manager":"\\ud800"'),
    "a lone surrogate as key": good("\\ud800").replace("\\\\", "\\"),
    "a lone surrogate as a name": field('"\\udfff":1'),
    "NUL in a text": field('"manager":"a\\u0000b"'),
    "NUL in a key": good("x").replace('"x"', '"a\\u0000b"'),
    "NUL in a name": field('"a\\u0000b":1'),
    "a name of 1 MB": field(f'"{"n" * (1 << 20)}":1'),
    "a key of 1 MB": good("k" * (1 << 20)),
    "a kind of 1 MB": good("x").replace('"bid"', '"' + "k" * (1 << 20) + '"'),
    "100,000 names": data("{" + ",".join(f'"n{i}":1' for i in range(100_000)) + "}"),
    "100,000 names outside": "{" + ",".join(f'"n{i}":1' for i in range(100_000)) + "}",
    "100,000 names, the last one twice": data("{" + ",".join(f'"n{i}":1' for i in range(100_000)) + ',"n99999":1}'),
    "100,000 elements": field(f'"consortium":[{",".join(["1"] * 100_000)}]'),
    "what a log line trips over": field('"%s%n{0}\\u001b[2J\\r\\n":"%d{x!r}"'),
    "year 0": data('{"lot":"l0","bidder":"o0"}', at="0000-01-01T00:00:00+08:00"),
    "year 1": data('{"lot":"l0","bidder":"o0"}', at="0001-01-01T00:00:00+14:00"),
    "year 9999": data('{"lot":"l0","bidder":"o0"}', at="9999-12-31T23:59:59-14:00"),
    "a time of year 9999": field('"received_at":"9999-12-31T23:59:59-23:59"'),
    "a day of year 0": data('{"name":"x","established":"0000-00-00"}', "organisation"),
    "an offset of a day": data('{"lot":"l0","bidder":"o0"}', at="2026-05-06T09:30:00+24:00"),
    "data that is null": data("null"),
    "data that is a list": data("[]"),
    "a number": "17",
    "null": "null",
    "a text": '"bid"',
    "true": "true",
    "nothing": "",
    "half a record": '{"kind":"bid"',
}  # fmt: skip
TOO_LONG = {name for name, text in POISON.items() if len(text) > (1 << 20) - 500}


@pytest.fixture
def ledger(sqlite_ledger: Ledger) -> Iterator[Ledger]:
    apply_batch(sqlite_ledger, "hz", market())
    yield sqlite_ledger


@pytest.fixture
def token(ledger: Ledger) -> str:
    with ledger.write() as session:
        return add_source(session, "hz")


async def well(at: str, ledger: Ledger, token: str) -> None:
    """The intake says it is well, and takes another source's record at once."""
    async with httpx.AsyncClient(base_url=f"http://{at}") as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.post("/records", content=f"[{good('after')}]", headers=auth(token))
    assert [a["status"] for a in answer.json()] == ["accepted"]
    with ledger.read() as session:
        assert session.get(Bid, "after") is not None


@pytest.mark.parametrize("name", POISON)
async def test_one_element_of_an_array_is_refused(
    name: str, ledger: Ledger, token: str, tmp_path: Path
) -> None:
    body = f"[{good('a')},{POISON[name]}, {good('b')}]"
    async with running(ledger, tmp_path) as at:
        answer = await post(at, body.encode(), auth(token))
        if name == "half a record":  # where it ends, nobody can say
            assert answer.status_code == 400
        else:
            assert [a["status"] for a in answer.json()] == ["accepted", "rejected", "accepted"], answer.text[
                :500
            ]
            assert answer.json()[1]["reason"] and answer.json()[1]["type"] and len(answer.content) < 5_000
            assert count(ledger, Reject) == 1
        await well(at, ledger, token)


@pytest.mark.parametrize("name", [name for name in POISON if name not in TOO_LONG and POISON[name]])
async def test_one_line_is_refused(name: str, ledger: Ledger, token: str, tmp_path: Path) -> None:
    body = f"{good('a')}\n{POISON[name]}\n{good('b')}\n"
    async with running(ledger, tmp_path) as at:
        answer = await post(at, body.encode(), {**auth(token), "Content-Type": "application/x-ndjson"})
        told = [json.loads(line)["status"] for line in answer.text.splitlines()]
        assert told == ["accepted", "rejected", "accepted"]
        await well(at, ledger, token)


async def test_messages_are_refused_one_by_one(ledger: Ledger, token: str, tmp_path: Path) -> None:
    names = [name for name in POISON if name not in TOO_LONG]
    async with running(ledger, tmp_path) as at:
        async with websockets.connect(f"ws://{at}/records", additional_headers=auth(token)) as socket:
            for name in names:
                await socket.send(POISON[name])
            await socket.send(good("a"))
            answers = [json.loads(await socket.recv()) for _ in range(len(names) + 1)]
        assert [a["status"] for a in answers] == ["rejected"] * len(names) + ["accepted"]
        await well(at, ledger, token)


async def test_what_was_refused_can_be_read_again(ledger: Ledger, token: str, tmp_path: Path) -> None:
    texts = [
        text for name, text in POISON.items() if text and name not in TOO_LONG and name != "half a record"
    ]
    async with running(ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        await post(at, f"[{','.join(texts)}]".encode(), auth(token))
        page = await client.get("/rejects?limit=1000", headers=auth(token))
    assert page.status_code == 200 and len(page.json()["rejects"]) == len(texts)


@pytest.mark.parametrize("depth", [40, 900, 5000])
@pytest.mark.parametrize("suffix", ["json", "jsonl", "csv"])
def test_files_go_on_behind_what_is_nested_too_deeply(
    suffix: str, depth: int, ledger: Ledger, tmp_path: Path
) -> None:
    if suffix == "csv":
        cell = nested(depth).replace('"', '""')
        path = tmp_path / "pack" / "contracts.csv"
        path.parent.mkdir()
        path.write_text(
            f'key,version,occurred_at,lot,bidder,changes\nbad,1,2026-05-06,l0,o0,"[{cell}]"\na,1,2026-05-06,l0,o0,\n'
        )
    else:
        bad = field(f'"manager":{nested(depth)}').replace("{", '{"source":"f",', 1)
        fine = good("a").replace("{", '{"source":"f",', 1)
        path = tmp_path / f"f.{suffix}"
        path.write_text(f"[{bad},{fine}]" if suffix == "json" else f"{bad}\n{fine}\n")
    report = import_paths(ledger, [path], data_dir=tmp_path, source="hz")
    assert (report.accepted, report.rejected) == (1, 1), report


def test_what_a_waiting_record_trips_over_is_its_own_fault(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for its lot, and cannot be placed when the lot comes, does not take the lot with it."""
    from ingest.apply import consequences

    place = consequences.row_of

    def trip(state: Any, record: Any) -> Any:
        if record.key == "waits":
            raise RecursionError
        return place(state, record)

    monkeypatch.setattr(consequences, "row_of", trip)
    waiting = envelope("bid", "waits", {"lot": "new", "bidder": "o0"})
    lot = envelope("lot", "new", {"project": "p", "name": "x"})
    assert statuses(apply_batch(ledger, "hz", [waiting])) == ["accepted"]
    assert statuses(apply_batch(ledger, "hz", [lot])) == ["accepted"]
    assert [(r.kind, r.key) for r in rows(ledger, Reject)] == [("bid", "waits")]


@pytest.mark.server
def test_both_databases_refuse_one_and_take_the_rest(postgres_url: str) -> None:
    held = Ledger(postgres_url)
    with held.write() as session:
        add_source(session, "hz")
    try:
        apply_batch(held, "hz", market(), key=KEY)
        texts = [text for name, text in POISON.items() if name not in TOO_LONG]
        answers = apply_batch(held, "hz", [good("a"), *texts, good("b")])
        assert statuses(answers) == ["accepted", *["rejected"] * len(texts), "accepted"]
    finally:
        held.close()


async def test_a_writer_that_is_stuck_shows_in_its_health(ledger: Ledger, token: str, tmp_path: Path) -> None:
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger.write() as session:
            session.connection()  # only now the lock is taken
            held.set()
            free.wait(30)

    async with (
        running(ledger, tmp_path, patience=0.2) as at,
        httpx.AsyncClient(base_url=f"http://{at}") as client,
    ):
        holding = asyncio.create_task(asyncio.to_thread(hold))
        await asyncio.to_thread(held.wait)
        assert (await client.get("/healthz")).status_code == 200, "it has nothing to do"
        sending = asyncio.create_task(post(at, f"[{good('late')}]".encode(), auth(token)))
        async with asyncio.timeout(10):
            while (answer := await client.get("/healthz")).status_code == 200:
                continue
        assert (answer.status_code, answer.json()["replace"]) == (503, True)
        assert "intake-writer" in answer.json()["detail"]
        free.set()
        await holding
        assert (await sending).json()[0]["status"] == "accepted"
        assert (await client.get("/healthz")).status_code == 200
