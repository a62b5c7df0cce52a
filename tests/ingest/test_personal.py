"""Personal data never stands in a refused record kept for show, however the record is spoilt."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import httpx
import pytest

from ingest.imports.files import import_paths
from records.ledger import Ledger
from records.sources import add_source
from records.tables.intake import Reject

from .conftest import rows
from .serving import auth, post, running

PERSON, PHONE, ACCOUNT, NAME = "330102199003071235", "13905710001", "6222021202041701234", "张示例"


def expert(**data: object) -> str:
    whole = {
        "kind": "expert",
        "key": "e1",
        "version": 1,
        "occurred_at": "2026-01-05T09:00:00+08:00",
        "data": data,
    }
    return json.dumps(whole, ensure_ascii=False)


def escaped(name: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in name)


CASES = {
    "a plain record": expert(name=NAME, id_card=PERSON, nonsense=1),
    "a list": expert(id_card=[PERSON, {"other": PERSON}], phone=[[PHONE]], nonsense=1),
    "an object": expert(phone={"mobile": PHONE, "home": [PHONE]}, nonsense=1),
    "a number": f'{{"kind":"expert","key":"e","version":1,"data":{{"phone": {PHONE}, "id_card" : {PERSON}}}}}',
    "names with escapes": f'{{"kind":"expert","data":{{"{escaped("id_card")}":"{PERSON}","p\\u0068one":"{PHONE}","{escaped("name")}":"{NAME}"}}}}',
    "the kind with escapes": f'{{"{escaped("kind")}":"exp\\u0065rt","data":{{"name":"{NAME}"}}}}',
    "cut off in the value": expert(name=NAME, id_card=PERSON)[:-8],
    "cut off in a list": f'{{"kind":"expert","data":{{"id_card":["{PERSON}","{PERSON}',
    "cut off before the kind": f'{{"data":{{"name":"{NAME}","id_card":"{PERSON}"}},"ki',
    "cut off after a backslash": f'{{"kind":"expert","data":{{"id_card":"{PERSON}\\',
    "another spelling": expert(**{"ID-Card": PERSON, "Phone ": PHONE, "expertName": NAME}),
    "JSON in a string": expert(extra=json.dumps({"id_card": PERSON, "list": [{"phone": PHONE}]})),
    "single quotes": f"{{'kind':'expert','data':{{'id_card':'{PERSON}','name':'{NAME}'}}}}",
    "no quotes": f"{{kind: expert, data: {{id_card: {PERSON}, name: {NAME}}}}}",
    "a deposit's account in a list": json.dumps(
        {"kind": "deposit", "key": "d", "data": {"payer_account": [ACCOUNT]}}
    ),
    "another kind's names": json.dumps(
        {"kind": "opinion", "data": {"submitter": NAME, "contact": {"tel": PHONE}}}
    ),
    "twice": f'{{"kind":"expert","data":{{"phone":"{PHONE}","phone":"{PHONE}","x":1}}}}',
}


@pytest.mark.parametrize("what", CASES)
async def test_no_person_in_a_kept_reject(what: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with sqlite_ledger.write() as session:
        token = add_source(session, "hz")
    async with running(sqlite_ledger, tmp_path) as at, httpx.AsyncClient(base_url=f"http://{at}") as client:
        headers = {**auth(token), "Content-Type": "application/x-ndjson"}
        await post(at, CASES[what].encode() + b"\n", headers)
        told = (await client.get("/rejects", headers=auth(token))).text
    kept = rows(sqlite_ledger, Reject)
    assert len(kept) == 1 and "***" in kept[0].payload
    for secret in (PERSON, PHONE, ACCOUNT, NAME):
        for place in (kept[0].payload, kept[0].reason, kept[0].path or "", told):
            assert secret not in place and secret.encode().decode("unicode_escape", "ignore") not in place


async def test_what_is_no_person_stays_readable(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with sqlite_ledger.write() as session:
        token = add_source(session, "hz")
    sent = {"kind": "organisation", "key": "91330100AAAA000001", "version": 1, "occurred_at": "2026-01-05T09:00:00+08:00",
            "data": {"name": "示例公司", "nonsense": "13905710001号地块", "quote": 'a "b" c'}}  # fmt: skip
    async with running(sqlite_ledger, tmp_path) as at:
        await post(at, json.dumps([sent]).encode(), auth(token))
    assert json.loads(rows(sqlite_ledger, Reject)[0].payload)["data"] == sent["data"]


def test_the_rejects_file_keeps_the_record_whole_for_its_owner_only(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    given = tmp_path / "in.jsonl"
    given.write_text(expert(name=NAME, id_card=PERSON, nonsense=1) + "\n", encoding="utf-8")
    report = import_paths(sqlite_ledger, [given], data_dir=tmp_path, source="hz")
    assert report.rejects_file is not None
    line = json.loads(Path(report.rejects_file).read_bytes())
    assert line["record"]["data"]["id_card"] == PERSON
    assert stat.S_IMODE(Path(report.rejects_file).stat().st_mode) == 0o600
    assert PERSON not in rows(sqlite_ledger, Reject)[0].payload
