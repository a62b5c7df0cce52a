"""What leaves the house: exports pass the official schema, and the public one says nothing that is secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from sqlalchemy import select
from stdnum.cn import ric

from ingest.kinds.registry import TABLES
from ingest.ocds.writing.export import OcdsProfile, export_ocds
from records.ledger import Ledger
from records.sources import ensure_source
from records.tables.projects import Lot

from .conftest import LATER, NOW, Send, envelope
from .conftest import market as small_market
from .ocds_schema import strict_packages
from .official import Official
from .test_export_ocds import opened, packages
from .test_ocds import RELEASE


def assert_valid(package: dict[str, Any], *validators: Draft4Validator) -> None:
    for validator in validators:
        wrong = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(package)]
        assert not wrong, wrong[:5]


@pytest.mark.parametrize("public", [False, True])
def test_exports_pass_the_official_schema(
    public: bool, city: Ledger, official: Official, tmp_path: Path
) -> None:
    """The core as published; and with the bids and lots extensions, no field nobody has defined."""
    strict = strict_packages(official)
    profile = OcdsProfile(
        uri="https://example.org/ocds", license="https://example.org/licence", releases_per_file=90
    )
    export_ocds(city, tmp_path / "out", public=public, profile=profile, at=NOW)
    found = packages(tmp_path / "out")
    assert len(found) > 1
    for package in found:
        assert_valid(package, official.package, strict)
        assert len({release["id"] for release in package["releases"]}) == len(package["releases"])
        for release in package["releases"]:
            known = {party["id"] for party in release["parties"]}
            assert {who["id"] for who in named(release)} <= known


def test_the_strict_schema_is_strict(official: Official) -> None:
    """It takes a release with lots and bids, and tells a misspelt field and a wrong code of theirs."""
    strict = strict_packages(official)
    head = {
        "uri": "urn:x:1",
        "version": "1.1",
        "publishedDate": "2024-01-01T00:00:00Z",
        "publisher": {"name": "p"},
    }
    release = {**RELEASE, "initiationType": "tender"}
    release["tender"] = {**release["tender"], "tenderPeriod": {"endDate": "2024-02-01T00:00:00Z"}}
    assert_valid({**head, "releases": [release]}, official.package, strict)
    for wrong in ({"tendererz": []}, {"status": "opened"}, {"date": "2024-01-20"}, {"id": None}):
        bids = {"details": [{**release["bids"]["details"][0], **wrong}]}
        package = {**head, "releases": [{**release, "bids": bids}]}
        assert_valid(package, official.package)
        assert len(list(strict.iter_errors(package))) == 1, wrong
    lots = {**release, "tender": {**release["tender"], "lots": [{"id": "A", "statuz": "active"}]}}
    assert list(strict.iter_errors({**head, "releases": [lots]}))


def named(release: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every reference to an organisation in a release."""
    yield from [release["buyer"]] if "buyer" in release else []
    yield from [release["tender"]["procuringEntity"]] if "procuringEntity" in release["tender"] else []
    yield from release["tender"].get("tenderers", [])
    for bid in release.get("bids", {}).get("details", []):
        yield from bid["tenderers"]
    for award in release.get("awards", []):
        yield from award["suppliers"]


def test_the_public_export_says_nothing_of_what_is_secret(city: Ledger, tmp_path: Path) -> None:
    export_ocds(city, tmp_path / "out", public=True, at=NOW)
    text = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    with city.read() as session:
        bid, deposit = TABLES["bid"], TABLES["deposit"]
        kept = [
            bid.c[name]
            for name in ("manager", "mac", "cpu_serial", "upload_ip", "author", "file_sha256", "ca_serial")
        ]
        secret = {value for row in session.execute(select(*kept)) for value in row if value}
        secret |= set(
            session.scalars(
                select(deposit.c.payer_account_hash).where(deposit.c.payer_account_hash.is_not(None))
            )
        )
        waiting = set(session.scalars(select(Lot.id).where(Lot.deadline > NOW)))
    assert len(secret) > 500 and not [value for value in secret if f'"{value}"' in text]
    assert '"fields"' not in text and '"records"' not in text
    releases = [release for package in packages(tmp_path / "out") for release in package["releases"]]
    early = [release for release in releases if release["tender"]["id"] in waiting]
    assert early and not any({"bids", "awards"} & release.keys() for release in early)
    assert not any(
        "tenderers" in release["tender"] or "numberOfTenderers" in release["tender"] for release in early
    )
    assert all(release["x_sunbid"] == {"demo": True} for release in releases)


Publish = Callable[..., dict[str, Any]]


@pytest.fixture
def published(ledger: Ledger, official: Official, tmp_path: Path) -> Publish:
    """The first release of a public export into a folder of that name; it passes the official schema."""
    strict = strict_packages(official)

    def publish(name: str, at: str = "2026-05-07T00:00:00+08:00") -> dict[str, Any]:
        export_ocds(ledger, tmp_path / name, public=True, at=datetime.fromisoformat(at))
        package = packages(tmp_path / name)[0]
        assert_valid(package, official.package, strict)
        found: dict[str, Any] = package["releases"][0]
        return found

    return publish


