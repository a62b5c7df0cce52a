"""Packages made to deceive or to break whoever checks them: both checks answer with a verdict that names file and place, at once,
and no byte of a package says anything that nobody has signed."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from evidence import verify
from evidence.checkpoint import Ed25519Signer, cosign, sign, signature_line
from evidence.files import write_whole
from evidence.merkle import Tiles
from evidence.package import prove
from evidence.verify import COSIGNATURE, Head, Note, VerifierKey, canonical, digest, lines_of
from tests.evidence.packages import LOG, OPENING, WITNESS, Made, cosignature_at, make, make_leads
from tests.evidence.test_twins import by_file, in_browser, lines, named, put, repacked, unpacked

Files = Mapping[str, bytes]
Change = Callable[[dict[str, bytes]], None]
KEYS = [LOG.verifier, WITNESS.verifier]
DEEP = b"[" * 200_000
TEXT = "本场开标作废"
"""Words of somebody who has signed nothing."""
STAMP = bytes.fromhex("3018 3003 020100 3011 06092a864886f70d010702 a004 30020500".replace(" ", ""))
"""The least that has the form of a time stamp."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("package"), segments=9, segment_bytes=500)


@pytest.fixture(scope="module")
def whole(made: Made) -> Files:
    return unpacked(made)


def leaf(number: int, edit: Callable[[dict[str, Any]], object]) -> Change:
    """A line of leaves.jsonl told otherwise, from 0 on, in the written form it has to have."""

    def change(rows: list[bytes]) -> list[bytes]:
        one = json.loads(rows[number])
        edit(one)
        rows[number] = canonical(one)
        return rows

    return lines("leaves.jsonl", change)


def seal(**said: Any) -> Change:
    """Another seal, whose leaf fits it; the proofs are made unreadable, so that it is not the log that refuses it."""

    def edit(one: dict[str, Any]) -> None:
        one["body"] = {name: value for name, value in (one["body"] | said).items() if value is not None}
        one["leaf"]["sha256"] = digest(one["body"])

    return both(leaf(-1, edit), put("proofs.json", b"{}"))


def both(*changes: Change) -> Change:
    def change(files: dict[str, bytes]) -> None:
        for one in changes:
            one(files)

    return change


def entry_of(number: int, edit: Callable[[dict[str, Any]], object]) -> Change:
    """An entry of the manifest told otherwise, from 0 on; the manifest fits else."""

    def change(files: dict[str, bytes]) -> None:
        told = json.loads(files["manifest.json"])
        edit(told["files"][number])
        files["manifest.json"] = verify.manifest(OPENING, told["files"])

    return change


def film(**said: Any) -> list[dict[str, Any]]:
    return [{"id": "r-near", "path": "recording/near.mp4", "segments": 9, "withheld": [[5, 6]], **said}]


