"""Whatever is done to a package is found and named: any byte of any file, anything taken out, put in or exchanged."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import package, verify
from evidence.checkpoint import Ed25519Signer
from evidence.merkle import TileFolder
from evidence.verify import ED25519, Broken, Verdict, canonical, lines_of
from tests.evidence.packages import LOG, OPENING, WITNESS, Made, head_of, make

FILES = (
    "README.md", "captions.vtt", "checkpoint", "events.jsonl", "keys/log.vkey", "keys/witness-notary.vkey", "leaves.jsonl",
    "manifest.json", "proofs.json", "record.json", "record.pdf", "recording/far.mp4", "recording/near.mp4",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def whole(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with zipfile.ZipFile(made.zip) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "copy")


def edit(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in change(lines_of(path.read_bytes()))))


def relist(folder: Path) -> None:
    """Write the manifest anew, as somebody would who wants to hide what he has done."""
    files = []
    for name in package.names(folder):
        if name != "manifest.json":
            told = package.listed(folder, name)
            files.append({key: told[key] for key in told if key != "parts" or not verify.is_recording(name)})
    (folder / "manifest.json").write_bytes(verify.manifest(OPENING, files))


def places(verdict: Verdict) -> set[tuple[str, Any]]:
    return {
        (one.file, one.at.get("line", one.at.get("segment", one.at.get("first")))) for one in verdict.broken
    }


def test_a_whole_package_holds_as_zip_and_as_folder(made: Made, whole: Path) -> None:
    for path in (made.zip, whole):
        verdict = verify.check(path, [LOG.verifier, WITNESS.verifier])
        assert verdict.broken == [] and verdict.checkpoint["signed_by"] == LOG.name
        assert [one["name"] for one in verdict.checkpoint["cosigned_by"]] == [WITNESS.name]
        assert verdict.steps["segments"] == (76, 76) and verdict.steps["log"] == (95, 95)
    assert sorted(package.names(whole)) == sorted(FILES)


def test_the_same_package_is_the_same_bytes(made: Made, tmp_path: Path) -> None:
    again = make(tmp_path)
    with zipfile.ZipFile(made.zip) as one, zipfile.ZipFile(again.zip) as other:
        assert one.namelist() == other.namelist() == sorted(FILES)
        assert one.read("events.jsonl") == other.read("events.jsonl")


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_byte_is_found_in_its_file(copy: Path, name: str) -> None:
    chance, path = random.Random(name), copy / name
    good = path.read_bytes()
    spots = {0, len(good) - 1, *(chance.randrange(len(good)) for _ in range(28))}
    for spot in spots:
        raw = bytearray(good)
        raw[spot] ^= 1 << chance.randrange(8)
        path.write_bytes(raw)
        verdict = verify.check(copy, [LOG.verifier])
        assert name in {one.file for one in verdict.broken}, (spot, good[spot : spot + 1])
        named = [one for one in verdict.broken if one.file == name]
        assert any(_covers(one, spot, good) for one in named), (spot, named)


def _covers(broken: Broken, spot: int, raw: bytes) -> bool:
    """Whether the place named holds the byte. A changed line feed is named at one of the lines it parted."""
    if "first" in broken.at:
        return bool(broken.at["first"] <= spot <= broken.at["last"])
    line = raw[:spot].count(b"\n") + 1
    return bool("line" not in broken.at or broken.at["line"] in (line, line + 1))


@pytest.mark.parametrize("number", range(40))
def test_any_flipped_byte_of_the_zip_itself_is_found(made: Made, tmp_path: Path, number: int) -> None:
    raw = bytearray(made.zip.read_bytes())
    with zipfile.ZipFile(made.zip) as packed:
        info = random.Random(number).choice([one for one in packed.infolist() if one.file_size > 100])
    start = info.header_offset + 30 + len(info.filename)
    raw[start + 60 + random.Random(number).randrange(info.file_size - 60)] ^= 4
    path = tmp_path / "changed.zip"
    path.write_bytes(raw)
    assert info.filename in {one.file for one in verify.check(path).broken}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert any(one.file == name for one in verify.check(copy).broken)


def test_a_file_more_is_named(copy: Path, made: Made, tmp_path: Path) -> None:
    (copy / "recording/other.mp4").write_bytes(b"x")
    assert {(one.file, one.why) for one in verify.check(copy).broken} == {
        ("recording/other.mp4", "file_extra")
    }
    path = shutil.copy(made.zip, tmp_path / "twice.zip")
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr("README.md", b"another")
    assert ("README.md", "file_extra") in {(one.file, one.why) for one in verify.check(Path(path)).broken}


def pieces(folder: Path, name: str) -> list[bytes]:
    """The segments of a recording as the package holds them."""
    lines = [json.loads(line) for line in lines_of((folder / "leaves.jsonl").read_bytes())]
    camera = name.removeprefix("recording/").removesuffix(".mp4")
    leaves = [one["leaf"] for one in lines if one["leaf"].get("recording") == f"r-{camera}"]
    raw, at, found = (folder / name).read_bytes(), 0, []
    for leaf in leaves:
        if leaf["segment"] not in (5, 6):
            found.append(raw[at : at + leaf["bytes"]])
            at += leaf["bytes"]
    return found


NEAR = "recording/near.mp4"


@pytest.mark.parametrize("hidden", [False, True])
def test_segments_taken_out_exchanged_or_doubled_are_named(copy: Path, hidden: bool) -> None:
    """Segments 5 and 6 were withheld: of what is there, place 10 is segment 12."""
    held = pieces(copy, NEAR)
    cases: list[tuple[list[bytes], set[tuple[int, str]]]] = [
        ([*held[:10], *held[11:]], {(12, "missing")}),
        (held[:-1], {(39, "missing")}),
        ([*held[:10], held[11], held[10], *held[12:]], {(12, "moved"), (13, "moved")}),
        ([*held[:3], held[30], *held[4:30], held[3], *held[31:]], {(3, "moved"), (32, "moved")}),
        ([*held[:10], bytes(len(held[10])), *held[11:20], *held[21:]], {(12, "changed"), (22, "missing")}),
    ]
    for parts, expected in cases:
        (copy / NEAR).write_bytes(b"".join(parts))
        if hidden:
            relist(copy)
        found = [one for one in verify.check(copy).broken if one.file == NEAR and one.place == "segment"]
        assert {(one.at["segment"], one.why) for one in found} == expected
    (copy / NEAR).write_bytes(b"".join([*held[:10], held[9], *held[10:]]))
    assert [one.why for one in verify.check(copy).broken if one.file == NEAR and one.place] == ["extra"]


def test_a_segment_is_named_with_its_bytes_and_the_clock(copy: Path) -> None:
    raw = bytearray((copy / NEAR).read_bytes())
    raw[0] ^= 1
    (copy / NEAR).write_bytes(raw)
    (told,) = verify.check(copy).as_dict("zh")["broken"]
    assert told["file"] == NEAR and told["why"] == "内容被改动"
    assert (
        told["place"].startswith("第 0 片，字节 0–")
        and "2026-11-19 14:00:00+08:00 至 2026-11-19 14:00:02+08:00" in told["place"]
    )
    assert verify.check(copy).as_dict("en")["broken"][0]["place"].startswith("segment 0, bytes 0–")


@pytest.mark.parametrize("hidden", [False, True])
def test_events_taken_out_exchanged_or_made_up_are_named(copy: Path, hidden: bool) -> None:
    path = copy / "events.jsonl"
    good = path.read_bytes()
    cases: list[tuple[Callable[[list[bytes]], list[bytes]], set[tuple[int, str]]]] = [
        (lambda lines: [*lines[:4], *lines[5:]], {(5, "missing")}),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], {(5, "moved"), (6, "moved")}),
        (lambda lines: [*lines, lines[-1].replace(b'"seq":12', b'"seq":13')], {(13, "extra")}),
        (lambda lines: [*lines[:2], lines[2].replace(b"3000", b"9000"), *lines[3:]], {(3, "changed")}),
        (lambda lines: lines[:-1], {(12, "missing")}),
    ]
    for change, expected in cases:
        path.write_bytes(good)
        edit(path, change)
        if hidden:
            relist(copy)
        found = {
            (one.at["line"], one.why)
            for one in verify.check(copy).broken
            if one.file == "events.jsonl" and one.place
        }
        assert expected <= found, found


def test_leaves_taken_out_exchanged_or_changed_are_named_though_the_manifest_is_made_to_fit(
    copy: Path,
) -> None:
    path = copy / "leaves.jsonl"
    good = path.read_bytes()
    for change, line in (
        (lambda lines: [*lines[:4], *lines[5:]], 5),
        (lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]], 5),
        (lambda lines: [*lines[:4], lines[4].replace(b'"ms":2000', b'"ms":4000'), *lines[5:]], 5),
        (lambda lines: [*lines[:4], lines[4].replace(b'"ms":2000', b'"ms":"x"'), *lines[5:]], 5),
    ):
        path.write_bytes(good)
        edit(path, change)
        relist(copy)
        assert ("leaves.jsonl", line) in places(verify.check(copy))
    path.write_bytes(good)
    edit(path, lambda lines: lines[:-1])
    relist(copy)
    assert ("leaves.jsonl", "no_seal") in {(one.file, one.why) for one in verify.check(copy).broken}


@pytest.mark.parametrize(
    "name", ["README.md", "record.json", "captions.vtt", "record.pdf", "keys/witness-notary.vkey"]
)
def test_what_was_sealed_stays_though_the_manifest_is_made_to_fit(copy: Path, name: str) -> None:
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    relist(copy)
    assert (name, "not_as_sealed") in {(one.file, one.why) for one in verify.check(copy).broken}


def test_an_operators_action_that_was_committed_to_cannot_be_told_otherwise(copy: Path) -> None:
    edit(
        copy / "leaves.jsonl",
        lambda lines: [line.replace(b'"reason":"technical"', b'"reason":"pause"') for line in lines],
    )
    relist(copy)
    assert [one.why for one in verify.check(copy).broken] == ["body_differs"]


def test_a_package_of_another_log_is_refused_by_the_key(made: Made, tmp_path: Path) -> None:
    other = Ed25519Signer(LOG.name, ED25519, b"\7" * 32).verifier
    verdict = verify.check(made.zip, [other])
    assert ("checkpoint", "not_signed") in {(one.file, one.why) for one in verdict.broken}
    assert verdict.checkpoint["signed_by"] is None


def test_a_log_that_was_written_anew_does_not_go_on_from_its_first_head(copy: Path, tmp_path: Path) -> None:
    other = TileFolder(tmp_path / "other", 0)
    other.append([bytes(32)] * 2)
    told = json.loads((copy / "proofs.json").read_bytes())
    head = verify.Head.parse(verify.Note.parse((copy / "checkpoint").read_text()).text)
    (copy / "proofs.json").write_bytes(
        verify.proofs(head, head_of(other), told["consistency"], told["inclusion"])
    )
    relist(copy)
    assert ("proofs.json", "not_consistent") in {(one.file, one.why) for one in verify.check(copy).broken}


def test_a_package_packed_anew_with_compression_holds(copy: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in package.names(copy):
            packed.write(copy / name, name)
    assert verify.check(path).broken == []
    raw = bytearray((copy / NEAR).read_bytes())
    raw[5000] ^= 1
    (copy / NEAR).write_bytes(raw)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in package.names(copy):
            packed.write(copy / name, name)
    assert [(one.file, one.why) for one in verify.check(path).broken] == [(NEAR, "changed")]


def alone(tmp_path: Path, *given: str, lang: str = "en_GB.UTF-8") -> subprocess.CompletedProcess[str]:
    """verify.py on another machine: a folder with nothing of ours, an interpreter that finds nothing of ours."""
    path = shutil.copy(verify.__file__, tmp_path / "verify.py")
    environ = {"LANG": lang, "PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-S", "-c", _ALONE, path, *given],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
    )


_ALONE = f"""
import runpy, sys
sys.path += {[p for p in sys.path if p.endswith("site-packages")]!r}  # as with -S, but without the finder of an editable install
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_the_file_runs_alone(made: Made, copy: Path, tmp_path: Path) -> None:
    key = tmp_path / "log.vkey"
    key.write_text(f"# published on paper\n{LOG.verifier}\n{WITNESS.verifier}\n")
    good = alone(tmp_path, str(made.zip), "--key", str(key), "--json")
    answer = json.loads(good.stdout)
    assert good.returncode == 0 and answer["ok"] and answer["checkpoint"]["signed_by"] == LOG.name
    (copy / "README.md").write_bytes(b"other\n")
    bad = alone(tmp_path, str(copy), lang="zh_CN.UTF-8")
    assert bad.returncode == 1 and "README.md" in bad.stdout and "处不一致" in bad.stdout
    for given, code in (([str(tmp_path / "none")], 2), ([str(made.zip), "--key", str(made.zip)], 2), ([], 2)):
        refused = alone(tmp_path, *given)
        assert refused.returncode == code and refused.stderr and not refused.stdout


def test_both_languages_say_the_same_things() -> None:
    assert set(verify.WORDS["zh"]) == set(verify.WORDS["en"])
    assert verify.language({"LANG": "en_US.UTF-8"}) == "en" and verify.language({"LANG": "C"}) == "zh"
    assert canonical({"b": 1, "a": "中"}) == '{"a":"中","b":1}'.encode()
