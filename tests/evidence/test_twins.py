"""A package is checked twice, by `evidence/verify.py` and by the script of `/verify`: both are given the same whole and
damaged ones here, and name the same places."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import web
from evidence import verify
from evidence.verify import VerifierKey, lines_of
from streaming.site.render import SITE
from tests.evidence.packages import LOG, WITNESS, Made, make, make_leads
from tests.evidence.test_verify import FILES, NEAR, pieces, relist
from tests.needed import needed

NODE = shutil.which("node")
RUN = """
import { openAsBlob } from "node:fs";
import { NoPackage, checkOf } from "./package.js";
import { parseKey } from "./notes.js";
const { paths, keys } = JSON.parse(await new Response(process.stdin).text());
for (const path of paths) {
  const found = await checkOf(await openAsBlob(path), keys.map(parseKey), () => {}).then((check) => check.run()).catch((error) => ({ failed: error instanceof NoPackage ? "no_package" : String(error) }));
  console.log(JSON.stringify(found));
}
"""
SPOTS = 6
"""Places of each file at which a bit is changed."""

HARMLESS = {"nothing", "a proof out of place, hidden", "no witness' line, hidden"}
"""What takes nothing from a package: proofs are found by their numbers, and a witness is not obliged to sign."""

Files = Mapping[str, bytes]
Change = Callable[[dict[str, bytes]], None]


@cache
def scripts() -> TemporaryDirectory[str]:
    """The scripts of the public site in one folder, as they are served, and one that checks packages with them."""
    folder = TemporaryDirectory()
    for name, body in {
        **web.folder(Path(web.__file__).parent / "browser"),
        **web.folder(SITE / "static"),
    }.items():
        (Path(folder.name) / name).write_bytes(body)
    (Path(folder.name) / "run.mjs").write_text(RUN, "utf-8")
    (Path(folder.name) / "package.json").write_text('{"type": "module"}', "utf-8")
    return folder


def in_browser(paths: Sequence[Path], keys: Sequence[VerifierKey]) -> list[dict[str, Any]]:
    """What the script of the page finds in each."""
    needed(NODE is not None, "node")
    given = json.dumps({"paths": [str(path) for path in paths], "keys": [str(key) for key in keys]})
    run = subprocess.run(
        [str(NODE), str(Path(scripts().name) / "run.mjs")],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


def named(broken: Sequence[Any]) -> set[str]:
    """What was found, in a form both can be compared in."""
    return {json.dumps([one["file"], one["place"], one["why"], one["at"]], sort_keys=True) for one in broken}


def by_file(path: Path, keys: Sequence[VerifierKey]) -> set[str]:
    found = verify.check(path, keys).broken
    return named(
        [{"file": one.file, "place": one.place, "why": one.why, "at": dict(one.at)} for one in found]
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("package"), segments=12, segment_bytes=500)


def unpacked(made: Made) -> Files:
    """The files of a package as they were made."""
    with zipfile.ZipFile(made.zip) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


@pytest.fixture(scope="module")
def whole(made: Made) -> Files:
    return unpacked(made)


def flipped(whole: Files, name: str) -> Iterator[tuple[str, Change]]:
    """A bit changed here and there in one file."""
    chance, size = random.Random(name), len(whole[name])
    for spot in sorted({0, size - 1, *(chance.randrange(size) for _ in range(SPOTS - 2))}):
        bit = 1 << chance.randrange(8)

        def change(files: dict[str, bytes], spot: int = spot, bit: int = bit) -> None:
            raw = bytearray(files[name])
            raw[spot] ^= bit
            files[name] = bytes(raw)

        yield f"{name} at {spot}", change


def lines(name: str, edit: Callable[[list[bytes]], list[bytes]]) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[name] = b"".join(line + b"\n" for line in edit(lines_of(files[name])))

    return change


def put(name: str, raw: bytes) -> Change:
    def change(files: dict[str, bytes]) -> None:
        files[name] = raw

    return change


def damages(whole: Files, held: list[bytes]) -> Iterator[tuple[str, Change]]:
    """(what was done, how) of everything but changed bits."""
    for name in FILES:
        yield f"{name} removed", lambda files, name=name: files.pop(name)  # type: ignore[misc]
        yield f"{name} empty", put(name, b"")
        yield f"{name} longer", put(name, whole[name] + b"more\n")
    yield "a file more", put("recording/other.mp4", b"x")
    yield "no other file", put("notes.txt", b"\xff\xfe")
    for said, parts in (
        ("one removed", [*held[:4], *held[5:]]),
        ("the last removed", held[:-1]),
        ("two exchanged", [*held[:4], held[5], held[4], *held[6:]]),
        ("two far apart exchanged", [*held[:2], held[8], *held[3:8], held[2], *held[9:]]),
        ("one changed, one removed", [*held[:4], bytes(len(held[4])), *held[5:7], *held[8:]]),
        ("one twice", [*held[:4], held[3], *held[4:]]),
        ("all of another", [bytes(reversed(one)) for one in held]),
    ):
        yield f"segments: {said}", put(NEAR, b"".join(parts))
    for name in ("events.jsonl", "leaves.jsonl"):
        yield f"{name}: one removed", lines(name, lambda a: [*a[:4], *a[5:]])
        yield f"{name}: two exchanged", lines(name, lambda a: [*a[:4], a[5], a[4], *a[6:]])
        yield f"{name}: the last removed", lines(name, lambda a: a[:-1])
        yield f"{name}: one twice", lines(name, lambda a: [*a[:4], a[3], *a[4:]])
        yield f"{name}: another number", lines(name, lambda a: [a[0].replace(b'"seq":1', b'"seq":7'), *a[1:]])
        yield f"{name}: no JSON", lines(name, lambda a: [*a[:2], b"{", *a[3:]])
        yield f"{name}: another JSON", lines(name, lambda a: [*a[:2], b"[1]", *a[3:]])
        yield f"{name}: spaces", lines(name, lambda a: [*a[:2], a[2].replace(b":", b": "), *a[3:]])
        yield f"{name}: no text", lines(name, lambda a: [*a[:2], b"\xff", *a[3:]])
    typed = b'"ms":2000', b'"ms":"2000"'
    yield "a leaf of another type", lines("leaves.jsonl", lambda a: [one.replace(*typed) for one in a])
    reason = b'"reason":"technical"', b'"reason":"pause"'
    yield "an action told otherwise", lines("leaves.jsonl", lambda a: [one.replace(*reason) for one in a])
    yield (
        "a proof of another size",
        put("proofs.json", whole["proofs.json"].replace(b'"size":', b'"size":1', 1)),
    )
    yield "a proof out of place", lines("proofs.json", lambda a: [a[0], a[2], a[1], *a[3:]])
    yield "another log's key", put("keys/log.vkey", f"{WITNESS.verifier}\n".encode())
    yield "no witness' line", put("checkpoint", b"".join(whole["checkpoint"].splitlines(keepends=True)[:-1]))


def repacked(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name), files[name])
    return path


def _unpacked(files: Files, folder: Path) -> Path:
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    return folder


def made_to_fit(files: Files, folder: Path) -> Files:
    """The same with a manifest that lists it, as somebody would write it who wants to hide what he has done."""
    relist(_unpacked(files, folder))
    return {**files, "manifest.json": (folder / "manifest.json").read_bytes()}


@pytest.fixture(scope="module")
def cases(made: Made, whole: Files, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What was done → the package it was done to."""
    folder = tmp_path_factory.mktemp("cases")
    unpacked = tmp_path_factory.mktemp("whole")
    made_to_fit(whole, unpacked)
    found = {"nothing": made.zip}
    changes = [
        *(one for name in FILES for one in flipped(whole, name)),
        *damages(whole, pieces(unpacked, NEAR)),
    ]
    for number, (said, change) in enumerate(changes):
        files = dict(whole)
        change(files)
        found[said] = repacked(files, folder / f"{number}.zip")
        if set(files) >= set(whole) and files["manifest.json"] == whole["manifest.json"]:
            hidden = made_to_fit(files, tmp_path_factory.mktemp("hidden"))
            found[f"{said}, hidden"] = repacked(hidden, folder / f"{number}h.zip")
    return found


