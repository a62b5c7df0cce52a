"""Packages for tests: an opening made up whole, in a log of its own."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence import package
from evidence.checkpoint import Ed25519Signer, cosign, sign, signature_line
from evidence.files import write_whole
from evidence.merkle import TileFolder, Tiles
from evidence.verify import (
    COSIGNATURE,
    ED25519,
    LEADS_FORMAT,
    Head,
    canonical,
    cosigned,
    digest,
    entry,
    genesis,
    keyed,
    link,
    manifest,
)

LOG = Ed25519Signer("other.example/log", ED25519, b"\1" * 32)
WITNESS = Ed25519Signer("notary.example/w", COSIGNATURE, b"\2" * 32)
OPENING = "A3301-0137"


@dataclass(frozen=True)
class Made:
    """A package as zip and as folder, and the tiles it is proved by."""

    zip: Path
    folder: Path
    tiles: TileFolder


def cosignature_at(witness: Ed25519Signer, text: str, when: int) -> str:
    """The line of a witness that puts another time into what it signs."""
    key, private = witness.verifier, Ed25519PrivateKey.from_private_bytes(witness.seed)
    signature = struct.pack(">Q", when) + private.sign(cosigned(when, text.encode()))
    return f"— {key.name} {base64.b64encode(key.id + signature).decode()}\n"


def head_of(tiles: TileFolder, signer: Ed25519Signer = LOG) -> str:
    return sign(signer, Head(signer.name, tiles.size, tiles.flush()))


def make_leads(root: Path) -> Path:
    """A batch of leads as it is handed on, packed."""
    folder, desk = root / "leads", Ed25519Signer("other.example/leads", ED25519, b"\3" * 32)
    files = {
        "README.md": b"read me\n", "leads.json": b'{"batch":"B1"}\n', "letter.pdf": random.Random(3).randbytes(9000),
        "openings/1.json": b"{}\n", "keys/desk.vkey": f"{desk.verifier}\n".encode(),
    }  # fmt: skip
    for name, raw in files.items():
        write_whole(folder / name, raw)
    listed = manifest("B1", [package.listed(folder, name) for name in package.names(folder)], LEADS_FORMAT)
    write_whole(folder / "manifest.json", listed)
    head = Head(desk.name, len(files), hashlib.sha256(listed).digest())
    write_whole(folder / "signature", sign(desk, head).encode())
    package.zipped(root / "leads.zip", folder, ())
    return root / "leads.zip"


def events(count: int) -> list[bytes]:
    previous, lines = genesis(f"opening/{OPENING}"), []
    for seq in range(1, count + 1):
        body = {"opening": OPENING, "seq": seq, "ts": f"2026-11-19T06:{seq - 1:02d}:00.000000Z", "type": "bid_read",
                "payload": {"no": seq, "name": f"示例建设公司{seq}", "price": f"{seq}000.00"}}  # fmt: skip
        previous = link(previous, body)
        lines.append(
            canonical({**{key: body[key] for key in ("seq", "ts", "type", "payload")}, "hash": previous})
        )
    return lines


def make(
    root: Path,
    segments: int = 40,
    segment_bytes: int = 900,
    cameras: tuple[str, ...] = ("near", "far"),
    signer: Ed25519Signer = LOG,
) -> Made:
    """An opening of 12 events, with recordings, one gap, one operator's action that was committed to, and a seal."""
    chance = random.Random(7)
    folder, tiles = root / "staging", TileFolder(root / "log", 0)
    leaves: list[dict[str, Any]] = []

    def leaf(kind: str, sha256: str, more: dict[str, Any], **beside: Any) -> None:
        told = {
            "opening": OPENING,
            "kind": kind,
            "seq": len(leaves) + 1,
            "sha256": sha256,
            "at": "2026-11-19T06:00:00.000000Z",
            **more,
        }
        tiles.append([bytes(32)])  # somebody else's
        tiles.append([entry(told)])
        leaves.append({"index": tiles.size - 1, "leaf": told, **beside})

    lines = events(12)
    leaf("event", hashlib.sha256(lines[0]).hexdigest(), {"event": 1})
    first = head_of(tiles, signer)
    sources = []
    for camera in cameras:
        size, spans, path = 0, [], root / f"{camera}.mp4"
        out = path.open("wb")
        for number in range(segments):
            piece = chance.randbytes(segment_bytes + chance.randrange(50))
            more = {
                "recording": f"r-{camera}",
                "segment": number,
                "offset": size,
                "bytes": len(piece),
                "ms": 2000,
            }
            leaf("segment", hashlib.sha256(piece).hexdigest(), more)
            if number not in (5, 6):
                spans.append((size, len(piece)))
            size += out.write(piece)
        out.close()
        sources.append(package.Source(f"recording/{camera}.mp4", path, tuple(spans)))
    for number, line in enumerate(lines[1:], start=2):
        leaf("event", hashlib.sha256(line).hexdigest(), {"event": number})
    gap = {"from": "2026-11-19T06:01:00Z", "to": "2026-11-19T06:01:05Z", "reason": "source"}
    leaf("gap", digest(gap), {}, body=gap)
    act = {"act": "slate", "on": True, "reason": "technical"}
    leaf("action", keyed("ab" * 32, act), {}, body=act, key="ab" * 32)

    files = {
        "README.md": b"# \xe8\xaf\xb4\xe6\x98\x8e\n\nread me\n", "captions.vtt": b"WEBVTT\n\n00:00.000 --> 00:02.000\nbid 1\n",
        "events.jsonl": b"".join(line + b"\n" for line in lines), "record.json": b'{\n "bids": [],\n "id": "x"\n}\n',
        "record.pdf": b"%PDF-1.7\n" + chance.randbytes(9000), "keys/log.vkey": f"{signer.verifier}\n".encode(),
        "keys/witness-notary.vkey": f"{WITNESS.verifier}\n".encode(),
    }  # fmt: skip
    for name, content in files.items():
        write_whole(folder / name, content)
    held = package.sealed_files(folder, sources)
    recordings = [
        {"id": f"r-{c}", "path": f"recording/{c}.mp4", "segments": segments, "withheld": [[5, 6]]}
        for c in cameras
    ]
    seal = {"files": held, "recordings": recordings, "events": len(lines)}
    leaf("seal", digest(seal), {}, body=seal)
    tiles.append([bytes(32)])
    note = head_of(tiles, signer)
    note = cosign(note, signature_line(WITNESS, note.rpartition("\n\n")[0] + "\n"))
    package.prove(folder, leaves, Tiles(tiles.fetch, tiles.size), note, first)
    package.list_all(folder, OPENING, held)
    out = root / "package.zip"
    package.zipped(out, folder, sources)
    return Made(out, folder, tiles)
