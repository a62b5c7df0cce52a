"""Makes the evidence package of an opening: what is sealed first, the proofs of it afterwards, then one zip of both.

Recordings are read from where they lie, without the pieces withheld from the public; no file is held in memory whole.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.files import settle, write_whole
from evidence.merkle import Tiles
from evidence.verify import (
    CHUNK,
    Head,
    Note,
    VerifierKey,
    canonical,
    is_recording,
    manifest,
    parts_of,
    proofs,
)

MADE_LATER = ("leaves.jsonl", "proofs.json", "checkpoint", "timestamps/", "manifest.json")
"""What is made after the seal is in the log, since it proves the seal too."""
WHEN = (1980, 1, 1, 0, 0, 0)
"""The time that all files of a zip bear: the same package is the same bytes."""


@dataclass(frozen=True)
class Source:
    """A recording of a package: its name there, the file it is read from, and the (offset, bytes) that are public."""

    name: str
    path: Path
    spans: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Bytes in the package."""
        return sum(length for _, length in self.spans)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes. Raises EOFError where the file is shorter than its segments say, OSError."""
        with self.path.open("rb") as file:
            for offset, left in self.spans:
                file.seek(offset)
                while left:
                    raw = file.read(min(left, CHUNK))
                    if not raw:
                        raise EOFError(self.path.name)
                    left -= len(raw)
                    yield raw

    def listed(self) -> dict[str, Any]:
        """Its line of the manifest."""
        hashed = hashlib.sha256()
        for raw in self.chunks():
            hashed.update(raw)
        return {"path": self.name, "size": self.size, "sha256": hashed.hexdigest()}


def listed(folder: Path, name: str) -> dict[str, Any]:
    """The line of the manifest of a small file."""
    raw = (folder / name).read_bytes()
    return {
        "path": name,
        "size": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
        "parts": parts_of(name, raw),
    }


def names(folder: Path) -> list[str]:
    """Files below a folder, by name; those that are still being written left out."""
    found = (one for one in folder.rglob("*") if one.is_file() and not one.name.startswith("."))
    return sorted(one.relative_to(folder).as_posix() for one in found)


def sealed_files(folder: Path, sources: Iterable[Source]) -> list[dict[str, Any]]:
    """What the seal says of every file that is there before it: path, size, sha256."""
    small = [listed(folder, name) for name in names(folder) if not name.startswith(MADE_LATER)]
    every = [*small, *(one.listed() for one in sources)]
    return [
        {key: one[key] for key in ("path", "size", "sha256")}
        for one in sorted(every, key=lambda one: str(one["path"]))
    ]


def prove(folder: Path, lines: Sequence[Mapping[str, Any]], tiles: Tiles, note: str, first: str) -> None:
    """Write leaves.jsonl, proofs.json and checkpoint. `lines`: those of leaves.jsonl, in order; `tiles`: the log at the
    size that `note` signs; `first`: the first checkpoint that held a leaf of the opening."""
    head, begun = Head.parse(Note.parse(note).text), Head.parse(Note.parse(first).text)
    consistency = [_base64(one) for one in tiles.consistency(begun.size)]
    inclusion = [(line["index"], [_base64(one) for one in tiles.inclusion(line["index"])]) for line in lines]
    write_whole(folder / "leaves.jsonl", b"".join(canonical(line) + b"\n" for line in lines))
    write_whole(folder / "proofs.json", proofs(head, first, consistency, inclusion))
    write_whole(folder / "checkpoint", _known(note, folder).encode())


def _known(note: str, folder: Path) -> str:
    """A checkpoint without cosignatures of witnesses whose keys were not sealed with it, as of one registered meanwhile:
    whoever checks could not tell such a line from words of anybody."""
    keys = [VerifierKey.parse(path.read_text("utf-8")) for path in sorted((folder / "keys").glob("*.vkey"))]
    strange, lines = set(Note.parse(note).strange(keys)), note.splitlines(keepends=True)
    return "".join(line for number, line in enumerate(lines, start=1) if number not in strange)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def list_all(folder: Path, opening: str, sealed: Sequence[Mapping[str, Any]]) -> None:
    """Write manifest.json over everything; recordings by what the seal says of them."""
    small = [listed(folder, name) for name in names(folder) if name != "manifest.json"]
    every = [*small, *(one for one in sealed if is_recording(one["path"]))]
    write_whole(folder / "manifest.json", manifest(opening, sorted(every, key=lambda one: str(one["path"]))))


def zipped(out: Path, folder: Path, sources: Sequence[Source]) -> str:
    """Write the package as one zip, stored and not compressed, and make it durable; gives its SHA-256."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.new")
    by_name = {one.name: one for one in sources}
    with fresh.open("wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as made:
            for name in sorted([*names(folder), *by_name]):
                with made.open(zipfile.ZipInfo(name, WHEN), "w", force_zip64=name in by_name) as entry:
                    for raw in by_name[name].chunks() if name in by_name else [(folder / name).read_bytes()]:
                        entry.write(raw)
        file.flush()
        os.fsync(file.fileno())
    found = file_digest(fresh)
    fresh.replace(out)
    settle(out.parent)
    return found


def copied(source: Path, out: Path) -> str:
    """Copy a file and make the copy durable; gives the SHA-256 of what was read back from the copy."""
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.new")
    with source.open("rb") as given, fresh.open("wb") as file:
        while raw := given.read(CHUNK):
            file.write(raw)
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # what is read back comes from the disk
    found = file_digest(fresh)
    fresh.replace(out)
    settle(out.parent)
    return found


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