@pytest.mark.parametrize(
    "keys", [[LOG.verifier, WITNESS.verifier], []], ids=["published keys", "its own keys"]
)
def test_both_name_the_same_places(cases: dict[str, Path], keys: list[VerifierKey]) -> None:
    assert len(cases) > 200
    unlike, silent = [], set()
    for (said, path), told in zip(cases.items(), in_browser([*cases.values()], keys), strict=True):
        assert "failed" not in told, (said, told)
        mine, theirs = by_file(path, keys), named(told["broken"])
        if mine != theirs:
            unlike.append(
                f"{said}: verify.py alone {sorted(mine - theirs)}, the page alone {sorted(theirs - mine)}"
            )
        if not mine:
            silent.add(said)
    assert not unlike, "\n".join(unlike)
    assert silent == HARMLESS


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What was done → the batch of leads it was done to."""
    folder = tmp_path_factory.mktemp("leads")
    path = make_leads(folder)
    with zipfile.ZipFile(path) as packed:
        whole = {name: packed.read(name) for name in packed.namelist()}
    found = {"nothing": path}
    changes = [one for name in whole for one in flipped(whole, name)]
    changes += [(f"{name} removed", lambda files, name=name: files.pop(name)) for name in whole]  # type: ignore[misc]
    changes += [(f"{name} empty", put(name, b"")) for name in whole]
    changes += [("a file more", put("more.json", b"{}")), ("a list of more", put("manifest.json", b"{}\n"))]
    for number, (said, change) in enumerate(changes):
        files = dict(whole)
        change(files)
        found[said] = repacked(files, folder / f"{number}.zip")
    return found


def test_the_browser_shows_what_was_written_down_beside_what_is_there(whole: Files, tmp_path: Path) -> None:
    files, held = dict(whole), pieces(_unpacked(whole, tmp_path / "whole"), NEAR)
    other = bytes(reversed(held[4]))
    files[NEAR] = b"".join([*held[:4], other, *held[5:]])
    files["events.jsonl"] = whole["events.jsonl"].replace(b"2026", b"2027", 1)
    (told,) = in_browser([repacked(files, tmp_path / "changed.zip")], [LOG.verifier])
    hashes = {one["file"]: one["hashes"] for one in told["broken"] if one["why"] == "changed"}
    assert hashes[NEAR] == {"expected": sha256(held[4]).hexdigest(), "found": sha256(other).hexdigest()}
    line, wrong = (sha256(lines_of(made["events.jsonl"])[0]).hexdigest() for made in (whole, files))
    assert hashes["events.jsonl"]["expected"] in (line, line[:16])
    assert hashes["events.jsonl"]["found"] in (wrong, wrong[:16])


def test_a_batch_of_leads_is_checked_in_the_browser_too(leads: dict[str, Path]) -> None:
    for (said, path), told in zip(leads.items(), in_browser([*leads.values()], []), strict=True):
        assert told.get("kind") == "leads", (said, told)
        assert by_file(path, []) == named(told["broken"]), said
        assert (said == "nothing") == (not told["broken"]), said


def test_what_is_no_package_is_said_to_be_none_by_both(tmp_path: Path) -> None:
    others: dict[str, Files] = {
        "empty": {}, "a.txt": {"a.txt": b"a"}, "README.md": {"README.md": b"read me\n"},
        "manifest of something else": {"manifest.json": b'{"name":"extension"}'},
    }  # fmt: skip
    paths = [repacked(files, tmp_path / f"{name}.zip") for name, files in others.items()]
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    paths.append(tmp_path / "no.zip")
    assert [one["failed"] for one in in_browser(paths, [])] == ["no_package"] * len(paths)
    for path in paths:
        with pytest.raises(verify.NoPackage):
            verify.check(path)


def test_a_package_without_its_list_is_one_whose_list_is_missing(whole: Files, tmp_path: Path) -> None:
    path = repacked({k: v for k, v in whole.items() if k != "manifest.json"}, tmp_path / "p.zip")
    said = {(one.file, one.place, one.why) for one in verify.check(path).broken}
    assert ("manifest.json", "", "file_missing") in said


def changed_at(raw: bytes, line: int, old: bytes, new: bytes) -> bytes:
    """A text with one of its lines changed, numbered from 1 on."""
    parts = lines_of(raw)
    assert old in parts[line - 1]
    parts[line - 1] = parts[line - 1].replace(old, new, 1)
    return b"".join(part + b"\n" for part in parts)


def found_by_both(files: Files, path: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """(file, place, why, values) that both checks find."""
    repacked(files, path)
    broken = verify.check(path, [LOG.verifier]).broken
    assert named(in_browser([path], [LOG.verifier])[0]["broken"]) == by_file(path, [LOG.verifier])
    return [(one.file, one.place, one.why, dict(one.at)) for one in broken]


def segment_line(whole: Files, segment: int) -> int:
    """The line of leaves.jsonl of one segment of the near camera."""
    wanted = b'"recording":"r-near"', b'"segment":%d,' % segment
    texts = lines_of(whole["leaves.jsonl"])
    return next(number for number, text in enumerate(texts, 1) if all(one in text for one in wanted))


@pytest.mark.parametrize("segment", [0, 3, 11])
def test_a_damaged_leaf_accuses_nothing_else(whole: Files, tmp_path: Path, segment: int) -> None:
    line = segment_line(whole, segment)
    leaves = changed_at(whole["leaves.jsonl"], line, b'"sha256":"', b'"sha256":"g')
    assert found_by_both({**whole, "leaves.jsonl": leaves}, tmp_path / "p.zip") == [
        ("leaves.jsonl", "line", "changed", {"line": line}),
        ("leaves.jsonl", "", "unchecked", {"events": 0, "segments": 1}),
    ]


def test_a_damaged_leaf_hides_no_change_of_the_recording(whole: Files, tmp_path: Path) -> None:
    line, held = segment_line(whole, 3), pieces(_unpacked(whole, tmp_path / "whole"), NEAR)
    leaves = changed_at(whole["leaves.jsonl"], line, b'"sha256":"', b'"sha256":"g')
    for place, expected in ((3, (NEAR, "", "changed", {})), (4, (NEAR, "segment", "changed", None))):
        film = b"".join([*held[:place], bytes(len(held[place])), *held[place + 1 :]])
        found = found_by_both({**whole, "leaves.jsonl": leaves, NEAR: film}, tmp_path / "p.zip")
        mine = [one for one in found if one[0] == NEAR]
        assert [one[:3] for one in mine] == [expected[:3]]
        assert {one[0] for one in found} == {"leaves.jsonl", NEAR}


@pytest.mark.parametrize("name", ["checkpoint", "keys/witness-notary.vkey", "proofs.json"])
def test_a_file_that_is_changed_is_one_fault_and_not_also_that_it_is_of_no_use(
    whole: Files, tmp_path: Path, name: str
) -> None:
    files = {**whole, name: bytes([whole[name][0] ^ 1]) + whole[name][1:]}
    assert [(file, why) for file, _, why, _ in found_by_both(files, tmp_path / "one.zip")] == [
        (name, "changed")
    ]


def single_faults(whole: Files) -> Iterator[tuple[str, bytes | None, tuple[str, str, dict[str, Any]]]]:
    """(file, what becomes of it, the one finding that follows): None for a file that is taken away."""
    for name in FILES:
        if name.endswith(verify.TEXTS) and name not in ("manifest.json", "leaves.jsonl"):
            yield name, whole[name][:-1], ("line", "line_feed_missing", {"line": len(lines_of(whole[name]))})
            yield name, b"", ("", "emptied", {})
            yield name, None, ("", "file_missing", {})
    events = whole["events.jsonl"]
    last = len(lines_of(whole["leaves.jsonl"]))
    yield "leaves.jsonl", whole["leaves.jsonl"][:-1], ("line", "line_feed_missing", {"line": last})
    yield "events.jsonl", events[: events.index(b"\n") + 9], ("line", "cut_off", {"line": 2})
    yield "events.jsonl", b"".join(events.splitlines(keepends=True)[:5]), ("line", "cut_off", {"line": 6})
    yield "record.pdf", b"", ("", "emptied", {})
    size = len(whole["record.pdf"])
    yield "record.pdf", whole["record.pdf"][:4100], ("bytes", "cut_off", {"first": 4100, "last": size - 1})
    root = whole["checkpoint"].index(b"\n", whole["checkpoint"].index(b"\n") + 1) + 4
    head = bytearray(whole["checkpoint"])
    head[root] ^= 1
    yield "checkpoint", bytes(head), ("line", "changed", {"line": 3})


def test_one_fault_is_one_finding_in_the_file_that_has_it(whole: Files, tmp_path: Path) -> None:
    faults, paths = [*single_faults(whole)], list[Path]()
    for number, (name, raw, _) in enumerate(faults):
        files = {other: body for other, body in whole.items() if other != name}
        paths.append(repacked(files if raw is None else {**files, name: raw}, tmp_path / f"{number}.zip"))
    by_own_key = [
        number for number, (name, *_) in enumerate(faults) if name in ("checkpoint", "keys/log.vkey")
    ]
    for keys, some in ([LOG.verifier], range(len(faults))), ([], by_own_key):
        for number, told in zip(some, in_browser([paths[number] for number in some], keys), strict=True):
            name, _, (place, why, at) = faults[number]
            wanted = named([{"file": name, "place": place, "why": why, "at": at}])
            assert by_file(paths[number], keys) == named(told["broken"]) == wanted, (name, why, keys)


def test_a_damaged_manifest_accuses_no_file(whole: Files, tmp_path: Path) -> None:
    for at, line, unlisted in ((0, 1, 0), (whole["manifest.json"].index(b"\n") + 1, 2, 1)):
        raw = bytearray(whole["manifest.json"])
        raw[at] ^= 1
        found = found_by_both({**whole, "manifest.json": bytes(raw)}, tmp_path / "p.zip")
        expected = [("manifest.json", "line", "unreadable", {"line": line})]
        if unlisted:
            expected.append(("manifest.json", "", "unlisted", {"count": 1}))
        assert found == expected


def test_missing_leaves_accuse_no_event(whole: Files, tmp_path: Path) -> None:
    files = {name: raw for name, raw in whole.items() if name != "leaves.jsonl"}
    assert found_by_both(files, tmp_path / "p.zip") == [
        ("leaves.jsonl", "", "file_missing", {}),
        ("leaves.jsonl", "", "unchecked_all", {"events": 12}),
    ]