def test_bids_become_public_step_by_step(send: Send, ledger: Ledger, published: Publish) -> None:
    opened(send, until=1)
    assert "bids" not in published("signed-in")
    with ledger.write() as session:
        ensure_source(session, "hz")
    steps = [("bidders_published", {"count": 2, "bidders": [{"no": 1, "name": "公司0"}, {"no": 2, "name": "公司1"}]}),
             ("decrypt_progress", {"done": 2, "total": 2}), ("bid_read", {"no": 1, "name": "公司0", "price": "900"})]  # fmt: skip
    events = [
        envelope("opening_event", f"x{i}", {"opening": "op", "type": kind, "payload": payload}, at=LATER)
        for i, (kind, payload) in enumerate(steps)
    ]
    send(events[0])
    release = published("named")
    assert [bid["tenderers"][0]["name"] for bid in release["bids"]["details"]] == ["公司0", "公司1"]
    assert not any("value" in bid or "status" in bid or "date" in bid for bid in release["bids"]["details"])
    send(*events[1:])
    release = published("reading")
    assert [bid.get("value", {}).get("amount") for bid in release["bids"]["details"]] == [900, None]
    assert "7777" not in json.dumps(release) and "张三" not in json.dumps(release, ensure_ascii=False)
    early = published("early", at="2026-05-06T09:00:00+08:00")
    assert "bids" not in early


def test_a_price_read_says_whether_it_is_with_vat_where_that_is_known(
    send: Send, ledger: Ledger, official: Official, tmp_path: Path
) -> None:
    """The flag is no part of OCDS itself: it is written as it is read, as ProZorro publishes it."""
    opened(send, until=1)
    with ledger.write() as session:
        ensure_source(session, "hz")
        session.get_one(Lot, "l0").vat = "included"
    listed = [{"no": 1, "name": "公司0"}, {"no": 2, "name": "公司1"}]
    steps = [("bidders_published", {"count": 2, "bidders": listed}), ("decrypt_progress", {"done": 2, "total": 2}),
             ("bid_read", {**listed[0], "price": "900"}), ("bid_read", {**listed[1], "price": "800", "remark": "不含税"})]  # fmt: skip
    send(*(
        envelope("opening_event", f"x{i}", {"opening": "op", "type": kind, "payload": payload}, at=LATER)
        for i, (kind, payload) in enumerate(steps)
    ))  # fmt: skip
    export_ocds(
        ledger, tmp_path / "read", public=True, at=datetime.fromisoformat("2026-05-07T00:00:00+08:00")
    )
    package = packages(tmp_path / "read")[0]
    assert_valid(package, official.package)
    found = [bid["value"] for bid in package["releases"][0]["bids"]["details"]]
    assert [(one["amount"], one["valueAddedTaxIncluded"]) for one in found] == [(900, True), (800, False)]


def test_too_few_bidders_are_not_told_before_the_deadline(send: Send, published: Publish) -> None:
    before, after = "2026-05-06T09:00:00+08:00", "2026-05-06T10:00:00+08:00"
    send(*small_market(1))
    plain = published("plain", before)["tender"]
    lot = small_market(1)[-1]
    early = {"lot": "l0", "published_at": "2026-05-05T09:00:00+08:00", "title": "流标"}
    papers = [
        envelope("notice", kind, {**early, "type": kind}) for kind in ("termination", "result", "candidates")
    ]
    send(envelope("lot", "l0", {**lot["data"], "status": "failed"}, 2), *papers)
    assert published("early", before)["tender"] == plain
    told = published("late", after)["tender"]
    assert told["status"] == "unsuccessful" and "流标" in json.dumps(told, ensure_ascii=False)


def test_a_contract_is_public_from_award_and_signature_on(send: Send, published: Publish) -> None:
    signed = "2026-05-06T12:00:00+08:00"
    send(
        *small_market(1),
        envelope("award", "a", {"lot": "l0", "bidder": "o0", "price": "900", "awarded_at": "2026-05-06T11:00:00+08:00"}),
        envelope("contract", "c", {"lot": "l0", "bidder": "o0", "value": "905", "signed_at": signed, "subcontractors": ["o1"]}),
        envelope("contract", "d", {"lot": "l0", "bidder": "o0", "value": "906"}),
    )  # fmt: skip
    assert "contracts" not in published("before", "2026-05-06T11:30:00+08:00")
    release = published("after")
    (contract,) = release["contracts"]
    assert contract["value"]["amount"] == 905 and contract["awardID"] == release["awards"][0]["id"]
    assert "contract" in release["tag"] and "公司1" not in json.dumps(release, ensure_ascii=False)


def test_bidders_of_a_prequalification_stay_masked(send: Send, published: Publish) -> None:
    opened(send, prequalification=True)
    release = published("public")
    assert [bid["tenderers"][0]["name"] for bid in release["bids"]["details"]] == ["******"] * 2
    text = json.dumps(release, ensure_ascii=False)
    assert not any(secret in text for secret in ("公司0", "公司1", '"o0"', '"b0"'))


def test_a_persons_number_is_not_published(send: Send, published: Publish) -> None:
    """An identity card number looks like a USCC; who bids under one is named, the number is kept in."""
    number = "110101199003070791"
    assert ric.is_valid(number)
    send(
        *[e for e in small_market(1, 0) if e["kind"] != "lot"],
        envelope("organisation", number, {"name": "张三"}),
        envelope("lot", "l", {"project": "p", "name": "x", "deadline": LATER, "status": "awarded"}),
        envelope("award", "a", {"lot": "l", "bidder": number, "awarded_at": LATER}),
    )
    text = json.dumps(published("public"), ensure_ascii=False)
    assert "张三" in text and number not in text