def breaking(whole: Files) -> dict[str, Change]:
    """What was done → how, of packages that break a careless reader."""
    hold: dict[str, Change] = {f"{name} deep": put(name, DEEP) for name in ("manifest.json", "proofs.json")}
    for name in ("leaves.jsonl", "events.jsonl"):
        hold[f"{name} deep"] = lines(name, lambda rows: [rows[0], DEEP, *rows[2:]])
        hold[f"{name} half a character"] = lines(name, lambda rows: [rows[0], b'{"\\ud800":1}', *rows[2:]])
    hold["manifest of half a character"] = put("manifest.json", b'{"files":[\n\n],"format":"\\ud800"}\n')
    hold["a format that is a list"] = put("manifest.json", b'{"files":[],"format":[],"opening":{}}')
    hold["parts that are none"] = entry_of(0, lambda one: one.update(parts=[{}]))
    hold["no parts"] = entry_of(0, lambda one: one.pop("parts"))
    for name in ("files", "recordings", "events"):
        hold[f"seal without {name}"] = seal(**{name: None})
        hold[f"seal of {name} of another type"] = seal(**{name: {}})
    hold["seal without withheld"] = seal(recordings=[{"id": "r-near", "path": "recording/near.mp4"}])
    hold["all withheld"] = seal(recordings=film(withheld=[[0, 10**10]]))
    hold["many segments withheld"] = seal(recordings=film(segments=10**11, withheld=[[0, 10**10]]))
    hold["many segments"] = seal(recordings=film(segments=10**12))
    hold["withheld backwards"] = seal(recordings=film(withheld=[[5, 6], [1, 2]]))
    hold["a recording twice"] = seal(recordings=film() * 2)
    hold["many events"] = seal(events=10**10)
    hold["more events than numbers"] = seal(events=10**30)
    hold["events of a fraction"] = seal(events=1.5)
    free = put("proofs.json", b"{}")
    for at in (
        "gestern",
        "2026-02-30T00:00:00.000000Z",
        "2026-01-01T24:00:00.000000Z",
        "9999-12-31T23:59:59.000000Z",
    ):
        tampered = leaf(4, lambda one, at=at: one["leaf"].update(at=at, sha256="0" * 64))  # type: ignore[misc]
        hold[f"a leaf at {at}"] = both(tampered, free)
    for field, value in (("event", 10**10), ("event", 0)):
        hold[f"a leaf with {field} {value}"] = both(
            leaf(0, lambda one, field=field, value=value: one["leaf"].update({field: value})), free  # type: ignore[misc]
        )  # fmt: skip
    for field, value in (
        ("bytes", 2**53 - 1),
        ("bytes", 0),
        ("ms", 2**53 - 1),
        ("segment", 2**50),
        ("offset", -1),
    ):
        hold[f"a piece with {field} {value}"] = both(
            leaf(4, lambda one, field=field, value=value: one["leaf"].update({field: value})), free  # type: ignore[misc]
        )  # fmt: skip
    hold["a leaf of an odd kind"] = both(leaf(0, lambda one: one["leaf"].update(kind="constructor")), free)
    hold["a leaf whose kind is a list"] = both(leaf(0, lambda one: one["leaf"].update(kind=[])), free)
    for said, key in (("empty", "x+00000000+"), ("short", str(VerifierKey("x", 1, b"1" * 31)))):
        hold[f"{said} key"] = put("keys/log.vkey", f"{key}\n".encode())
    for when in (1 << 62, (1 << 63) + 5, 253_402_300_800):
        text = Note.parse(whole["checkpoint"].decode()).text
        line = cosignature_at(WITNESS, text, when)
        note = cosign(sign(LOG, Head.parse(text)), line)
        hold[f"witnessed at {when}"] = put("checkpoint", note.encode())
    hold["a head of more than can be counted"] = put(
        "checkpoint", sign(LOG, Head(LOG.name, 10**30, bytes(32))).encode()
    )
    return hold


def hiding(whole: Files) -> dict[str, Change]:
    """What was done → how, of packages that hold words of somebody else."""
    hold: dict[str, Change] = {
        f"a file {name}": put(name, f"<h1>{TEXT}</h1>".encode())
        for name in ("timestamps/更正说明.html", "timestamps/1.html", "timestamps/../../../evil.html", "timestamps/1.tsr",
                     "timestamps/x/1.tsr", "/etc/evil", "C:/evil", "a//b", "../README.md", "timestamps/./1.tsr")
    }  # fmt: skip
    hold["behind a time stamp"] = put("timestamps/1.tsr", STAMP + TEXT.encode())
    hold["a body beside an event"] = leaf(0, lambda one: one.update(body={"note": TEXT}))
    hold["a key beside an event"] = leaf(0, lambda one: one.update(key=TEXT))
    hold["a field beside a piece"] = leaf(4, lambda one: one.update(note=TEXT))
    hold["a field beside a body"] = leaf(-2, lambda one: one.update(note=TEXT))
    hold["an empty key beside a body"] = leaf(-3, lambda one: one.update(key=""))
    other = Ed25519Signer("本场开标作废", COSIGNATURE, b"\5" * 32)
    text = Note.parse(whole["checkpoint"].decode()).text
    line = signature_line(other, text).encode()
    hold["a witness nobody knows"] = lambda files: files.update(checkpoint=files["checkpoint"] + line)
    mine = signature_line(WITNESS, text).encode()
    hold["a witness twice"] = lambda files: files.update(checkpoint=files["checkpoint"] + mine)
    raw = base64.b64encode(WITNESS.verifier.id + TEXT.encode()).decode()
    forged = whole["checkpoint"].decode().rpartition("— notary")[0] + f"— {WITNESS.name} {raw}\n"
    hold["words for a witness' signature"] = put("checkpoint", forged.encode())

    def superfluous(files: dict[str, bytes]) -> None:
        told = json.loads(files["proofs.json"])
        head = Head(LOG.name, told["size"], bytes.fromhex(told["root"]))
        more = [*told["inclusion"], [0, [base64.b64encode(TEXT.encode()).decode()]]]
        files["proofs.json"] = verify.proofs(head, told["first"], told["consistency"], more)

    hold["a proof more"] = superfluous
    return {
        **hold,
        **{f"{said} and no witness given": how for said, how in hold.items() if "witness" in said},
    }


