"""An opening that has ended is sealed: a package that holds, without what was withheld, in two copies that mend each other."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from starlette.testclient import TestClient

from evidence import checkpoint, verify
from evidence.verify import COSIGNATURE, Note, VerifierKey, lines_of
from records.clock import now
from records.ledger import Ledger
from records.tables.broadcast import BroadcastSession
from records.tables.evidence import LogLeaf, Recording, Seal, Segment
from streaming.hub import create_app
from streaming.log import sealing
from supervision.watch import append_seals
from tests.evidence.test_timestamp import authority as authority
from tests.reading import read
from tests.streaming import hub_market as market
from tests.streaming.film import keep, shoot, shoot_webm
from tests.streaming.hub_market import FakeMedia, Rig
from tests.streaming.test_hub_api import until


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shoot(tmp_path_factory.mktemp("film") / "film.mp4", 12)


@pytest.fixture
def rig(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A hub that keeps second copies and seals at once."""
    monkeypatch.setattr(sealing, "AFTER", timedelta(0))
    monkeypatch.setattr(sealing, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(sealing, "COMPARE_SECONDS", 0.1)
    market.rooms(ledger)
    with hub(ledger, tmp_path) as made:
        yield made


def hub(ledger: Ledger, tmp_path: Path, **settings: Any) -> TestHub:
    return TestHub(ledger, tmp_path, **settings)


class TestHub:
    """A hub that may be started again over the same data."""

    __test__ = False

    def __init__(self, ledger: Ledger, folder: Path, **settings: Any) -> None:
        self.ledger, self.folder, self.settings = ledger, folder, settings

    def __enter__(self) -> Rig:
        media: list[FakeMedia] = []
        config = replace(
            market.config(self.ledger, self.folder / "data"), archive=self.folder / "archive", **self.settings
        )

        def make(_config: object, roster: object, _workers: object) -> FakeMedia:
            media.append(FakeMedia(roster))  # type: ignore[arg-type]
            return media[0]

        app = create_app(config, make)
        self.client = TestClient(app, base_url="http://hub", client=("127.0.0.1", 40000)).__enter__()
        return Rig(self.ledger, self.client, media[0], self.folder / "data")

    def __exit__(self, *error: object) -> None:
        self.client.__exit__(None, None, None)


def run(rig: Rig, film: Path, seconds_before: float = 12) -> None:
    """An opening with a recording, whole, that the public saw: its session stands in the ledger."""
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    until(lambda: _session(rig.ledger), "standby", 5)
    keep(rig.ledger, rig.data, film, "O1", now() - timedelta(seconds=1))
    market.finish(rig.ledger)


def _session(ledger: Ledger) -> str | None:
    with ledger.read() as session:
        row = session.get(BroadcastSession, "O1")
        return row and row.state


def seal_of(ledger: Ledger) -> Seal | None:
    with ledger.read() as session:
        return session.get(Seal, "O1")


def sealed(rig: Rig) -> bytes:
    """The package as anyone downloads it."""
    until(lambda: seal_of(rig.ledger) is not None, True, 30)
    assert append_seals(rig.ledger) == ["O1"] and append_seals(rig.ledger) == []
    until(lambda: rig.get("/api/openings/O1/evidence").status_code, 200)
    body: bytes = rig.get("/api/openings/O1/evidence").content
    return body


def test_the_page_of_a_sealed_opening_tells_of_its_package(rig: Rig, film: Path) -> None:
    run(rig, film)
    assert rig.get("/api/openings/O1/record.pdf").status_code == 409
    assert "档案指纹" not in rig.get("/opening/O1").text
    raw = sealed(rig)
    seal = seal_of(rig.ledger)
    assert seal is not None
    page = rig.get("/opening/O1").text
    for words in (
        "已封存",
        f"{seal.segments} 片录像",
        'href="/api/openings/O1/record.pdf"',
        "2 份，写入后已回读核对",
        "本站签名",
    ):
        assert words in page, words
    assert hashlib.sha256(raw).hexdigest() == seal.package_sha256
    assert [one.attributes["data-copy"] for one in read(page).all("button", aria_label="复制档案指纹")] == [
        seal.package_sha256
    ]
    with zipfile.ZipFile(BytesIO(raw)) as packed:
        leaf = json.loads(packed.read("leaves.jsonl").splitlines()[-1])
        events = len(lines_of(packed.read("events.jsonl")))
        paper = packed.read("record.pdf")
    assert (
        leaf["leaf"]["kind"] == "seal"
        and f"第 {leaf['index'] + 1:,} 条" in page
        and f"{events} 条事件" in page
    )
    answer = rig.get("/api/openings/O1/record.pdf")
    assert answer.content == paper and answer.headers["content-type"] == "application/pdf"
    assert rig.get("/api/openings/nothing/record.pdf").status_code == 404
    assert f"封存于存证日志第 {leaf['index'] + 1:,} 条" in rig.get("/verify?opening=O1").text


def test_an_opening_is_sealed_and_its_package_holds(rig: Rig, film: Path, tmp_path: Path) -> None:
    run(rig, film)
    path = tmp_path / "package.zip"
    path.write_bytes(sealed(rig))
    key = VerifierKey.parse(rig.get("/log/keys").text.splitlines()[0])
    verdict = verify.check(path, [key])
    assert verdict.broken == [], [one.as_dict("en") for one in verdict.broken]
    assert verdict.opening == "O1" and verdict.steps["segments"][0] == verdict.steps["segments"][1] > 0
    with zipfile.ZipFile(path) as packed:
        names = set(packed.namelist())
        assert names >= {
            "manifest.json", "captions.vtt", "events.jsonl", "record.json", "record.pdf", "leaves.jsonl", "proofs.json",
            "checkpoint", "keys/log.vkey", "README.md", "recording/main-1.mp4",
        }  # fmt: skip
        record = json.loads(packed.read("record.json"))
        assert [bid["no"] for bid in record["bids"]] == [1, 2, 3] and record["state"] == "ended"
        events = [json.loads(line) for line in lines_of(packed.read("events.jsonl"))]
        assert (
            events == rig.get("/api/openings/O1/events").json()[: len(events)]
            and events[-1]["type"] == "ended"
        )
        assert (
            packed.read("captions.vtt").startswith(b"WEBVTT\n")
            and "投标报价" in packed.read("captions.vtt").decode()
        )
        readme = packed.read("README.md").decode()
        assert "sunbid verify" in readme and "nothing is uploaded" in readme and "不上传" in readme
        signature = PdfFileReader(BytesIO(packed.read("record.pdf"))).embedded_signatures[0]
        assert validate_pdf_signature(signature).intact
    assert seal_of(rig.ledger).package_sha256 == verify.hashlib.sha256(path.read_bytes()).hexdigest()  # type: ignore[union-attr]
    feed = rig.get("/api/openings/O1/events").json()
    assert feed[-1]["type"] == "sealed" and feed[-1]["payload"]["segments"] == verdict.steps["segments"][
        1
    ] + _withheld(path)
    with rig.ledger.read() as session:
        assert all(row.sealed_at for row in session.query(Recording)) and _session(rig.ledger) == "sealed"


def _withheld(path: Path) -> int:
    """Segments that the seal withholds."""
    with zipfile.ZipFile(path) as packed:
        lines = [json.loads(line) for line in lines_of(packed.read("leaves.jsonl"))]
    spans = [span for one in lines[-1]["body"]["recordings"] for span in one["withheld"]]
    return sum(last - first + 1 for first, last in spans)


def test_what_a_pause_covered_is_not_in_the_package(rig: Rig, film: Path, tmp_path: Path) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    until(lambda: _session(rig.ledger), "standby", 5)
    begun = now()
    keep(rig.ledger, rig.data, film, "O1", begun - timedelta(seconds=1))
    market.event(rig.ledger, "O1", "paused", reason="休会")
    market.event(rig.ledger, "O1", "resumed", ts=now())
    market.finish(rig.ledger)
    path = tmp_path / "package.zip"
    path.write_bytes(sealed(rig))
    verdict = verify.check(path)
    assert verdict.broken == [] and _withheld(path) > 0
    with zipfile.ZipFile(path) as packed:
        kept = packed.getinfo("recording/main-1.mp4").file_size
    assert kept < film.stat().st_size


def test_each_recording_has_captions_of_its_own(rig: Rig, film: Path, tmp_path: Path) -> None:
    """A publisher that came back, in another codec, and a second camera: three files, one opening."""
    began = now() - timedelta(seconds=20)
    market.opening(rig.ledger)
    market.begin(rig.ledger, ts=began)
    until(lambda: _session(rig.ledger), "standby", 5)
    again = shoot_webm(tmp_path / "again.webm", 12)
    for one, after, camera in ((film, 0, "main"), (again, 13, "main"), (film, 5, "far")):
        keep(rig.ledger, rig.data, one, "O1", began + timedelta(seconds=after), camera)
    market.event(
        rig.ledger, "O1", "bid_read", ts=began + timedelta(seconds=7), no=1, name="示例建设第1公司", price="1"
    )
    for number, second in ((2, 10), (3, 15)):
        market.event(
            rig.ledger, "O1", "bid_read", ts=began + timedelta(seconds=second), no=number, name=f"示例建设第{number}公司", price="1"
        )  # fmt: skip
    market.event(rig.ledger, "O1", "record_confirmed", rows=3)
    market.event(rig.ledger, "O1", "ended", result="opened")
    path = tmp_path / "package.zip"
    path.write_bytes(sealed(rig))
    assert verify.check(path).broken == []
    with zipfile.ZipFile(path) as packed:
        told = {name: packed.read(name).decode() for name in packed.namelist() if name.endswith(".vtt")}
        kept = packed.namelist()
    assert {"recording/main-1.mp4", "recording/main-2.webm", "recording/far-3.mp4"} <= set(kept)
    assert set(told) == {"captions.vtt", *(f"captions/{name}.vtt" for name in ("main-1", "main-2", "far-3"))}
    assert "00:00:07.000 --> " in told["captions/main-1.vtt"] and "第 3 号" not in told["captions/main-1.vtt"]
    assert "00:00:02.000 --> " in told["captions/main-2.vtt"] and "第 1 号" not in told["captions/main-2.vtt"]
    assert "00:00:02.000 --> " in told["captions/far-3.vtt"] and "第 1 号" in told["captions/far-3.vtt"]


def test_not_a_byte_from_before_its_beginning_or_after_its_end_is_in_the_package(
    rig: Rig, film: Path, tmp_path: Path
) -> None:
    """The pieces that lie across its beginning and its end hold pictures of both sides, and are withheld whole."""
    began = now() - timedelta(seconds=8)
    market.opening(rig.ledger)
    market.begin(rig.ledger, ts=began)
    until(lambda: _session(rig.ledger), "standby", 5)
    name = keep(rig.ledger, rig.data, film, "O1", began - timedelta(seconds=1.5))
    market.finish(rig.ledger)
    path = tmp_path / "package.zip"
    path.write_bytes(sealed(rig))
    told = rig.get("/api/openings/O1").json()
    start, end = (datetime.fromisoformat(told[key]) for key in ("started_at", "ended_at"))
    with zipfile.ZipFile(path) as packed:
        kept = packed.read("recording/main-1.mp4")
    with rig.ledger.read() as session:
        pieces = session.query(Segment).filter(Segment.recording_id == name, Segment.seconds > 0).all()
    raw, whole, across = film.read_bytes(), 0, 0
    for piece in pieces:
        begins, ends = piece.started_at, piece.started_at + timedelta(seconds=piece.seconds)
        within = start <= begins and ends <= end
        assert (raw[piece.offset : piece.offset + piece.bytes] in kept) is within, piece.seq
        whole, across = whole + within, across + (begins < start < ends) + (begins < end < ends)
    assert whole >= 5 and across == 2


def test_either_copy_restores_the_other(rig: Rig, film: Path, tmp_path: Path) -> None:
    run(rig, film)
    whole = sealed(rig)
    (served,) = (rig.data / "evidence").glob("*.zip")
    (second,) = (tmp_path / "archive").glob("*.zip")
    assert served.read_bytes() == second.read_bytes() == whole
    served.unlink()
    until(lambda: served.exists() and served.read_bytes() == whole, True, 10)
    second.write_bytes(whole[:100] + b"x" + whole[101:])
    until(lambda: second.read_bytes() == whole, True, 10)


def test_it_is_sealed_once_whatever_is_started_again(rig: Rig, film: Path, tmp_path: Path) -> None:
    run(rig, film)
    first = sealed(rig)
    with hub(rig.ledger, tmp_path) as again:
        until(lambda: again.get("/api/openings/O1/evidence").status_code, 200)
        assert again.get("/api/openings/O1/evidence").content == first
    with rig.ledger.read() as session:
        assert session.query(LogLeaf).filter(LogLeaf.kind == "seal").count() == 1
    assert not list((rig.data / "evidence").glob("*.part"))


def test_an_opening_whose_recording_is_short_is_not_sealed_and_says_so(rig: Rig, film: Path) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    until(lambda: _session(rig.ledger), "standby", 5)
    name = keep(rig.ledger, rig.data, film, "O1", now() - timedelta(seconds=1))
    file = rig.data / "recordings" / "hz-01" / f"{name}.mp4"
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    market.finish(rig.ledger)
    checks = rig.client.app.state.hub.sealing.trouble  # type: ignore[attr-defined]
    until(lambda: checks()["sealing"] is not None, True, 10)
    assert "O1" in checks()["sealing"].what.text("zh") and seal_of(rig.ledger) is None
    file.write_bytes(whole)
    until(lambda: seal_of(rig.ledger) is not None, True, 20)
    until(lambda: checks()["sealing"], None)


WITNESS = checkpoint.Ed25519Signer("notary.example/w", COSIGNATURE, b"\2" * 32)


def test_witnesses_and_a_time_stamp_stand_in_the_package(
    ledger: Ledger, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: tuple[str, Path]
) -> None:
    monkeypatch.setattr(sealing, "AFTER", timedelta(0))
    monkeypatch.setattr(sealing, "LOOK_SECONDS", 0.1)
    market.rooms(ledger)
    settings = {
        "witnesses": (str(WITNESS.verifier),),
        "timestamp_url": authority[0],
        "timestamp_ca": authority[1],
    }
    with hub(ledger, tmp_path, **settings) as rig:
        run(rig, film)

        def cosigned() -> bool:
            text = rig.get("/log/checkpoint").text
            if "\n\n" in text and WITNESS.name not in text:
                head = Note.parse(text).text
                line = checkpoint.signature_line(WITNESS, head)
                rig.client.post("/log/add-cosignature", content=f"{head}\n{line}")
            return seal_of(ledger) is not None

        until(cosigned, True, 40)
        path = tmp_path / "package.zip"
        path.write_bytes(sealed(rig))
        key = VerifierKey.parse(rig.get("/log/keys").text.splitlines()[0])
        page = rig.get("/verify").text
    verdict = verify.check(path, [key, WITNESS.verifier])
    assert verdict.broken == [] and [one["name"] for one in verdict.checkpoint["cosigned_by"]] == [
        WITNESS.name
    ]
    (stamp,) = verdict.timestamps
    assert stamp["ok"] is True and stamp["file"] == "timestamps/1.tsr"
    assert WITNESS.name in page and "正常" in page
    assert verify.check(path).broken == [], "with the package's own keys too"
