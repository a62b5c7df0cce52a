"""No byte of a package's zip is free: each belongs to a file, to the record before it, or to the directory, and these agree.
Both checks, `evidence/verify.py` and the script of `/verify`, find the same."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import verify
from evidence.verify import CENTRAL, LOCAL
from tests.evidence.packages import Made, make, make_leads
from tests.evidence.test_twins import by_file, in_browser, named
from tests.needed import needed

FREE = {
    LOCAL: {10, 11, 12, 13},  # time and date
    CENTRAL: {4, 5, 12, 13, 14, 15, 36, 37, 38, 39, 40, 41},  # made by, time and date, attributes
}
"""Bytes of a record that change nothing a reader gets: no name, no content, no size."""
LEVEL_OR_VERSION = {LOCAL: {4, 6}, CENTRAL: {6, 8}}
"""Bytes with bits of that kind: how hard a file was packed, an older version of the format."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("package"), segments=9, segment_bytes=500)


@pytest.fixture(scope="module")
def leads(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_leads(tmp_path_factory.mktemp("leads")).read_bytes()


def records(raw: bytes) -> dict[int, tuple[bytes, int]]:
    """Byte outside of the files' content → the kind of its record, and its place in that."""
    found: dict[int, tuple[bytes, int]] = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        at = packed.start_dir
        for one in packed.infolist():
            name, extra = struct.unpack_from("<HH", raw, one.header_offset + 26)
            found |= {one.header_offset + n: (LOCAL, n) for n in range(30 + name + extra)}
            found |= {at + n: (CENTRAL, n) for n in range(46 + name)}
            at += 46 + name
    return found | {n: (verify.END, n - at) for n in range(at, len(raw))}


def test_each_byte_outside_of_the_files_is_found_by_both_or_harmless(leads: bytes, tmp_path: Path) -> None:
    chance, cases = random.Random(5), dict[Path, tuple[int, bytes, int]]()
    for at, (kind, place) in records(leads).items():
        raw = bytearray(leads)
        raw[at] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{at}.zip"
        path.write_bytes(raw)
        cases[path] = at, kind, place
    assert len(cases) > 600
    for (path, (at, kind, place)), told in zip(cases.items(), in_browser([*cases], []), strict=True):
        found = verify.check(path).broken
        assert named(told["broken"]) == by_file(path, []), (at, kind, place)
        if not found:
            assert place in FREE.get(kind, set()) | LEVEL_OR_VERSION.get(kind, set()), (at, kind, place)
        else:
            assert any(one.place == "zip" for one in found), (at, kind, place, found)


Change = Callable[[bytes], bytes]


def entry(name: str, content: bytes, comment: bytes = b"") -> Change:
    """Something more, written by another packer."""

    def change(raw: bytes) -> bytes:
        file = io.BytesIO(raw)
        with zipfile.ZipFile(file, "a") as packed:
            packed.writestr(zipfile.ZipInfo(name), content)
            packed.comment = comment
        return file.getvalue()

    return change


def at(place: int, new: bytes) -> Change:
    """Bytes of the record for events.jsonl in the directory."""

    def change(raw: bytes) -> bytes:
        start = raw.rindex(b"events.jsonl") - 46 + place
        return raw[:start] + new + raw[start + len(new) :]

    return change


def renamed(raw: bytes) -> bytes:
    return raw.replace(b"events.jsonl", b"evxnts.jsonl", 1)


def between(raw: bytes) -> bytes:
    """Four bytes before the directory, with the end told so."""
    begin = raw.index(b"PK\1\2")
    return raw[:begin] + b"more" + raw[begin:-6] + struct.pack("<I", begin + 4) + raw[-2:]


CASES: dict[str, tuple[Change, set[tuple[str, str]]]] = {
    "a version of the format that is not there": (at(6, b"\x94"), {("events.jsonl", "zip_header")}),
    "a folder with content": (entry("evil.mp4/", b"film"), {("evil.mp4/", "zip_folder")}),
    "a folder with content, and a comment": (
        entry("evil.mp4/", b"film", b"said"), {("evil.mp4/", "zip_folder"), ("zip", "zip_extra")},
    ),
    "something behind": (lambda raw: raw + b"more", {("zip", "zip_extra")}),
    "something in front": (lambda raw: b"more" + raw, {("zip", "zip_extra"), ("zip", "zip_directory")}),
    "something between": (between, {("zip", "zip_extra")}),
    "another name before the file": (renamed, {("events.jsonl", "zip_header")}),
    "another checksum in the directory": (at(16, b"abcd"), {("events.jsonl", "zip_header")}),
    "a link": (at(38, struct.pack("<I", 0o120777 << 16)), {("events.jsonl", "zip_header")}),
    "a folder by its attributes": (at(38, b"\x10"), {("events.jsonl", "zip_header")}),
    "the end of the directory": (lambda raw: raw[:-22] + b"x" + raw[-21:], {("zip", "zip_directory")}),
    "another length of the directory": (lambda raw: raw[:-10] + b"\xff" + raw[-9:], {("zip", "zip_directory")}),
    "broken off in the directory": (lambda raw: raw[:-100], {("zip", "zip_directory")}),
    "a record of the directory": (at(0, b"x"), {("zip", "zip_directory")}),
}  # fmt: skip


@pytest.mark.parametrize("said", CASES)
def test_what_is_hidden_in_a_zip_or_damaged_is_named_with_its_bytes(
    made: Made, tmp_path: Path, said: str
) -> None:
    change, expected = CASES[said]
    path = tmp_path / "p.zip"
    path.write_bytes(change(made.zip.read_bytes()))
    verdict = verify.check(path)
    assert {(one.file, one.why) for one in verdict.broken if one.place == "zip"} >= expected
    more = {(one.file, one.why) for one in verdict.broken} - expected
    assert {file for file, _ in more} <= {"zip", "events.jsonl"}, "nothing else is accused"
    assert verdict.steps["segments"] == (14, 14) and verdict.steps["checkpoint"] == (1, 1), (
        "the rest is checked"
    )
    (told,) = in_browser([path], [])
    assert named(told["broken"]) == by_file(path, [])


def test_of_a_package_that_broke_off_all_that_came_is_checked(made: Made, tmp_path: Path) -> None:
    raw, path = made.zip.read_bytes(), tmp_path / "p.zip"
    film = raw.index((made.folder.parent / "near.mp4").read_bytes()[:400])
    path.write_bytes(raw[: film + 1000])
    verdict = verify.check(path)
    found = {(one.file, one.why) for one in verdict.broken}
    assert {("zip", "zip_directory"), ("recording/near.mp4", "zip_cut")} <= found
    assert {file for file, _ in found} == {"zip", "recording/near.mp4"}
    assert verdict.steps["log"] == (33, 33)
    segments = {one.at["segment"]: one.why for one in verdict.broken if one.place == "segment"}
    assert set(segments) == {1, 2, 3, 4, 7, 8}
    (told,) = in_browser([path], [])
    assert named(told["broken"]) == by_file(path, [])


def test_a_checksum_that_no_content_has_is_told(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(made.zip) as packed:
        crc = struct.pack("<I", packed.getinfo("events.jsonl").CRC)
    path.write_bytes(made.zip.read_bytes().replace(crc, b"abcd"))
    assert [(one.file, one.why) for one in verify.check(path).broken] == [("events.jsonl", "zip_crc")]
    assert named(in_browser([path], [])[0]["broken"]) == by_file(path, [])


class Stream(io.BytesIO):
    """A place that can be written forward alone."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("no place")


def packed_anew(folder: Path, out: Path, way: str) -> None:
    """By other packers, in another order, with folders of their own, times and owners."""
    if way in ("zip", "zip-stream", "7z"):
        needed(shutil.which(way.partition("-")[0]) is not None, way)
        given = {"zip": ["zip", "-qr", str(out), "."], "7z": ["7z", "a", "-bd", str(out), "."]}.get(way)
        if given:
            subprocess.run(given, cwd=folder, check=True, capture_output=True)
        else:
            out.write_bytes(
                subprocess.run(["zip", "-qr", "-", "."], cwd=folder, check=True, capture_output=True).stdout
            )
        return
    stream, method = Stream(), zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(stream, "w", method) as packed:
        for path in sorted(folder.rglob("*"), reverse=True):
            info = zipfile.ZipInfo.from_file(path, path.relative_to(folder))
            with packed.open(info, "w", force_zip64=way == "stream-large" and path.is_file()) as entry:
                entry.write(path.read_bytes() if path.is_file() else b"")
    out.write_bytes(stream.getvalue())


@pytest.mark.parametrize("way", ["stream", "stream-large", "zip", "zip-stream"])
def test_a_package_packed_anew_by_another_packer_holds(made: Made, tmp_path: Path, way: str) -> None:
    folder, out = tmp_path / "whole", tmp_path / "p.zip"
    with zipfile.ZipFile(made.zip) as packed:
        packed.extractall(folder)
    packed_anew(folder, out, way)
    assert verify.check(out).broken == []
    (told,) = in_browser([out], [])
    assert told["broken"] == []


Extra = Callable[[str], bytes]


def field(kind: int, body: bytes) -> bytes:
    """An extra field."""
    return struct.pack("<HH", kind, len(body)) + body


def name_again(name: str, other: str = "", crc: int = 0) -> bytes:
    """Info-ZIP's field for a name in UTF-8."""
    return field(0x7075, struct.pack("<BI", 1, zlib.crc32(name.encode()) ^ crc) + (other or name).encode())


def with_extra(held: Path, out: Path, extra: Extra, called: Callable[[str], str] = str) -> None:
    """The same files, the last first, with an extra field each, under the names that a packer gives them."""
    with zipfile.ZipFile(held) as whole, zipfile.ZipFile(out, "w") as packed:
        for number, name in enumerate(reversed(whole.namelist())):
            info = zipfile.ZipInfo("x")
            info.filename = called(name)  # as it is, backslashes too
            info.extra, info.compress_type = (
                extra(info.filename),
                zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED,
            )
            packed.writestr(info, whole.read(name))


HARMLESS: dict[str, tuple[Extra, Callable[[str], str]]] = {
    "the name once more": (name_again, str),
    "a jar": (lambda _name: field(0xCAFE, b""), str),
    "room to grow": (lambda _name: field(0xA220, b"\x28\xa0\x00\x04" + bytes(60)), str),
    "several": (lambda name: field(0x5455, b"\3" + bytes(8)) + name_again(name) + field(0x7875, b"\1\4" + bytes(4) + b"\4" + bytes(4)), str),
    "Windows, with its times": (lambda _name: field(0x000A, bytes(32)), lambda name: name.replace("/", "\\")),
    "the folder and not what is in it": (lambda _name: b"", lambda name: f"证据 O1/{name}"),
}  # fmt: skip


@pytest.mark.parametrize("way", HARMLESS)
def test_what_packers_add_to_a_file_without_changing_it_is_let_be(
    made: Made, tmp_path: Path, way: str
) -> None:
    out = tmp_path / "p.zip"
    with_extra(made.zip, out, *HARMLESS[way])
    assert verify.check(out).broken == []
    assert in_browser([out], [])[0]["broken"] == []


@pytest.mark.parametrize(
    "extra",
    [
        lambda name: name_again(name, "another"),
        lambda name: name_again(name, crc=1),
        lambda name: field(0x7075, b""),
        lambda name: field(0xCAFE, b"film"),
        lambda name: field(0xA220, b"\x28\xa0\x00\x04film"),
        lambda name: field(0xA220, bytes(8)),
        lambda name: field(0x9901, bytes(7)),
    ],
)
def test_an_extra_field_that_hides_something_is_named(made: Made, tmp_path: Path, extra: Extra) -> None:
    out = tmp_path / "p.zip"
    with_extra(made.zip, out, extra)
    found = verify.check(out).broken
    assert {one.why for one in found} == {"zip_header"} and len({one.file for one in found}) > 5
    assert named(in_browser([out], [])[0]["broken"]) == by_file(out, [])


def test_what_macos_puts_beside_the_files_is_called_so(made: Made, tmp_path: Path) -> None:
    """As the Finder packs a folder: within it, and beside it what only macOS reads."""
    out = tmp_path / "p.zip"
    with_extra(made.zip, out, lambda _name: field(0x7855, b""), lambda name: f"O1/{name}")
    with zipfile.ZipFile(out, "a") as packed:
        for name in ("O1/.DS_Store", "__MACOSX/O1/._events.jsonl"):
            packed.writestr(zipfile.ZipInfo(name), b"\0\5\x16\7")
    found = {(one.file, one.why) for one in verify.check(out).broken}
    assert found == {(".DS_Store", "file_macos"), ("__MACOSX/O1/._events.jsonl", "file_macos")}
    assert named(in_browser([out], [])[0]["broken"]) == by_file(out, [])


def test_what_follows_a_deflated_file_in_its_place_is_found(made: Made, tmp_path: Path) -> None:
    """Bytes between the end of the packed data and the next record belong to no file, whatever the sizes say."""
    out = tmp_path / "p.zip"
    with zipfile.ZipFile(made.zip) as held, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in held.namelist():
            packed.writestr(name, held.read(name))
        size, last = packed.infolist()[-1].compress_size, packed.infolist()[-1]
        start = last.header_offset
    raw = bytearray(out.read_bytes())
    begin = raw.index(b"PK\1\2")
    raw[begin:begin] = b"more"
    struct.pack_into("<I", raw, start + 18, size + 4)
    struct.pack_into("<I", raw, raw.rindex(last.filename.encode()) - 26, size + 4)
    struct.pack_into("<I", raw, len(raw) - 6, begin + 4)
    out.write_bytes(raw)
    assert (last.filename, "unreadable") in {(one.file, one.why) for one in verify.check(out).broken}
    assert named(in_browser([out], [])[0]["broken"]) == by_file(out, [])