def written(changes: Mapping[str, Change], whole: Files, folder: Path) -> dict[str, Path]:
    """Each as it is, and with a manifest made to fit."""
    found: dict[str, Path] = {}
    for number, (said, change) in enumerate(changes.items()):
        files = dict(whole)
        change(files)
        found[said] = repacked(files, folder / f"{number}.zip")
        if files["manifest.json"] == whole["manifest.json"]:
            entries = [entry(name, files[name]) for name in sorted(files) if name != "manifest.json"]
            hidden = {**files, "manifest.json": verify.manifest(OPENING, entries)}
            found[f"{said}, hidden"] = repacked(hidden, folder / f"{number}h.zip")
    return found


def entry(name: str, raw: bytes) -> dict[str, Any]:
    told = {"path": name, "size": len(raw), "sha256": sha256(raw).hexdigest()}
    return told if verify.is_recording(name) else told | {"parts": verify.parts_of(name, raw)}


def test_both_answer_and_name_the_same(whole: Files, tmp_path: Path) -> None:
    cases = written(breaking(whole) | hiding(whole), whole, tmp_path)
    for keys in (KEYS, [LOG.verifier], []):
        unlike, silent = [], []
        for (said, path), told in zip(cases.items(), in_browser([*cases.values()], keys), strict=True):
            assert "failed" not in told, (said, told)
            mine, theirs = by_file(path, keys), named(told["broken"])
            if mine != theirs:
                unlike.append(f"{said}: {sorted(mine - theirs)[:3]} / {sorted(theirs - mine)[:3]}")
            if not mine:
                silent.append(said)
        assert not unlike, "\n".join(unlike)
        assert not silent


def test_what_is_free_to_be_said_in_a_manifest_is_named_by_its_line(whole: Files, tmp_path: Path) -> None:
    cases: dict[str, tuple[Change, int]] = {
        "a field": (entry_of(2, lambda one: one.update(note=TEXT)), 4),
        "a size in words": (entry_of(2, lambda one: one.update(size=TEXT)), 4),
        "parts of a recording": (entry_of(-1, lambda one: one.update(parts=["0" * 16])), 13),
    }
    for number, (said, (change, line)) in enumerate(cases.items()):
        files = dict(whole)
        change(files)
        path = repacked(files, tmp_path / f"{number}.zip")
        found = [(one.file, one.place, one.why, one.at) for one in verify.check(path, KEYS).broken]
        assert found == [("manifest.json", "line", "form", {"line": line})], said
        assert named(in_browser([path], KEYS)[0]["broken"]) == by_file(path, KEYS), said


def test_a_manifest_that_is_wrong_itself_accuses_no_file_that_is_as_it_was_sealed(
    whole: Files, tmp_path: Path
) -> None:
    raw, chance, paths = whole["manifest.json"], random.Random(9), list[Path]()
    spots = {
        raw.index(name) + 3 for name in (b"captions.vtt", b"keys/log.vkey", b"leaves.jsonl", b"README.md")
    }
    spots |= {raw.index(b"recording/near") + 12, *(chance.randrange(len(raw)) for _ in range(80))}
    for spot in sorted(spots):
        flipped = bytearray(raw)
        flipped[spot] ^= 1 << chance.randrange(3)
        paths.append(repacked({**whole, "manifest.json": bytes(flipped)}, tmp_path / f"{spot}.zip"))
    for path, told in zip(paths, in_browser(paths, KEYS), strict=True):
        mine = by_file(path, KEYS)
        assert {json.loads(one)[0] for one in mine} == {"manifest.json"}, (path.name, mine)
        assert mine == named(told["broken"]), path.name
    removed = b"".join(line + b"\n" for line in lines_of(raw) if b"captions.vtt" not in line)
    changed = {**whole, "manifest.json": removed}
    path = repacked(changed, tmp_path / "removed.zip")
    assert {json.loads(one)[0] for one in by_file(path, KEYS)} == {"manifest.json"}
    path = repacked({**changed, "captions.vtt": b"WEBVTT\n"}, tmp_path / "changed.zip")
    assert "captions.vtt" in {json.loads(one)[0] for one in by_file(path, KEYS)}
    assert by_file(path, KEYS) == named(in_browser([path], KEYS)[0]["broken"])


def test_a_time_stamp_that_was_not_checked_is_told_as_such(
    whole: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    files = {**whole, "timestamps/1.tsr": STAMP}
    entries = [entry(name, files[name]) for name in sorted(files) if name != "manifest.json"]
    path = repacked({**files, "manifest.json": verify.manifest(OPENING, entries)}, tmp_path / "p.zip")
    verdict = verify.check(path, KEYS)
    assert verdict.broken == [] and verdict.as_dict("zh")["unchecked"] == ["timestamps/1.tsr"]
    said = "\n".join(verify.in_lines(verdict, "zh"))
    assert "未发现任何改动" not in said and "1 个文件未能核验" in said
    assert in_browser([path], KEYS)[0]["unread"] == ["timestamps/1.tsr"]


@pytest.mark.parametrize("when", [1 << 62, (1 << 63) + 5, 253_402_300_800])
def test_a_witness_time_beyond_every_calendar_is_named(whole: Files, tmp_path: Path, when: int) -> None:
    text = Note.parse(whole["checkpoint"].decode()).text
    note = cosign(whole["checkpoint"].decode(), cosignature_at(WITNESS, text, when)).encode()
    files = {**whole, "checkpoint": note}
    entries = [entry(name, files[name]) for name in sorted(files) if name != "manifest.json"]
    path = repacked({**files, "manifest.json": verify.manifest(OPENING, entries)}, tmp_path / "p.zip")
    assert [one.why for one in verify.check(path, KEYS).broken] == ["wrong_time"]


def test_a_package_is_made_with_the_cosignatures_of_sealed_keys_alone(made: Made, tmp_path: Path) -> None:
    """A witness that was registered after the sealing has begun has cosigned the head too."""
    write_whole(tmp_path / "keys" / "log.vkey", f"{LOG.verifier}\n".encode())
    note = (made.folder / "checkpoint").read_text()
    prove(tmp_path, [], Tiles(made.tiles.fetch, made.tiles.size), note, note)
    assert (tmp_path / "checkpoint").read_text() == note[: note.index(f"— {WITNESS.name}")]


def test_a_signature_more_under_the_list_of_a_batch_is_named(tmp_path: Path) -> None:
    path = make_leads(tmp_path)
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    files["signature"] += signature_line(WITNESS, Note.parse(files["signature"].decode()).text).encode()
    path = repacked(files, tmp_path / "p.zip")
    assert [(one.file, one.why) for one in verify.check(path).broken] == [("signature", "extra")]
    assert by_file(path, []) == named(in_browser([path], [])[0]["broken"])


COMMANDS = [[str(verify.__file__)], ["-m", "sunbid.cli", "verify"]]


def run(command: list[str], path: Path, coding: str, *more: str) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "PYTHONIOENCODING": coding, "LC_ALL": "zh_CN.UTF-8"}
    given = [sys.executable, *command, str(path), *more]
    return subprocess.run(given, env=environ, capture_output=True, check=False)


@pytest.mark.parametrize("command", COMMANDS, ids=["verify.py", "sunbid"])
def test_a_terminal_of_few_characters_is_told_what_it_can_show(
    whole: Files, made: Made, tmp_path: Path, command: list[str]
) -> None:
    bad = repacked({**whole, "README.md": b"x\n", "\r\x1b[2Kgood": b""}, tmp_path / "bad.zip")
    for coding, word in (("gbk", "被删去"), ("latin-1", "was removed")):
        found = run(command, bad, coding)
        assert found.returncode == 1 and found.stderr == b"", (coding, found.stderr)
        said = found.stdout.decode(coding)
        assert word in said and "README.md" in said and r"\r\x1b[2Kgood" in said
        assert not any(sign < " " for sign in said.replace("\n", "")), "nothing moves the cursor"
    assert run(command, made.zip, "ascii").stdout.startswith(b"nothing was changed")
    assert json.loads(run(command, bad, "ascii", "--json").stdout)["ok"] is False
