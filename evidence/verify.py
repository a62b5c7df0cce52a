"""Checks the evidence package of a bid opening, or of a batch of leads, offline: this one file, Python 3.11 or newer, and `cryptography`.

    python3 verify.py PACKAGE [--key FILE] [--json]

It also holds every formula whose result is checked (canonical JSON, hash chain, RFC 6962 hashes, signed notes), so
that who makes evidence and who checks it share one definition. Exit code 0: nothing differs, 1: something does, 2: bad use.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import struct
import sys
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self, TextIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "sunbid-evidence-1"
LEADS_FORMAT = "sunbid-leads-1"
SUBJECTS = {FORMAT: "opening", LEADS_FORMAT: "batch"}
"""Format of a package → what the manifest calls that which it is of."""
STEPS = (
    "manifest",
    "files",
    "signature",
    "events",
    "segments",
    "log",
    "checkpoint",
    "cosignatures",
    "timestamps",
)
REQUIRED = (
    "README.md",
    "captions.vtt",
    "checkpoint",
    "events.jsonl",
    "leaves.jsonl",
    "proofs.json",
    "record.json",
)
PROOF = ("checkpoint", "leaves.jsonl", "proofs.json")
STAMP = re.compile(r"timestamps/[0-9]{1,4}\.tsr")
"""Files made after the seal, which it cannot list; each is checked by itself."""
LARGEST_STAMP = 1 << 20
"""Bytes of a time stamp at most."""
LARGEST = 256 << 20
"""Bytes of a file other than a recording at most: it is read whole."""
DEEPEST = 40
"""Levels that JSON of a package may nest."""
EXACT = (1 << 53) - 1
"""The largest number in JSON of a package: up to it all readers agree."""
NAMED = 1000
"""So many things are named one by one though neither they nor a leaf of theirs are in the package."""
LAST_MOMENT = 253_402_271_999
"""Seconds since 1970 at the end of the year 9999 in Beijing: no calendar of ours goes further."""
LEADS_REQUIRED = ("README.md", "keys/desk.vkey", "leads.json", "letter.pdf")
RECOGNISED_BY = frozenset({*REQUIRED, *LEADS_REQUIRED}) - {"README.md"}
"""Files by any of which a package is known for one, though its manifest be gone."""
TEXTS = (".md", ".vtt", ".json", ".jsonl", ".vkey", ".pem", "checkpoint")
"""Ends of the names of files whose changes are named by line; of others, recordings aside, by block."""
BLOCK = 4096
"""Bytes of a block."""
SHORT = 16
"""Hexadecimal digits of a line's or a block's digest: they find the place, the whole file's digest proves it."""
CHUNK = 1 << 20
BEIJING = timezone(timedelta(hours=8))
ENDLESS = 1 << 52
"""A place behind every recording's end."""
SEARCHES = 20
"""How often one recording is searched for where a piece that is not in its place has gone."""

# ── formulas ─────────────────────────────────────────────────────────────────────────────────────


def canonical(value: Any) -> bytes:
    """Canonical JSON: keys sorted, no spaces, UTF-8. For texts, whole numbers, booleans and ASCII keys this is RFC 8785.

    Raises TypeError for what JSON cannot say, ValueError for NaN.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def genesis(name: str) -> str:
    """The hash before the first entry of the chain `name`, so that two chains never share a prefix."""
    return hashlib.sha256(f"sunbid/{name}".encode()).hexdigest()


def link(previous: str, body: Mapping[str, Any]) -> str:
    """The hash of `body` after `previous` in a chain."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(body)).hexdigest()


def keyed(key: str, body: Any) -> str:
    """The keyed commitment to `body`: HMAC-SHA256 of its canonical JSON; `key` is 64 hexadecimal digits."""
    return hmac.new(bytes.fromhex(key), canonical(body), hashlib.sha256).hexdigest()


def parsed(raw: bytes) -> Any:
    """JSON of a package. Raises ValueError for what is none, for what nests deeper than `DEEPEST`, and for numbers and texts
    that not all readers understand alike."""
    try:
        value = json.loads(raw.decode())
    except RecursionError:
        raise ValueError("too deep") from None
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _within(one)]
        if not level:
            return value
    raise ValueError("too deep")


def _within(value: Any) -> Iterable[Any]:
    """What a JSON value holds. Raises ValueError for half a character, a fraction, a number beyond `EXACT`."""
    if isinstance(value, dict):
        return (*value, *value.values())
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) > EXACT):
        raise ValueError("number")
    return ()


def entry(leaf: Mapping[str, Any]) -> bytes:
    """What stands in the log for a leaf: SHA-256 of its canonical JSON."""
    return hashlib.sha256(canonical(leaf)).digest()


def leaf_hash(data: bytes) -> bytes:
    """RFC 6962 §2.1: hash of a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1: hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_by_inclusion(index: int, size: int, hashed: bytes, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to (RFC 9162 §2.1.3.2). Raises ValueError for a proof of another length."""
    place, last = index, size - 1
    if not 0 <= place <= last:
        raise ValueError("index outside the tree")
    for one in path:
        if last == 0:
            raise ValueError("proof too long")
        if place & 1 or place == last:
            hashed = node_hash(one, hashed)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hashed = node_hash(hashed, one)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("proof too short")
    return hashed


def is_consistent(
    first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether a tree of `second` leaves goes on from the one of `first` (RFC 9162 §2.1.4.2)."""
    if first == second:
        return first_root == second_root and not path
    if first == 0:
        return not path and first_root == hashlib.sha256(b"").digest()
    if first > second or not path:
        return False
    steps = list(path) if first & (first - 1) else [first_root, *path]
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for one in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, one)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


# ── signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) ───────────────────────────

ED25519, COSIGNATURE = 1, 4
"""Signature types: Ed25519 over the note; Ed25519 over time and note by a witness."""


def _by_log(public: bytes, signature: bytes, body: bytes) -> int | None:
    Ed25519PublicKey.from_public_bytes(public).verify(signature, body)
    return None


def _by_witness(public: bytes, signature: bytes, body: bytes) -> int | None:
    (when,) = struct.unpack(">Q", signature[:8])
    Ed25519PublicKey.from_public_bytes(public).verify(signature[8:], cosigned(when, body))
    return int(when)


def cosigned(when: int, body: bytes) -> bytes:
    """What a witness signs: `when` is in seconds since 1970."""
    return b"cosignature/v1\ntime %d\n" % when + body


ALGORITHMS: dict[int, Callable[[bytes, bytes, bytes], int | None]] = {
    ED25519: _by_log,
    COSIGNATURE: _by_witness,
}
"""Signature type → check of (public key, signature, note text): the time signed with it, if any. Raises InvalidSignature.
Another algorithm (SM2, type 255 with a name of its own) is one more entry."""


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The four bytes by which a signature says whose it is."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


@dataclass(frozen=True)
class VerifierKey:
    """A public key as C2SP writes it: `name+id+base64(type, key)`."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Raises ValueError where it is none, or of an algorithm not known here."""
        name, said, rest = text.strip().split("+", 2)
        raw = base64.b64decode(rest, validate=True)
        key = cls(name, int.from_bytes(raw[:1]), raw[1:])
        if not name or key.kind not in ALGORITHMS or len(key.public) != 32 or key.id.hex() != said:
            raise ValueError("no verifier key")
        return key

    @property
    def id(self) -> bytes:
        """See `key_id`."""
        return key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True)
class Note:
    """A signed note: its text, and (name, key id, signature) of each line of signature."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, whole: str) -> Note:
        """Raises ValueError."""
        text, gap, lines = whole.rpartition("\n\n")
        if not gap or not lines.endswith("\n") or any(sign < " " and sign != "\n" for sign in whole):
            raise ValueError("no signed note")
        return cls(text + "\n", tuple(_signature(line) for line in lines[:-1].split("\n")))

    def check(self, key: VerifierKey) -> tuple[bool, int | None]:
        """Whether that key has signed, and the time in the signature. Raises ValueError where its signature is wrong."""
        for name, ident, signature in self.signatures:
            if (name, ident) == (key.name, key.id):
                try:
                    return True, ALGORITHMS[key.kind](key.public, signature, self.text.encode())
                except (InvalidSignature, struct.error) as error:
                    raise ValueError("wrong signature") from error
        return False, None

    def strange(self, keys: Iterable[VerifierKey]) -> list[int]:
        """Lines, from 1 on, that are no signature of any of these keys, or a second one: nobody has signed what they say."""
        left, lines = Counter({(key.name, key.id): 1 for key in keys}), list[int]()
        for number, (name, ident, _) in enumerate(self.signatures, start=self.text.count("\n") + 2):
            if not left[name, ident]:
                lines.append(number)
            left[name, ident] = 0
        return lines


def _signature(line: str) -> tuple[str, bytes, bytes]:
    found = re.fullmatch(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)", line)
    raw = base64.b64decode(found[2], validate=True) if found else b""
    if not found or len(raw) < 5 or base64.b64encode(raw).decode() != found[2]:
        raise ValueError("no signature line")
    return found[1], raw[:4], raw[4:]


@dataclass(frozen=True)
class Head:
    """A tree head: what a checkpoint says."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Head:
        """Of a checkpoint's text. Raises ValueError."""
        origin, size, root, *_more = text.split("\n")
        if (
            not re.fullmatch("0|[1-9][0-9]*", size)
            or not origin
            or len(size) > 16
            or int(size) > EXACT
            or len(hashed := base64.b64decode(root, validate=True)) != 32
        ):
            raise ValueError("no checkpoint")
        return cls(origin, int(size), hashed)

    @property
    def text(self) -> str:
        """As a checkpoint says it."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


# ── what a package is made of ────────────────────────────────────────────────────────────────────


def is_recording(name: str) -> bool:
    """Whether a file of a package is a recording, whose changes are named by segment."""
    return name.startswith("recording/")


def is_proper(name: str) -> bool:
    """Whether a file's name leads to a place inside of the package on every system, and only there."""
    parts = name.split("/")
    return not re.search(r"[\\\x00-\x1f\x7f]|^[A-Za-z]:", name) and not {"", ".", ".."} & set(parts)


def lines_of(raw: bytes) -> list[bytes]:
    """The lines of a text, without the line feed each ends with; what follows the last one is a line too."""
    lines = raw.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def parts_of(name: str, raw: bytes) -> list[str]:
    """Short digests of the lines of a text, of the blocks of another file."""
    text = name.endswith(TEXTS)
    parts = lines_of(raw) if text else [raw[at : at + BLOCK] for at in range(0, len(raw), BLOCK)]
    return [hashlib.sha256(part).hexdigest()[:SHORT] for part in parts]


def manifest(subject: str, files: Iterable[Mapping[str, Any]], form: str = FORMAT) -> bytes:
    """manifest.json: one file a line. Another way of writing the same is refused, so that no byte of it is free.

    `subject`: the opening, or the batch of leads, that the package is of.
    """
    head = canonical({"format": form, SUBJECTS[form]: subject})[:-1]
    return head + b',"files":[\n' + b",\n".join(canonical(one) for one in files) + b"\n]}\n"


def unreadable_line(raw: bytes) -> int:
    """The first line of a manifest that cannot be read by itself, from 1 on; 1 where each can."""
    for number, line in enumerate(lines_of(raw), start=1):
        try:
            one = {"path": ""} if line == b"]}" else _manifest_line(line, number)
            if number > 1 and not isinstance(one["path"], str):
                return number
        except (ValueError, KeyError, TypeError):
            return number
    return 1


def _manifest_line(line: bytes, number: int) -> Any:
    return parsed(line + b"]}" if number == 1 else line.removesuffix(b","))


def salvaged(raw: bytes, subject: str) -> tuple[str, list[dict[str, Any]]]:
    """What can be read of a damaged manifest line by line: its subject, empty where that is lost, and the files it lists."""
    found, files = "", list[dict[str, Any]]()
    for number, line in enumerate(lines_of(raw), start=1):
        try:
            one = _manifest_line(line, number)
            if number > 1 and isinstance(one["path"], str):
                files.append(listed_as(one))
            elif number == 1 and isinstance(one[subject], str):
                found = one[subject]
        except (ValueError, KeyError, TypeError):
            continue
    return found, files


def opening_of(leaves: bytes) -> str:
    """The opening that a package's leaves are of, by the first that can be read; empty where none can."""
    for line in lines_of(leaves):
        try:
            found = parsed(line)["leaf"]["opening"]
            if isinstance(found, str):
                return found
        except (ValueError, KeyError, TypeError):
            continue
    return ""


def proofs(
    head: Head, first: str, consistency: Sequence[str], inclusion: Iterable[tuple[int, Sequence[str]]]
) -> bytes:
    """proofs.json: `first` is the first checkpoint that holds a leaf of the opening; hashes are in base64; one leaf a line."""
    document = {"size": head.size, "root": head.root.hex(), "first": first, "consistency": list(consistency)}
    return (
        canonical(document)[:-1]
        + b',"inclusion":[\n'
        + b",\n".join(canonical(one) for one in inclusion)
        + b"\n]}\n"
    )


def is_whole(value: Any, least: int = 0, most: int = EXACT) -> bool:
    """Whether a value is a whole number between two."""
    return type(value) is int and least <= value <= most


def is_hash(value: Any) -> bool:
    """Whether a value is a SHA-256, or a key, in hexadecimal digits."""
    return isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value))


def is_time(value: Any) -> bool:
    """Whether a value is a moment as leaves write it: UTC, with microseconds."""
    form = r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
    if not isinstance(value, str) or not re.fullmatch(form, value):
        return False
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def is_text(value: Any) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def is_parts(value: Any) -> bool:
    """Whether a value is a list of short digests."""
    form = re.compile(f"[0-9a-f]{{{SHORT}}}")
    return isinstance(value, list) and all(isinstance(one, str) and form.fullmatch(one) for one in value)


Shape = Mapping[str, Callable[[Any], bool]]
"""Field → what it holds."""


def has_shape(value: Any, shape: Shape) -> bool:
    """Whether a value has all fields of a shape and no others: a field more is a place for words nobody has signed."""
    return (
        isinstance(value, dict)
        and set(value) == set(shape)
        and all(fits(value[name]) for name, fits in shape.items())
    )


FILE: Shape = {"path": is_text, "size": is_whole, "sha256": is_hash}
"""What the seal says of a file, and the manifest of a recording."""
ENTRY: Shape = {**FILE, "parts": is_parts}
"""What the manifest says of another file."""
COMMON: Shape = {"opening": is_text, "kind": is_text, "seq": is_whole, "sha256": is_hash, "at": is_time}
DAY = 86_400_000
"""Milliseconds of a segment at most."""
SHAPES: Mapping[str, Shape] = {
    "event": {"event": lambda value: is_whole(value, 1)},
    "segment": {
        "recording": is_text, "segment": is_whole, "offset": lambda value: is_whole(value, 0, ENDLESS), "bytes": lambda value: is_whole(value, 1, 1 << 32),
        "ms": lambda value: is_whole(value, 0, DAY),
    },
}  # fmt: skip
"""Kind of leaf → its own fields; of other kinds the body stands beside the leaf, with the key where it was committed to."""
BESIDE: Shape = {"index": is_whole, "leaf": lambda value: isinstance(value, dict)}
BODY: Shape = {**BESIDE, "body": lambda value: isinstance(value, dict)}
EVENT = ("seq", "ts", "type", "payload", "hash")


def listed_as(one: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the manifest, without what does not belong into one."""
    return {name: one[name] for name, fits in ENTRY.items() if name in one and fits(one[name])}


def is_entry(one: Mapping[str, Any]) -> bool:
    """Whether an entry of the manifest is written as it has to be."""
    return has_shape(one, FILE if is_recording(one["path"]) else ENTRY)


def shaped(line: Any) -> bool:
    """Whether a line of leaves.jsonl has all that a check reads, and nothing else. Raises KeyError, TypeError where it has not."""
    leaf = line["leaf"]
    own = SHAPES.get(leaf["kind"])
    if not has_shape(leaf, {**COMMON, **(own or {})}):
        return False
    return has_shape(line, BESIDE if own else {**BODY, "key": is_hash} if "key" in line else BODY)


def is_seal(body: Mapping[str, Any]) -> bool:
    """Whether the body of a seal has all that a check reads."""
    files, films = body.get("files"), body.get("recordings")
    if not isinstance(files, list) or not isinstance(films, list) or not is_whole(body.get("events")):
        return False
    if not all(has_shape(one, FILE) for one in files) or not all(_is_film(one) for one in films):
        return False
    return all(len({one[name] for one in films}) == len(films) for name in ("id", "path"))


def _is_film(one: Any) -> bool:
    """Whether a seal's words on a recording can be read: `withheld` are runs of segments, one behind the other."""
    if not isinstance(one, dict) or not (is_text(one.get("id")) and is_text(one.get("path"))):
        return False
    if not is_whole(one.get("segments")) or not isinstance(one.get("withheld"), list):
        return False
    due = 0
    for run in one["withheld"]:
        if not isinstance(run, list) or len(run) != 2 or not is_whole(run[0], due):
            return False
        if not is_whole(run[1], run[0], one["segments"] - 1):
            return False
        due = run[1] + 1
    return True


class Runs:
    """Numbers, as runs from a first to a last one that do not touch."""

    def __init__(self, runs: Iterable[Sequence[int]]) -> None:
        self._firsts, self._lasts = list[int](), list[int]()
        for first, last in sorted(map(tuple, runs)):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def hold(self, first: int, last: int) -> bool:
        """Whether all numbers from the first to the last are among them."""
        place = bisect_right(self._firsts, first) - 1
        return first > last or (place >= 0 and self._lasts[place] >= last)


class Package(Protocol):
    """A package as a folder or as a zip."""

    sizes: dict[str, int]
    """File → bytes."""
    double: list[str]
    """Names that are there more than once."""
    faults: list[Broken]
    """What is wrong with the zip itself, whatever its files hold."""

    def crc(self, name: str) -> int | None:
        """The checksum (CRC-32) that is kept of a file; None where none is."""
        ...

    def open(self, name: str) -> BinaryIO:
        """A file, to be read and sought in."""
        ...


class Folder:
    """A package that was unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.double: list[str] = []
        self.faults: list[Broken] = []
        found = (one for one in sorted(path.rglob("*")) if one.is_file() or one.is_symlink())
        self.sizes = {one.relative_to(path).as_posix(): one.lstat().st_size for one in found}

    def crc(self, name: str) -> None:
        """None: a folder keeps no checksums."""

    def open(self, name: str) -> BinaryIO:
        """A file; OSError for a link, which leads out of the package."""
        path = self._path / name
        return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")


LOCAL, CENTRAL, END, END64, LOCATOR64, DESCRIPTOR = (
    b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08",
)  # fmt: skip
"""Signatures of a zip's records: before a file, in the directory, at the directory's end (twice more in a large zip), behind a
file whose sizes were not known before it."""
STORED, DEFLATED = 0, 8
"""Methods that a package may be packed with."""
NEWEST = 45
"""Version of the format that these methods and files beyond 4 GiB need."""
LATER, UTF8, LEVEL = 0x0008, 0x0800, 0x0006
"""Flags that a file may bear: sizes stand behind it, its name is UTF-8, how hard it was packed."""
TIMES = {0x000A: 32, 0x5455: 13, 0x5855: 12, 0x7855: 4, 0x7875: 15, 0xCAFE: 0}
"""Extra fields that packers add, times and owners of a file, the mark of a jar → their bytes at most; field 1 is told apart:
it holds sizes."""
NAME_AGAIN, ROOM = 0x7075, 0xA220
"""Extra fields for the name in UTF-8, and for room to grow: two bytes that mark it, two of its length, zeros."""
ROOM_MARK = b"\x28\xa0"
NO_FILE = 0x0418
"""Attributes of what is no file: a volume's label, a folder, a link."""
FULL, FULL64 = 0xFFFF, 0xFFFFFFFF
"""What stands in place of a number that is in the record or field for large zips."""
WIDEST = 46 + 3 * FULL
"""Bytes of a record at most, with its name, extra fields and comment."""
ARCHIVE = "zip"
"""What a finding on the zip as such names for a file."""
FIELDS: Mapping[bytes, tuple[str, Mapping[str, tuple[int, int]]]] = {
    LOCAL: ("<4s5H3I2H", {
        "signature": (0, 4), "needs": (4, 2), "flags": (6, 2), "method": (8, 2), "crc": (14, 4), "packed": (18, 4),
        "size": (22, 4), "name": (26, 2), "extra": (28, 2),
    }),
    CENTRAL: ("<4s6H3I5H2I", {
        "signature": (0, 4), "needs": (6, 2), "flags": (8, 2), "method": (10, 2), "crc": (16, 4), "packed": (20, 4),
        "size": (24, 4), "name": (28, 2), "extra": (30, 2), "comment": (32, 2), "disk": (34, 2), "attributes": (38, 4),
        "head": (42, 4),
    }),
    END: ("<4s4H2IH", {
        "disk": (4, 2), "from": (6, 2), "here": (8, 2), "count": (10, 2), "size": (12, 4), "start": (16, 4), "comment": (20, 2),
    }),
    END64: ("<4sQ2H2I4Q", {
        "length": (4, 8), "disk": (16, 4), "from": (20, 4), "here": (24, 8), "count": (32, 8), "size": (40, 8), "start": (48, 8),
    }),
    LOCATOR64: ("<4sIQI", {"disk": (4, 4), "place": (8, 8), "disks": (16, 4)}),
}  # fmt: skip
"""Record → its layout, and (place, bytes) of the numbers in it that are checked."""


class Record:
    """A record of a zip: the numbers of its head, and for a file its name and extra fields."""

    def __init__(self, kind: bytes, at: int, raw: bytes) -> None:
        """`raw` begins with the record, which is at byte `at`. Raises struct.error where it is cut off."""
        layout, self.places = FIELDS[kind]
        self.kind, self.at, self.length = kind, at, struct.calcsize(layout)
        if len(raw) < self.length:
            raise struct.error("cut off")
        self.signed = raw[:4] == kind
        self.values = {
            name: int.from_bytes(raw[place : place + size], "little")
            for name, (place, size) in self.places.items()
        }
        self.name = self.extra = b""
        self.whole = True
        """Whether the extra fields are such as packers write."""
        if kind in (LOCAL, CENTRAL):
            self._read_names(raw)

    def _read_names(self, raw: bytes) -> None:
        start = self.length + self["name"]
        self.name, self.extra = raw[self.length : start], raw[start : start + self["extra"]]
        self.length = start + self["extra"] + self.values.get("comment", 0)
        at, left = 0, [key for key in ("size", "packed", "head") if self.values.get(key) == FULL64]
        while at + 4 <= len(self.extra):
            kind, size = struct.unpack_from("<HH", self.extra, at)
            if kind == 1 and size == 8 * len(left) and at + 4 + size <= len(self.extra):
                self.values |= zip(
                    left, struct.unpack_from(f"<{len(left)}Q", self.extra, at + 4), strict=True
                )
                left = []
            elif not self._harmless(kind, self.extra[at + 4 : at + 4 + size]):
                self.whole = False
            at += 4 + size
        self.whole = self.whole and at == len(self.extra) == self["extra"] and not left

    def _harmless(self, kind: int, body: bytes) -> bool:
        """Whether an extra field says nothing of the file that its record does not: no other name, size or content."""
        if kind == NAME_AGAIN:
            return body == b"\1" + zlib.crc32(self.name).to_bytes(4, "little") + self.name
        if kind == ROOM:
            return body[:2] == ROOM_MARK and not any(body[4:])
        return len(body) <= TIMES.get(kind, -1)

    def __getitem__(self, name: str) -> int:
        return self.values[name]

    @property
    def end(self) -> int:
        """The byte behind it."""
        return self.at + self.length

    def wrong(self) -> Iterator[str]:
        """Numbers of a file's record that no package has."""
        folder, later = self.name.endswith((b"/", b"\\")), self.kind == LOCAL and self["flags"] & LATER
        kind_of_file, attributes = self.values.get("attributes", 0) >> 28, self.values.get("attributes", 0)
        found = {
            "signature": not self.signed, "needs": self["needs"] > NEWEST, "flags": self["flags"] & ~(LATER | UTF8 | LEVEL),
            "method": self["method"] not in (STORED, DEFLATED), "extra": not self.whole,
            "size": not later and self["method"] == STORED and self["packed"] != self["size"],
            "comment": self.values.get("comment", 0), "disk": self.values.get("disk", 0),
            "attributes": kind_of_file not in (0, 4 if folder else 8) or (attributes & NO_FILE and not folder),
        }  # fmt: skip
        return (name for name, wrong in found.items() if wrong)

    def unlike(self, listed: Record) -> Iterator[str]:
        """Numbers of a record before a file that are not as the directory's record of it says."""
        later = self["flags"] & LATER
        for name in ("method", "crc", "packed", "size"):
            if self[name] != listed[name] and not (later and name != "method" and self[name] in (0, FULL64)):
                yield name
        if (self["flags"] ^ listed["flags"]) & (LATER | UTF8):
            yield "flags"
        if self.name != listed.name:
            yield "name"

    def span(self, field: str) -> tuple[int, int]:
        """First and last byte of one of its numbers in the zip; of a name and of extra fields the text."""
        place, size = self.places[field]
        start = struct.calcsize(FIELDS[self.kind][0])
        if field == "name" and self["name"]:
            place, size = start, self["name"]
        elif field == "extra" and self["extra"]:
            place, size = start + self["name"], self["extra"]
        return self.at + place, self.at + place + size - 1


@dataclass(frozen=True)
class Packed:
    """Where a file of a zip lies: `size` bytes once unpacked, from `packed` bytes that begin at `start`."""

    start: int
    packed: int
    size: int
    method: int
    crc: int


class Zip:
    """A package as it was downloaded, or packed anew by another packer: every byte belongs to a file, to the record before
    it, or to the directory, and these agree; what does not is in `faults`. Of a damaged zip all is read that is found."""

    def __init__(self, path: Path) -> None:
        self._path, self._bytes = path, path.stat().st_size
        self.double: list[str] = []
        self.faults: list[Broken] = []
        self._entries: dict[str, Packed] = {}
        with path.open("rb") as self._file:
            self._begins, self._listed, self._whole = self._bytes, dict[int, Record](), False
            self._found = self._read_directory()
            self._walk()
        self._out_of_folder()
        self.sizes = {name: one.size for name, one in self._entries.items()}

    def crc(self, name: str) -> int | None:
        """The checksum (CRC-32) that the zip holds of a file."""
        return self._entries[name].crc

    def open(self, name: str) -> BinaryIO:
        """A file. What is stored is read as it is, so that a changed byte is named by its place. Reading raises OSError,
        EOFError or zlib.error where it cannot be unpacked."""
        one = self._entries[name]
        window = _Window(self._path.open("rb"), one.start, one.packed)
        if one.method == STORED:
            return window  # type: ignore[return-value]
        if one.method != DEFLATED:
            raise NotImplementedError(one.method)
        return _Inflated(window, one.size)  # type: ignore[return-value]

    # -- faults of the zip itself -----------------------------------------------------------------

    def _fault(self, file: str, why: str, first: int, last: int) -> None:
        self.faults.append(Broken(file, "zip", why, {"first": first, "last": last}))

    def _at(self, place: int, count: int) -> bytes:
        self._file.seek(place)
        return self._file.read(count)

    def _record(self, kind: bytes, at: int) -> Record | None:
        """The record at a place, whatever its signature; None where the zip ends before it does."""
        try:
            return Record(kind, at, self._at(at, WIDEST)) if at >= 0 else None
        except struct.error:
            return None

    # -- the directory ----------------------------------------------------------------------------

    def _read_directory(self) -> bool:
        """Read the directory; whether there is one."""
        tail = self._at(max(0, self._bytes - 22 - FULL), 22 + FULL)
        at = tail.rfind(END)
        end = self._record(END, self._bytes - len(tail) + at) if at >= 0 else None
        if end is None:
            return False
        large, locator = self._large(end)
        told, stop = large or end, (large or end).at
        places = (stop - told["size"], told["start"])
        begins = next((one for one in places if 0 <= one < stop and self._at(one, 4) == CENTRAL), None)
        if begins is None:
            return False
        if end.end < self._bytes:
            self._fault(ARCHIVE, "zip_extra", end.end, self._bytes - 1)
        self._begins = begins
        records = self._records(begins, stop)
        shown = {
            "count": len(records),
            "here": len(records),
            "size": stop - begins,
            "start": begins,
            "length": 44,
            "comment": min(end["comment"], self._bytes - end.end),
        }
        for one in filter(None, (end, large, locator)):
            self._compare(one, {**shown, "place": stop, "disks": 1}, bool(large))
        self._place(records, begins - told["start"])
        return True

    def _large(self, end: Record) -> tuple[Record | None, Record | None]:
        """The two records that a large zip has before its end."""
        locator = self._record(LOCATOR64, end.at - 20)
        if locator is None or not locator.signed:
            return None, None
        large = self._record(END64, end.at - 76)
        return (large, locator) if large and large.signed else (None, locator)

    def _records(self, begins: int, stop: int) -> list[Record]:
        raw, at, found = self._at(begins, stop - begins), 0, list[Record]()
        while raw[at : at + 4] == CENTRAL:
            try:
                found.append(Record(CENTRAL, begins + at, raw[at : at + WIDEST]))
            except struct.error:
                break
            at += found[-1].length
        self._whole = begins + at == stop
        if not self._whole:
            self._fault(ARCHIVE, "zip_directory", min(begins + at, stop), max(begins + at, stop) - 1)
        return found

    def _compare(self, record: Record, shown: Mapping[str, int], large: bool) -> None:
        """A record at the directory's end with what the directory is; other numbers in it are 0."""
        for name in record.places:
            full = (1 << 8 * record.places[name][1]) - 1
            if record[name] != shown.get(name, 0) and not (
                large and record.kind == END and record[name] == full
            ):
                self._fault(ARCHIVE, "zip_directory", *record.span(name))

    def _place(self, records: Sequence[Record], shift: int) -> None:
        """By the place of the file each tells of; where something stands before the zip, all are so much later."""
        by_shift = {
            one: sum(self._at(r["head"] + one, 4) == LOCAL for r in records if r["head"] + one >= 0)
            for one in (0, shift)
        }
        best = max(by_shift, key=lambda one: by_shift[one])
        for record in records:
            at = record["head"] + best
            if at in self._listed or not 0 <= at < self._begins:
                self._fault(_named(record), "zip_header", *record.span("head"))
            else:
                self._listed[at] = record

    # -- the files --------------------------------------------------------------------------------

    def _walk(self) -> None:
        """All from the first byte to the directory."""
        at, self._heads = 0, sorted(self._listed)
        while at < self._begins:
            local, listed = self._record(LOCAL, at), self._listed.pop(at, None)
            if local and (listed or self._likely(local)):
                at = self._take(local, listed)
            elif listed:
                self._fault(_named(listed), "zip_cut", at, self._begins - 1)
                at = self._begins
            elif (further := self._next(at + 1)) == self._begins and not self._found:
                break
            else:
                self._fault(ARCHIVE, "zip_extra", at, further - 1)
                at = further
        if not self._found:
            self._fault(ARCHIVE, "zip_directory", min(at, self._bytes - 1), self._bytes - 1)
        for listed in self._listed.values():
            self._fault(_named(listed), "zip_header", *listed.span("head"))

    def _following(self, at: int) -> int:
        """Where the first file begins from a place on of which the directory speaks; else where the directory does."""
        number = bisect_left(self._heads, at)
        return self._heads[number] if number < len(self._heads) else self._begins

    def _likely(self, local: Record) -> bool:
        """Whether bytes the directory does not speak of are the record of a file."""
        right = (
            local.signed
            and local["needs"] <= NEWEST
            and local["method"] in (STORED, DEFLATED)
            and local.whole
        )
        return right and bool(local.name) and local.end <= self._begins

    def _next(self, at: int) -> int:
        """Where the next file begins from a place on; the directory's first byte where there is none."""
        stop = self._following(at)
        while at < stop:
            raw = self._at(at, min(CHUNK, stop - at) + 3)
            found = raw.find(LOCAL)
            if found < 0:
                at += CHUNK
            elif (record := self._record(LOCAL, at + found)) and self._likely(record):
                return at + found
            else:
                at += found + 1
        return stop

    def _take(self, local: Record, listed: Record | None) -> int:
        """Take a file over and compare its two records; gives the place behind it."""
        told = self._believed(local, listed)
        name = _named(told)
        bound = self._following(local.at + 1)
        start = local.end
        if told is listed and self._whole and (len(local.name) != len(listed.name) or not local.whole):
            start = bound - listed["packed"]
        sized = local if not local["flags"] & LATER and start + local["packed"] == bound else told
        packed, method = max(0, min(sized["packed"], bound - start)), told["method"]
        if local["method"] != method and sized["packed"] == sized["size"]:
            method = STORED
        self._name_faults(name, local, listed)
        if sized["packed"] > packed:
            self._fault(name, "zip_cut", bound, max(bound, start + sized["packed"]) - 1)
        size = packed if method == STORED else told["size"]
        self._keep(name, Packed(start, packed, size, method, told["crc"]))
        later = local["flags"] & LATER and listed is not None
        return start + packed + (self._descriptor(start + packed, told) if later else 0)

    def _believed(self, local: Record, listed: Record | None) -> Record:
        """Of a file's two records the one that is read by: the directory's, unless that is damaged."""
        alone = not self._whole and self._likely(local) and not local["flags"] & LATER
        return local if alone or listed is None else listed

    def _name_faults(self, name: str, local: Record, listed: Record | None) -> None:
        spans = [local.span(field) for field in local.wrong()]
        if listed:
            spans += [listed.span(field) for field in listed.wrong()]
            spans += [local.span(field) for field in local.unlike(listed)]
        elif self._whole:
            spans.append((local.at, local.end - 1))
        for first, last in sorted(set(spans)):
            self._fault(name, "zip_header", first, last)

    def _keep(self, name: str, one: Packed) -> None:
        if not is_proper(name.removesuffix("/")):
            self.faults.append(Broken(name, "", "file_name"))
        if name.endswith("/"):
            if one.packed or one.size or one.crc:
                self._fault(name, "zip_folder", one.start, one.start + max(one.packed, 1) - 1)
        elif name in self._entries:
            self.double.append(name)
        else:
            self._entries[name] = one

    def _out_of_folder(self) -> None:
        """A package whose folder was packed, and not what is in it: its files are known by their names inside."""
        roots = {name.partition("/")[0] for name in self._entries if not added_by_macos(name)}
        root = next(iter(roots), "") + "/"
        if len(roots) == 1 and root + "manifest.json" in self._entries:
            self._entries = {name.removeprefix(root): one for name, one in self._entries.items()}
            self.double = [name.removeprefix(root) for name in self.double]
            self.faults = [
                one if one.why == "file_name" else replace(one, file=one.file.removeprefix(root))
                for one in self.faults
            ]

    def _descriptor(self, at: int, told: Record) -> int:
        """Bytes of what stands behind a file whose sizes were not known before it; 0 where something else does."""
        for signature in (DESCRIPTOR, b""):
            for form in "IQ":
                try:
                    wanted = signature + struct.pack(f"<I2{form}", told["crc"], told["packed"], told["size"])
                except struct.error:
                    continue
                if self._at(at, len(wanted)) == wanted:
                    return len(wanted)
        return 0


def _named(record: Record) -> str:
    """The name of a file; Windows' own packer separates folders by backslashes."""
    return record.name.decode("utf-8", "replace").replace("\\", "/")


def added_by_macos(name: str) -> bool:
    """Whether a file is one that macOS puts beside those it packs or shows."""
    last = name.rpartition("/")[2]
    return name.startswith("__MACOSX/") or last == ".DS_Store" or last.startswith("._")


class _Window:
    """A piece of a file as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def seek(self, place: int) -> int:
        self._at = place
        return place

    def read(self, count: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        raw = self._file.read(left if count < 0 else min(count, left))
        self._at += len(raw)
        return raw

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


class _Inflated(_Window):
    """A deflated file, unpacked while it is read; seeking back begins anew."""

    def __init__(self, packed: _Window, size: int) -> None:
        super().__init__(packed._file, 0, size)
        self._packed = packed
        self._restart()

    def _restart(self) -> None:
        self._packed.seek(0)
        self._unpacker, self._ready, self._at, self._made = zlib.decompressobj(-zlib.MAX_WBITS), b"", 0, 0

    def seek(self, place: int) -> int:
        if place < self._at:
            self._restart()
        while self._at < place and self.read(min(CHUNK, place - self._at)):
            pass
        return place

    def read(self, count: int = -1) -> bytes:
        parts, left = list[bytes](), self._size if count < 0 else count
        while left and (self._ready or self._more()):
            parts.append(self._ready[:left])
            self._ready = self._ready[left:]
            left -= len(parts[-1])
        raw = b"".join(parts)
        self._at += len(raw)
        return raw

    def _more(self) -> bool:
        """Unpack a piece. Raises EOFError where what is unpacked is of another size, or followed by something."""
        while not self._ready and not self._unpacker.eof:
            raw = self._unpacker.unconsumed_tail or self._packed.read(CHUNK)
            self._ready = self._unpacker.decompress(raw, CHUNK)
            self._made += len(self._ready)
            if self._made > self._size or (not raw and not self._ready and not self._unpacker.eof):
                raise EOFError("another size")
        ended = self._unpacker.eof and not self._ready
        if ended and (self._made != self._size or self._unpacker.unused_data or self._packed.read(1)):
            raise EOFError("another size")
        return bool(self._ready)


class NoPackage(Exception):
    """What is there is no evidence package, and none that was damaged: no zip, or one of something else."""


def package(path: Path) -> Package:
    """The package at a path. Raises NoPackage, and OSError where nothing can be read there."""
    found = Folder(path) if path.is_dir() else Zip(path)
    if not RECOGNISED_BY & set(found.sizes) and _form(found) not in SUBJECTS:
        raise NoPackage(path)
    return found


LINE_FEED = frozenset({"line_feed_missing", "line_feed_added"})
"""What is said of a text whose lines are all as they should be, but for the end of the last one."""
BY_MANIFEST = frozenset(
    {"file_missing", "file_extra", "changed", "moved", "missing", "extra", "emptied", "cut_off", *LINE_FEED}
)
"""What is said of a file since the manifest says otherwise."""
CHANGED = BY_MANIFEST - {"file_extra"}
"""What of a file leaves nothing to be read from it, or nothing as it was signed."""
OF_A_CHANGED = frozenset(
    {
        "wrong_signature",
        "not_signed",
        "wrong_cosignature",
        "wrong_time",
        "wrong_timestamp",
        "no_key",
        "unreadable",
    }
)
"""What follows of itself from a file's being changed; so does the form of a whole file."""
UNREADABLE = (OSError, zlib.error, EOFError, NotImplementedError)

# ── the check ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Broken:
    """One thing that differs: where, and why by its code in `WHY`; `at` are the values of the place."""

    file: str
    place: str
    why: str
    at: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self, lang: str) -> dict[str, Any]:
        """For people, and for programs beside it."""
        words = WORDS[lang]
        place = words[f"place.{self.place}"].format_map(self.at) if self.place else ""
        return {
            "file": self.file,
            "place": place,
            "why": words[self.why].format_map(self.at),
            "code": self.why,
            **self.at,
        }


NOTHING = frozenset({"no_package", "no_file"})
"""Why there was nothing to check."""


@dataclass
class Verdict:
    """What was found. `steps`: name → (checked, of how many)."""

    broken: list[Broken] = field(default_factory=list)
    checkpoint: dict[str, Any] = field(default_factory=dict)
    timestamps: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[str, tuple[int, int]] = field(default_factory=dict)
    opening: str = ""
    key_given: bool = False

    @property
    def unchecked(self) -> list[str]:
        """Files that could not be checked here: what is in them is nobody's word."""
        return [stamp["file"] for stamp in self.timestamps if stamp["ok"] is None]

    @property
    def package(self) -> bool:
        """Whether there was a package to check."""
        return not any(one.why in NOTHING for one in self.broken)

    def as_dict(self, lang: str) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "ok": not self.broken, "broken": [one.as_dict(lang) for one in self.broken], "checkpoint": self.checkpoint,
            "timestamps": self.timestamps, "unchecked": self.unchecked, "opening": self.opening,
            "steps": {name: list(counts) for name, counts in self.steps.items()},
        }  # fmt: skip


Progress = Callable[[str, int, int], None]
"""Is told (step, done, of how many): bytes at `files`, things elsewhere."""


def differences(expected: Sequence[str], found: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where and how one list of digests differs from another: (place, changed, moved, missing or extra), from 0 on."""
    if len(expected) == len(found):
        known = Counter(expected)
        for at, (wanted, there) in enumerate(zip(expected, found, strict=True)):
            if wanted != there:
                yield at, "moved" if known[there] else "changed"
        return
    for kind, places, others in (("missing", expected, found), ("extra", found, expected)):
        left = Counter(others)
        for at, one in enumerate(places):
            if not left[one]:
                yield at, kind
            left[one] -= bool(left[one])


def cut_at(expected: Sequence[str], found: Sequence[str], *, ended: bool) -> int | None:
    """The first part, from 0 on, that is not there whole where a file breaks off; None where it does not. `ended`: whether
    the last part found is a whole one. One whole part less at the end is a missing part."""
    lost = len(expected) - len(found)
    pairs = enumerate(zip(expected, found, strict=False))
    same = next((at for at, (wanted, there) in pairs if wanted != there), len(found))
    whole = len(found) if ended else len(found) - 1
    return same if lost > int(ended) and same >= whole else None


class Check:
    """One check of one package, step by step."""

    form = FORMAT
    required: Sequence[str] = REQUIRED
    unlisted = frozenset({"manifest.json"})
    """Files that the manifest cannot list."""

    def __init__(self, package: Package, keys: Sequence[VerifierKey], progress: Progress) -> None:
        self.package, self.keys, self.progress = package, keys, progress
        self.verdict = Verdict(broken=list(package.faults), key_given=bool(keys))
        self.listed: dict[str, dict[str, Any]] = {}
        self.leaves: list[dict[str, Any] | None] = []
        """Lines of leaves.jsonl; None for one that cannot be believed."""
        self.head: Head | None = None
        self.unlike: set[str] = set()
        """Recordings that are not as the manifest says."""
        self.salvaged = False
        """Whether the manifest could be read in part only."""
        self.digests: dict[str, tuple[int, str]] = {}
        """File → its size and SHA-256 as they are."""
        self.proved: set[int] = set()
        """Lines of leaves.jsonl that are proved to be in the log, from 1 on."""
        self._noted = {self._place(one) for one in self.verdict.broken}

    def run(self) -> Verdict:
        """All of it."""
        self.manifest()
        self.files()
        self.read_leaves()
        self.checkpoint()
        self.log()
        self.bodies()
        self.events()
        self.segments()
        self.unchecked()
        self.cosignatures()
        self.timestamps()
        order = {name: place for place, name in enumerate(STEPS)}
        self.verdict.steps = dict(sorted(self.verdict.steps.items(), key=lambda one: order[one[0]]))
        return self.verdict

    # -- helpers ----------------------------------------------------------------------------------

    def bad(self, file: str, place: str, why: str, **at: Any) -> None:
        """Note what differs, each place once; that a file found to be changed cannot be used is no second fault."""
        found = Broken(file, place, why, at)
        follows = why in OF_A_CHANGED or (why == "form" and not place)
        if follows and any(one.file == file and one.why in CHANGED for one in self.verdict.broken):
            return
        if (key := self._place(found)) not in self._noted:
            self._noted.add(key)
            self.verdict.broken.append(found)

    @staticmethod
    def _place(one: Broken) -> tuple[Any, ...]:
        return one.file, one.place, *sorted(one.at.items())

    def count(self, step: str, done: int, total: int) -> None:
        """So much of a step holds."""
        self.verdict.steps[step] = (done, total)
        self.progress(step, total, total)

    def holds(self, file: str) -> bool:
        """Whether nothing was found wrong with a file."""
        return file in self.package.sizes and all(one.file != file for one in self.verdict.broken)

    def bad_lines(self, file: str) -> set[int]:
        """Lines of a text whose words were found wrong, from 1 on."""
        mine = (one for one in self.verdict.broken if one.file == file and one.why not in LINE_FEED)
        return {one.at["line"] for one in mine if "line" in one.at}

    def text(self, file: str) -> bytes:
        """A whole small file; empty where it cannot be read, which was said before."""
        if self.package.sizes.get(file, 0) > LARGEST:
            return b""
        try:
            with self.package.open(file) as opened:
                return opened.read()
        except (KeyError, *UNREADABLE):
            return b""

    # -- manifest and files -----------------------------------------------------------------------

    def manifest(self) -> None:
        """The list of all files, and that there are no others."""
        raw = self.text("manifest.json")
        self._names(self.package.sizes)
        try:
            document = parsed(raw)
            subject, files = document[SUBJECTS[self.form]], document["files"]
            if not isinstance(subject, str) or not all(isinstance(one["path"], str) for one in files):
                raise TypeError("no manifest")
            self.verdict.opening = subject
            self.listed = {one["path"]: listed_as(one) for one in files}
            again = manifest(subject, files, self.form)
            if document["format"] != self.form or raw != again:
                lines = differences([*map(str, lines_of(again))], [*map(str, lines_of(raw))])
                self.bad("manifest.json", "line", "form", line=next((at for at, _ in lines), 0) + 1)
            self._entries(files)
        except (ValueError, KeyError, TypeError):
            if "manifest.json" in self.package.sizes:
                self.bad("manifest.json", "line", "unreadable", line=unreadable_line(raw))
            else:
                self.bad("manifest.json", "", "file_missing")
            self._salvage(raw)
        self._names(self.listed)
        there = set(self.package.sizes) - self.unlisted
        for name in sorted({*self.listed, *self.required} - there):
            self.bad(name, "", "file_missing")
        unlisted = there - set(self.listed)
        for name in sorted([*(() if self.salvaged else unlisted), *self.package.double]):
            self.bad(name, "", "file_macos" if added_by_macos(name) else "file_extra")
        if self.salvaged and unlisted:
            self.bad("manifest.json", "", "unlisted", count=len(unlisted))
        self.count("manifest", len(there & set(self.listed)), len(self.listed))

    def _names(self, names: Iterable[str]) -> None:
        """No file's name leads out of the package, and none that is read whole is larger than any of a package."""
        for name in sorted(names):
            if not is_proper(name):
                self.bad(name, "", "file_name")
            elif not is_recording(name) and self.package.sizes.get(name, 0) > LARGEST:
                self.bad(name, "", "too_large")

    def _entries(self, files: Iterable[Mapping[str, Any]]) -> None:
        """Every entry says what the format has it say and no more, of each file once."""
        seen = set[str]()
        for number, one in enumerate(files, start=2):
            if not is_entry(one) or one["path"] in seen:
                self.bad("manifest.json", "line", "form", line=number)
            seen.add(one["path"])

    def _salvage(self, raw: bytes) -> None:
        subject, files = salvaged(raw, SUBJECTS[self.form])
        self.salvaged, self.listed = True, {one["path"]: one for one in files}
        self.verdict.opening = subject or opening_of(self.text("leaves.jsonl"))

    def files(self) -> None:
        """Size and SHA-256 of every file."""
        names = [name for name in self.listed if name in self.package.sizes]
        total, done, good = sum(self.package.sizes[name] for name in names), 0, 0
        for name in names:
            try:
                found, checksum = hashlib.sha256(), 0
                with self.package.open(name) as file:
                    while raw := file.read(CHUNK):
                        found.update(raw)
                        checksum = zlib.crc32(raw, checksum)
                        self.progress("files", done := done + len(raw), total)
            except UNREADABLE:
                self.bad(name, "", "unreadable")
                continue
            self.digests[name] = self.package.sizes[name], found.hexdigest()
            if self.digests[name] == (self.listed[name].get("size"), self.listed[name].get("sha256")):
                if self._parts_fit(name):
                    good += 1
                    self._checksum_fits(name, checksum)
            elif is_recording(name):
                self.unlike.add(name)  # to be named by its segments
            else:
                self._name_parts(name)
        for name in sorted(self.unlisted & set(self.package.sizes)):
            self._checksum_fits(name, zlib.crc32(self.text(name)))
        self.count("files", good, len(self.listed))

    def _checksum_fits(self, name: str, found: int) -> None:
        """A file that is as it should be is also what the zip's checksum says, or it could not be unpacked."""
        if self.package.crc(name) not in (None, found) and self.holds(name):
            self.bad(name, "", "zip_crc")

    def _parts_fit(self, name: str) -> bool:
        """Whether the manifest's own digests of a file agree with each other."""
        fits = is_recording(name) or self.listed[name].get("parts") == parts_of(name, self.text(name))
        if not fits:
            self._blame_manifest(name)
        return fits

    def _blame_manifest(self, name: str) -> None:
        self.bad("manifest.json", "line", "manifest_differs", line=[*self.listed].index(name) + 2)

    def _name_parts(self, name: str) -> None:
        """Say which lines or blocks of a file differ from the manifest."""
        raw = self.text(name)
        expected, found = self.listed[name].get("parts"), parts_of(name, raw)
        if expected == found or not isinstance(expected, list):
            self._name_end(name, raw)
        elif name.endswith(TEXTS):
            self._name_lines(name, raw, expected, found)
        else:
            self._name_blocks(name, expected, found)

    def _name_end(self, name: str, raw: bytes) -> None:
        """All lines are as listed: the line feed at the end is not, or else it is the manifest that is wrong."""
        wanted, line = self.listed[name].get("sha256"), len(lines_of(raw))
        if name.endswith(TEXTS) and hashlib.sha256(raw + b"\n").hexdigest() == wanted:
            self.bad(name, "line", "line_feed_missing", line=line)
        elif name.endswith(TEXTS) and raw[-1:] == b"\n" and hashlib.sha256(raw[:-1]).hexdigest() == wanted:
            self.bad(name, "line", "line_feed_added", line=line)
        else:
            self._blame_manifest(name)

    def _name_lines(self, name: str, raw: bytes, expected: Sequence[str], found: Sequence[str]) -> None:
        """Say which lines of a text differ; that it is empty or breaks off is one thing, however many are gone."""
        cut = cut_at(expected, found, ended=raw.endswith(b"\n"))
        if expected and not raw:
            self.bad(name, "", "emptied")
        elif cut is not None:
            self.bad(name, "line", "cut_off", line=cut + 1)
        else:
            for at, kind in differences(expected, found):
                self.bad(name, "line", kind, line=at + 1)

    def _name_blocks(self, name: str, expected: Sequence[str], found: Sequence[str]) -> None:
        """Say which blocks of a file that is no text differ."""
        size, wanted = self.package.sizes[name], self.listed[name].get("size", 0)
        if not size:
            self.bad(name, "", "emptied")
        elif size < wanted and cut_at(expected, found, ended=False) is not None:
            self.bad(name, "bytes", "cut_off", first=size, last=wanted - 1)
        else:
            for at, kind in differences(expected, found):
                end = min((at + 1) * BLOCK, max(size, wanted))
                self.bad(name, "bytes", kind, first=at * BLOCK, last=end - 1)

    # -- checkpoint -------------------------------------------------------------------------------

    def log_key(self) -> VerifierKey | None:
        """The log's key: the one given, else the package's own."""
        if self.keys:
            return next((key for key in self.keys if key.kind != COSIGNATURE), None)
        return self._key("keys/log.vkey")

    def _keyless(self, key: VerifierKey | None) -> bool:
        """Whether there is no log's key since the package's own is none, which was said of its file."""
        return key is None and not self.keys

    def _key(self, file: str) -> VerifierKey | None:
        try:
            return VerifierKey.parse(self.text(file).decode())
        except ValueError:
            self.bad(file, "", "no_key")
            return None

    def checkpoint(self) -> None:
        """The signed head of the log."""
        key = self.log_key()
        try:
            note = Note.parse(self.text("checkpoint").decode())
            head = Head.parse(note.text)
            signed = key is not None and note.check(key)[0]
        except ValueError:
            self.bad("checkpoint", "signature", "wrong_signature")
            self.count("checkpoint", 0, 1)
            return
        if not self._keyless(key) and (not signed or (key and head.origin != key.name)):
            self.bad("checkpoint", "signature", "not_signed")
        self.head = head
        self.verdict.checkpoint = {
            "size": head.size, "root": head.root.hex(), "signed_by": key.name if key and signed else None,
            "key": key.id.hex() if key else None, "cosigned_by": [],
        }  # fmt: skip
        self.count("checkpoint", int(signed), 1)

    def cosignatures(self) -> None:
        """Who else vouches for that head. A witness that did not sign it is no fault; one that signed wrongly is."""
        files = sorted(name for name in self.package.sizes if name.startswith("keys/witness-"))
        own = [key for file in files if (key := self._key(file))]
        keys = [key for key in self.keys if key.kind == COSIGNATURE] if self.keys else own
        found: list[dict[str, Any]] = []
        if self.head:
            note = Note.parse(self.text("checkpoint").decode())
            found = [one for key in keys if (one := self._cosigned(note, key))]
            for key in own:
                self._cosigned(note, key)
            self._strangers(note, own)
        if self.verdict.checkpoint:
            self.verdict.checkpoint["cosigned_by"] = found
        self.count("cosignatures", len(found), len(keys))

    def _cosigned(self, note: Note, key: VerifierKey) -> dict[str, Any] | None:
        """What a witness vouches for, if it has."""
        try:
            signed, when = note.check(key)
        except ValueError:
            self.bad("checkpoint", "signature", "wrong_cosignature", name=key.name)
            return None
        if not signed or when is None:
            return None
        if when > LAST_MOMENT:
            self.bad("checkpoint", "signature", "wrong_time", name=key.name)
            return None
        return {"name": key.name, "at": datetime.fromtimestamp(when, BEIJING).isoformat()}

    def _strangers(self, note: Note, witnesses: Sequence[VerifierKey]) -> None:
        """No line of signature is of a key that is not in the package: such a line may say anything."""
        if any(one.file.startswith("keys/") for one in self.verdict.broken):
            return
        log = [key for key in (self.log_key(), self._key("keys/log.vkey")) if key]
        for line in note.strange([*self.keys, *log, *witnesses]):
            self.bad("checkpoint", "line", "extra", line=line)

    # -- the log ----------------------------------------------------------------------------------

    def read_leaves(self) -> None:
        """The lines of leaves.jsonl, which number themselves without a gap."""
        bad = self.bad_lines("leaves.jsonl")
        seq = 0
        for number, line in enumerate(lines_of(self.text("leaves.jsonl")), start=1):
            try:
                entry = parsed(line)
                leaf = entry["leaf"]
                fits = shaped(entry) and canonical(entry) == line and leaf["opening"] == self.verdict.opening
            except (ValueError, KeyError, TypeError):
                entry, fits = None, False
            if not fits:
                self.bad("leaves.jsonl", "line", "form", line=number)
            elif leaf["seq"] != seq + 1 and not bad:
                self.bad("leaves.jsonl", "line", "gap_in_numbers", line=number)
            seq = leaf["seq"] if fits else seq + 1
            self.leaves.append(entry if fits and number not in bad else None)
        if not any(one and one["leaf"]["kind"] == "seal" for one in self.leaves) and self.holds(
            "leaves.jsonl"
        ):
            self.bad("leaves.jsonl", "", "no_seal")

    def log(self) -> None:
        """Every leaf is in the signed log, which goes on from the first head that held one of the opening."""
        raw = self.text("proofs.json")
        good = 0
        try:
            document = parsed(raw)
            if not is_whole(document["size"]) or not is_hash(document["root"]):
                raise ValueError("no head")
            if not isinstance(document["consistency"], list) or not isinstance(document["inclusion"], list):
                raise ValueError("no proofs")
            paths = {
                index: [base64.b64decode(one, validate=True) for one in path]
                for index, path in document["inclusion"]
            }
            head = Head(
                self.head.origin if self.head else "", document["size"], bytes.fromhex(document["root"])
            )
            if raw != proofs(head, document["first"], document["consistency"], document["inclusion"]):
                self.bad("proofs.json", "", "form")
            if self.head and head != self.head:
                self.bad("proofs.json", "line", "other_head", line=1)
            self._goes_on(document, head)
            self._superfluous([index for index, _ in document["inclusion"]])
        except (ValueError, KeyError, TypeError, AttributeError):
            self.bad("proofs.json", "", "unreadable")
            self.count("log", 0, len(self.leaves))
            return
        blame = "leaves.jsonl" if self.holds("proofs.json") else "proofs.json"
        for number, line in enumerate(self.leaves):
            if line is None:
                continue
            if self._included(line, head, paths):
                good += 1
                self.proved.add(number + 1)
            elif blame == "leaves.jsonl":
                self.leaves[number] = None
                self.bad(blame, "line", "not_in_log", line=number + 1)
        self.count("log", good, len(self.leaves))

    def _superfluous(self, indexes: Sequence[int]) -> None:
        """There is one proof for each leaf: another proves nothing, and may say anything."""
        if not self.holds("leaves.jsonl"):
            return
        left = Counter(line["index"] for line in self.leaves if line)
        for number, index in enumerate(indexes, start=2):
            if not left[index]:
                self.bad("proofs.json", "line", "extra", line=number)
            left[index] = 0

    def _included(self, line: Mapping[str, Any], head: Head, paths: Mapping[int, Sequence[bytes]]) -> bool:
        hashed = leaf_hash(entry(line["leaf"]))
        try:
            return root_by_inclusion(line["index"], head.size, hashed, paths[line["index"]]) == head.root
        except (KeyError, ValueError):
            return False

    def _goes_on(self, document: Mapping[str, Any], head: Head) -> None:
        note = Note.parse(document["first"])
        first = Head.parse(note.text)
        path = [base64.b64decode(one, validate=True) for one in document["consistency"]]
        key = self.log_key()
        signed = note.check(key)[0] if key else self._keyless(key)
        if not signed or not is_consistent(first.size, first.root, head.size, head.root, path):
            self.bad("proofs.json", "line", "not_consistent", line=1)
        if key and note.strange([key]):
            self.bad("proofs.json", "line", "extra", line=1)

    def bodies(self) -> None:
        """What gaps, operators' actions, audit heads and the seal say is what the log holds; the seal lists what was sealed."""
        for number, line in enumerate(self.leaves, start=1):
            if line is None or line["leaf"]["kind"] in ("event", "segment"):
                continue
            if not self._is_body_of(line):
                self.leaves[number - 1] = None
                self.bad("leaves.jsonl", "line", "body_differs", line=number)
            elif line["leaf"]["kind"] == "seal" and not is_seal(line["body"]):
                self.leaves[number - 1] = None
                self.bad("leaves.jsonl", "line", "form", line=number)
            elif line["leaf"]["kind"] == "seal":
                self._sealed(line["body"], number in self.proved)

    def _is_body_of(self, line: Mapping[str, Any]) -> bool:
        """Whether the body beside a leaf is the one the leaf is of."""
        body, key = line["body"], line.get("key")
        try:
            return bool((keyed(key, body) if key else digest(body)) == line["leaf"]["sha256"])
        except (ValueError, TypeError):
            return False

    def _sealed(self, body: Mapping[str, Any], proved: bool) -> None:
        """Files that the log's seal names are those of the manifest, and no others, but for what was made after it. Where the
        seal is proved and a file is as it says, it is the manifest that is not."""
        known = {one["path"]: (one["size"], one["sha256"]) for one in body["files"]}
        for name in sorted(set(self.listed) - set(known) - set(PROOF)):
            if proved and name not in self.package.sizes:
                self._acquit(name)
                self._blame_manifest(name)
            elif not STAMP.fullmatch(name):
                self.bad(name, "", "not_as_sealed")
        for name, wanted in known.items():
            self._as_sealed(name, wanted, proved)
        unlisted = set(self.package.sizes) & {*known, *PROOF} - set(self.listed)
        for name in unlisted if proved and not self.salvaged else ():
            if name in PROOF or self._digest(name) == known[name]:
                self._acquit(name)
                if self.holds("manifest.json"):
                    self.bad("manifest.json", "", "unlisted", count=len(unlisted))

    def _as_sealed(self, name: str, wanted: tuple[int, str], proved: bool) -> None:
        listed = self.listed.get(name)
        if listed is None and self.salvaged:
            return  # that it was not compared with the manifest was said
        if listed is not None and (listed.get("size"), listed.get("sha256")) == wanted:
            return
        if not proved or self._digest(name) != wanted:
            self.bad(name, "", "not_as_sealed")
        elif listed is not None:
            self.unlike.discard(name)
            self._acquit(name)
            self._blame_manifest(name)

    def _digest(self, name: str) -> tuple[int, str] | None:
        """Size and SHA-256 of a file as it is; None where it cannot be read."""
        if name not in self.digests and name in self.package.sizes:
            try:
                with self.package.open(name) as file:
                    found = hashlib.sha256()
                    while raw := file.read(CHUNK):
                        found.update(raw)
                    self.digests[name] = self.package.sizes[name], found.hexdigest()
            except UNREADABLE:
                return None
        return self.digests.get(name)

    def _acquit(self, name: str) -> None:
        """Take back what was said of a file by a manifest that is wrong itself."""
        if name in self.package.double:
            return
        taken = [one for one in self.verdict.broken if one.file == name and one.why in BY_MANIFEST]
        self.verdict.broken = [one for one in self.verdict.broken if one not in taken]
        self._noted -= {self._place(one) for one in taken}

    def seal(self) -> Mapping[str, Any]:
        """What the seal says; empty where there is none to believe."""
        found = (line["body"] for line in self.leaves if line and line["leaf"]["kind"] == "seal")
        return next(found, {"recordings": [], "events": 0})

    def sealed(self) -> bool:
        """Whether there is a seal to believe."""
        return any(line and line["leaf"]["kind"] == "seal" for line in self.leaves)

    def unchecked(self) -> None:
        """Say once what could not be compared with the log, since leaves of it are missing or cannot be believed."""
        if not self.sealed():
            self.bad("leaves.jsonl", "", "unchecked_all", events=len(lines_of(self.text("events.jsonl"))))
            return
        told = {line["leaf"]["event"] for line in self.leaves if line and line["leaf"]["kind"] == "event"}
        total = self.seal()["events"]
        events = total - sum(number <= total for number in told)
        segments = sum(self._lost(recording) for recording in self.seal()["recordings"])
        if events or segments:
            self.bad("leaves.jsonl", "", "unchecked", events=events, segments=segments)

    def _lost(self, recording: Mapping[str, Any]) -> int:
        """How many segments of a recording have no leaf to believe."""
        held: int = sum(last - first + 1 for first, last in recording["withheld"])
        wanted = [leaf for leaf in self._wanted(recording) if leaf["sha256"]]
        return max(0, int(recording["segments"]) - held - len({leaf["segment"] for leaf in wanted}))

    # -- events -----------------------------------------------------------------------------------

    def events(self) -> None:
        """Every event is the one in the log and follows the one before."""
        raw = self.text("events.jsonl")
        lines = lines_of(raw)
        leaves = {
            line["leaf"]["event"]: line["leaf"]["sha256"]
            for line in self.leaves
            if line and line["leaf"]["kind"] == "event"
        }
        found = [hashlib.sha256(line).hexdigest() for line in lines]
        told = max(self.seal()["events"], max(leaves, default=0), 0 if self.sealed() else len(lines))
        count = min(told, len(lines) + len(self.leaves) + NAMED)
        expected = [
            leaves.get(number, found[number - 1] if number <= len(found) else "")
            for number in range(1, count + 1)
        ]
        self._name_lines("events.jsonl", raw, expected, found)
        for number in sorted(number for number in leaves if number > count):
            self.bad("events.jsonl", "line", "missing", line=number)
        self._chain(lines)
        self.count("events", max(0, len(lines) - len(self.bad_lines("events.jsonl"))), max(count, len(lines)))

    def _chain(self, lines: Sequence[bytes]) -> None:
        previous = genesis(f"opening/{self.verdict.opening}")
        for number, line in enumerate(lines, start=1):
            try:
                event = parsed(line)
                body = {key: event[key] for key in EVENT[:-1]} | {"opening": self.verdict.opening}
                written = canonical({key: event[key] for key in EVENT}) == line
                if not written or link(previous, body) != event["hash"] or event["seq"] != number:
                    raise ValueError("chain")
                previous = event["hash"]
            except (ValueError, KeyError, TypeError):
                self.bad("events.jsonl", "line", "chain", line=number)
                return

    # -- recordings -------------------------------------------------------------------------------

    def segments(self) -> None:
        """Every segment of every recording is the one in the log, in its place."""
        good = total = 0
        for recording in self.seal()["recordings"]:
            wanted = self._wanted(recording)
            total += sum(bool(leaf["sha256"]) for leaf in wanted)
            if recording["path"] in self.package.sizes:
                try:
                    good += self._recording(recording["path"], wanted)
                except UNREADABLE:
                    self.bad(recording["path"], "", "unreadable")
            self.progress("segments", good, total)
        provable = {one["path"] for one in self.seal()["recordings"] if not self._lost(one)}
        for name in sorted(self.unlike):
            if name in provable and self.holds(name):
                self._blame_manifest(name)
            elif self.holds(name):
                self.bad(name, "", "changed")
        self.count("segments", good, total)

    def _wanted(self, recording: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The segments of a recording that are in the package: those withheld from the public are not. Where leaves are
        lost, one without a digest stands for the bytes between their neighbours."""
        mine = self._pieces.get(recording["id"], [])
        held = Runs(recording["withheld"])
        known = Runs([*recording["withheld"], *([leaf["segment"]] * 2 for leaf in mine)])
        wanted, due, offset = list[dict[str, Any]](), 0, 0
        for leaf in [*mine, {"segment": recording["segments"], "offset": ENDLESS, "bytes": 0}]:
            if not known.hold(due, leaf["segment"] - 1) and leaf["offset"] > offset:
                wanted.append({"sha256": "", "bytes": leaf["offset"] - offset, "segment": due})
            if "sha256" in leaf and not held.hold(leaf["segment"], leaf["segment"]):
                wanted.append(leaf)
            due, offset = leaf["segment"] + 1, leaf["offset"] + leaf["bytes"]
        return wanted

    @cached_property
    def _pieces(self) -> dict[str, list[dict[str, Any]]]:
        """Recording → its segments' leaves that are believed once the log was looked at."""
        found: dict[str, list[dict[str, Any]]] = {}
        for line in self.leaves:
            if line and line["leaf"]["kind"] == "segment":
                found.setdefault(line["leaf"]["recording"], []).append(line["leaf"])
        return found

    def _recording(self, name: str, wanted: Sequence[dict[str, Any]]) -> int:
        """Compare one recording with its segments; gives how many are as they should be."""
        with self.package.open(name) as file:
            stands = SegmentOrder(file, self.package.sizes[name], wanted)
        places: dict[str, list[int]] = {
            "changed": stands.changed,
            "moved": stands.moved(),
            "missing": stands.missing(),
        }
        for kind, numbers in places.items():
            for number in numbers:
                self._name_segment(name, wanted[number], stands.places.get(number, stands.due[number]), kind)
        for first, last in stands.extra:
            self.bad(name, "bytes", "extra", first=first, last=last)
        return len(stands.order) - len(places["moved"])

    def _name_segment(self, name: str, leaf: Mapping[str, Any], at: int, kind: str) -> None:
        begun = datetime.fromisoformat(leaf["at"]).astimezone(BEIJING)
        ended = begun + timedelta(milliseconds=leaf["ms"])
        self.bad(
            name, "segment", kind, segment=leaf["segment"], first=at, last=at + leaf["bytes"] - 1,
            begins=begun.isoformat(sep=" ", timespec="seconds"), ends=ended.isoformat(sep=" ", timespec="seconds"),
        )  # fmt: skip

    # -- time stamps ------------------------------------------------------------------------------

    def timestamps(self) -> None:
        """Time stamps of others (RFC 3161) over the checkpoint; checked where `rfc3161-client` is installed."""
        names = sorted(filter(STAMP.fullmatch, self.package.sizes))
        good, given = 0, {"checkpoint", "keys/timestamp-ca.pem"}
        changed = any(one.file in given and one.why in CHANGED for one in self.verdict.broken)
        for name in names:
            found = stamped(
                self.text(name), _unsigned(self.text("checkpoint")), self.text("keys/timestamp-ca.pem")
            )
            # A stamp is not wrong since what it is over, or checked with, was changed: of that all was said.
            if found["ok"] is False and not (changed and is_stamp(self.text(name))):
                self.bad(name, "", "wrong_timestamp")
            good += found["ok"] is True
            self.verdict.timestamps.append({"file": name, **found})
        self.count("timestamps", good, len(names))


class LeadsCheck(Check):
    """The check of a batch of leads that was handed on: every file is as listed, and the list is signed by the desk."""

    form, required = LEADS_FORMAT, LEADS_REQUIRED
    unlisted = frozenset({"manifest.json", "signature"})

    def run(self) -> Verdict:
        """All of it."""
        self.manifest()
        self.files()
        self.signature()
        return self.verdict

    def signature(self) -> None:
        """The note over the manifest: how many files it lists, and its SHA-256."""
        key = self.keys[0] if self.keys else self._key("keys/desk.vkey")
        try:
            note = Note.parse(self.text("signature").decode())
            head = Head.parse(note.text)
            signed = key is not None and note.check(key)[0] and head.origin == key.name
        except ValueError:
            self.bad("signature", "signature", "wrong_signature")
            self.count("signature", 0, 1)
            return
        listed = hashlib.sha256(self.text("manifest.json")).digest()
        for line in note.strange([key] if key else ()) if signed else ():
            self.bad("signature", "line", "extra", line=line)
        if not signed:
            self.bad("signature", "signature", "not_signed")
        elif (head.size, head.root) != (len(self.listed), listed):
            self.bad("manifest.json", "", "other_list")
        self.verdict.checkpoint = {
            "size": head.size, "root": head.root.hex(), "signed_by": key.name if key and signed else None,
            "key": key.id.hex() if key else None, "cosigned_by": [],
        }  # fmt: skip
        self.count("signature", int(signed and head.root == listed), 1)


class SegmentOrder:
    """Which segments stand where in a recording, read from its start: the next one due, or another known one, or, where
    neither fits, the one due with changed bytes."""

    def __init__(self, file: BinaryIO, size: int, wanted: Sequence[Mapping[str, Any]]) -> None:
        self.due = [0, *accumulate(leaf["bytes"] for leaf in wanted)]
        """First byte of each segment where none is missing."""
        self.order: list[int] = []
        """Numbers of the known segments as they stand."""
        self.places: dict[int, int] = {}
        self.changed: list[int] = []
        self.extra: list[tuple[int, int]] = []
        self._file, self._wanted, self._size = file, wanted, size
        self._known = {leaf["sha256"]: number for number, leaf in enumerate(wanted) if leaf["sha256"]}
        self._sizes = sorted({leaf["bytes"] for leaf in wanted if leaf["sha256"]})
        self._searches = SEARCHES
        at = due = 0
        while at < size:
            at, due = self._step(at, due, size)

    def _step(self, at: int, due: int, size: int) -> tuple[int, int]:
        if due < len(self._wanted) and not self._wanted[due]["sha256"]:
            return at + self._wanted[due]["bytes"], due + 1  # what should be here is not known
        here = self._here(at, due)
        if here is None and due >= len(self._wanted):
            self.extra.append((at, size - 1))
            return size, due
        number = due if here is None else here
        length = self._wanted[number]["bytes"]
        if number in self.places:
            self.extra.append((at, at + length - 1))
            return at + length, due
        self.places[number] = at
        (self.changed if here is None else self.order).append(number)
        return at + length, number + 1

    def _here(self, at: int, due: int) -> int | None:
        """The segment that stands at a place, if it is one."""
        if due < len(self._wanted) and self._digest(at, due) == self._wanted[due]["sha256"]:
            return due
        if self._searches == 0:
            return None
        self._searches -= 1
        return self._search(at)

    def _search(self, at: int) -> int | None:
        """Any segment that stands at a place: the bytes there are read once, with a digest for each length there is."""
        self._file.seek(at)
        digest, done = hashlib.sha256(), 0
        for size in self._sizes:
            digest.update(self._file.read(max(0, min(size, self._size - at) - done)))
            done = size
            if (found := self._known.get(digest.hexdigest())) is not None:
                return found
        return None

    def _digest(self, at: int, number: int) -> str:
        self._file.seek(at)
        return hashlib.sha256(
            self._file.read(min(self._wanted[number]["bytes"], self._size - at))
        ).hexdigest()

    def moved(self) -> list[int]:
        """Segments that stand before one they should follow, or after one they should precede."""
        return sorted(one for one, right in zip(self.order, sorted(self.order), strict=True) if one != right)

    def missing(self) -> list[int]:
        """Segments that stand nowhere, nor their changed bytes."""
        return [
            number
            for number in range(len(self._wanted))
            if number not in self.places and self._wanted[number]["sha256"]
        ]


def _unsigned(note: bytes) -> bytes:
    """A note's text, which is what a time stamp is over."""
    return note.rpartition(b"\n\n")[0] + b"\n"


SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""The type of a time stamp's token (RFC 5652), DER."""


def _der(raw: bytes, tag: int) -> tuple[bytes, bytes]:
    """Content of the DER value of a type that bytes begin with, and what follows it. Raises ValueError."""
    size, start = (raw[1], 2) if raw[:1] == bytes([tag]) and len(raw) > 1 else (0x80, 2)
    if size > 0x80:
        start += size - 0x80
        size = int.from_bytes(raw[2:start])
        if start > 6 or size < 0x80:
            raise ValueError("no DER")
    elif size == 0x80:
        raise ValueError("no DER")
    if len(raw) < start + size:
        raise ValueError("no DER")
    return raw[start : start + size], raw[start + size :]


def is_stamp(raw: bytes) -> bool:
    """Whether bytes have the form of a time stamp that was granted (RFC 3161 §2.4.2): a status and a token, and nothing more."""
    try:
        inside, behind = _der(raw, 0x30)
        status, token = _der(inside, 0x30)
        granted, _ = _der(status, 0x02)
        signed, after = _der(token, 0x30)
    except ValueError:
        return False
    right = granted in (b"\0", b"\1") and signed.startswith(SIGNED_DATA)
    return right and not behind and not after and len(raw) <= LARGEST_STAMP


def stamped(reply: bytes, message: bytes, roots: bytes) -> dict[str, Any]:
    """`ok`: True, False, or None where it cannot be checked here; `at`: the time the authority gives."""
    if not is_stamp(reply):
        return {"ok": False, "at": None}
    try:
        from cryptography.x509 import load_pem_x509_certificates
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response
    except ImportError:
        return {"ok": None, "at": None}
    try:
        answer = decode_timestamp_response(reply)
        builder = VerifierBuilder()
        for root in load_pem_x509_certificates(roots):
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(answer, message)
    except (ValueError, VerificationError):
        return {"ok": False, "at": None}
    return {"ok": True, "at": answer.tst_info.gen_time.astimezone(BEIJING).isoformat()}


def check(path: Path, keys: Sequence[VerifierKey] = (), progress: Progress = lambda *_: None) -> Verdict:
    """Check the package at `path`, a zip or a folder. `keys`: whose signatures count; without them the package's own.

    Raises NoPackage where something else is there, OSError where nothing can be read.
    """
    found = package(path)
    leads = _form(found) == LEADS_FORMAT or (_form(found) is None and "leads.json" in found.sizes)
    kind = LeadsCheck if leads else Check
    return kind(found, keys, progress).run()


def _form(found: Package) -> str | None:
    """What a package says it is, as far as it can be read."""
    try:
        with found.open("manifest.json") as file:
            document = parsed(file.read(LARGEST))
    except (KeyError, ValueError, *UNREADABLE):
        return None
    form = document.get("format") if isinstance(document, dict) else None
    return form if isinstance(form, str) else None


# ── words ────────────────────────────────────────────────────────────────────────────────────────

WORDS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "place.line": "第 {line} 行", "place.bytes": "字节 {first}–{last}",
        "place.segment": "第 {segment} 片，字节 {first}–{last}，{begins} 至 {ends}", "place.signature": "签名", "place.zip": "压缩包字节 {first}–{last}",
        "zip_header": "压缩包里此文件的文件头不合规定，或与压缩包目录不一致", "zip_extra": "压缩包里不属于任何文件的内容",
        "zip_directory": "压缩包的目录损坏：请重新下载；还找得到的文件已照常核验", "zip_cut": "压缩包在此中断，文件不完整：请重新下载",
        "zip_folder": "文件夹条目里藏有内容", "unlisted": "清单读不全：有 {count} 个文件未能按清单核对",
        "unchecked": "日志条目不全：有 {events} 个事件、{segments} 片录像未能与日志核对",
        "unchecked_all": "没有可信的封存条目：录像分片与 {events} 个事件的条数未能与日志核对", "zip_crc": "与压缩包所记的校验和不一致",
        "form": "写法与规定不符", "unreadable": "读不出来", "file_missing": "缺少这个文件", "file_extra": "清单里没有这个文件，或出现了两次",
        "file_macos": "macOS 打包时加入的文件，不属于证据包：删去它，或核验从平台下载的原件",
        "manifest_differs": "清单自相矛盾", "changed": "内容被改动", "moved": "次序被调换", "missing": "被删去", "extra": "多出来的内容",
        "file_name": "文件名不合规定：可能落到证据包之外", "too_large": "大于证据包里的任何此类文件，没有读",
        "wrong_time": "见证人签的时间不可能", "good_so_far": "核验过的未发现改动；有 {count} 个文件未能核验，内容不作数：{files}",
        "no_key": "不是公钥", "wrong_signature": "签名不对，或不是检查点", "not_signed": "没有所给公钥的签名", "wrong_cosignature": "见证人的签名不对",
        "gap_in_numbers": "编号不连续，前面少了或调换了条目", "no_seal": "没有封存条目", "other_head": "与检查点不是同一个日志状态",
        "not_in_log": "不在签了名的日志里", "not_consistent": "日志不是在先前状态上续写的", "body_differs": "内容与写入日志的指纹不同",
        "not_as_sealed": "与封存时写入日志的不同", "chain": "与前一事件接不上", "wrong_timestamp": "时间戳不对", "other_list": "与签名的文件清单不同",
        "signed_list": "清单：{size} 个文件，签名 {name}（公钥编号 {key}）",
        "good": "未发现任何改动", "bad": "有 {count} 处不一致", "signed": "检查点：日志长度 {size}，签名 {name}（公钥编号 {key}）",
        "own_key": "公钥取自包内：请与该平台公布的公钥核对，或用 --key 给出", "cosigned": "见证 {name}，{at}", "stamped": "时间戳 {file}，{at}",
        "emptied": "文件被清空", "cut_off": "文件从这里起中断，其后的内容缺失", "line_feed_missing": "末行缺少结尾的换行符",
        "line_feed_added": "末行之后多了一个换行符",
        "unstamped": "时间戳 {file} 未核验：需安装 rfc3161-client", "no_key_file": "{path} 里没有公钥",
        "no_package": "{path} 不是证据包：里面没有证据包的清单和记录。请选择从平台下载的 zip，或它解开后的文件夹",
        "no_file": "没有 {path}，或没有权限读它：请核对路径",
    },
    "en": {
        "place.line": "line {line}", "place.bytes": "bytes {first}–{last}",
        "place.segment": "segment {segment}, bytes {first}–{last}, {begins} to {ends}", "place.signature": "signature",
        "place.zip": "bytes {first}–{last} of the zip",
        "zip_header": "its header in the zip is not as it has to be, or not as the zip's directory says",
        "zip_extra": "belongs to no file of the zip", "zip_cut": "the zip breaks off here and the file is not whole: download it again",
        "zip_directory": "the zip's directory is damaged: download it again; the files that could be found were checked",
        "zip_folder": "an entry for a folder has content",
        "unlisted": "the manifest cannot be read whole: {count} files could not be compared with it",
        "unchecked": "leaves of the log are missing: {events} events and {segments} segments could not be compared with it",
        "unchecked_all": "there is no seal to believe: the segments and the number of {events} events could not be compared with the log", "zip_crc": "differs from the checksum in the zip",
        "form": "not written as it has to be", "unreadable": "cannot be read", "file_missing": "this file is missing",
        "file_macos": "added by macOS when it was packed and no part of the package: take it out, or check the zip as downloaded",
        "file_extra": "not in the manifest, or there twice", "manifest_differs": "the manifest contradicts itself", "changed": "was changed",
        "moved": "is out of its order", "missing": "was removed", "extra": "does not belong here", "no_key": "no public key",
        "file_name": "not a name for a file of a package: it may lead out of it", "too_large": "larger than any such file of a package: it was not read",
        "wrong_time": "a witness signed at a time that cannot be",
        "good_so_far": "what was checked was not changed; {count} files could not be checked, what is in them counts for nothing: {files}",
        "wrong_signature": "wrong signature, or no checkpoint", "not_signed": "not signed by the key given", "wrong_cosignature": "wrong signature of a witness",
        "gap_in_numbers": "numbers do not follow: entries before it were removed or swapped", "no_seal": "there is no seal",
        "other_head": "not the state of the log that the checkpoint signs", "not_in_log": "not in the signed log",
        "not_consistent": "the log does not go on from its earlier state", "body_differs": "differs from its fingerprint in the log",
        "not_as_sealed": "differs from what was sealed in the log", "chain": "does not follow the event before", "wrong_timestamp": "wrong time stamp",
        "other_list": "not the list of files that was signed", "signed_list": "list of {size} files, signed by {name} (key {key})",
        "good": "nothing was changed", "bad": "{count} things differ", "signed": "checkpoint: {size} leaves, signed by {name} (key {key})",
        "emptied": "the file is empty", "cut_off": "the file breaks off here: what should follow is missing",
        "line_feed_missing": "the line feed at the end of the last line is missing", "line_feed_added": "there is a line feed more behind the last line",
        "own_key": "the key is the package's own: compare it with the one the platform publishes, or give that one with --key",
        "cosigned": "witnessed by {name}, {at}", "stamped": "time stamp {file}, {at}", "unstamped": "time stamp {file} not checked: rfc3161-client is not installed",
        "no_key_file": "{path} holds no public key",
        "no_package": "{path} is no evidence package: there is no list and no record of one in it. Choose the zip downloaded from the platform, or the folder it was unpacked into",
        "no_file": "{path} is not there, or may not be read: check the path",
    },
}  # fmt: skip
"""What the check says. They stand here and not in the catalogue, since this file runs alone."""


def language(environ: Mapping[str, str] = os.environ, file: TextIO | None = None) -> str:
    """The language of a process by its locale: English where it says so, or where `file` cannot write Chinese, else Chinese."""
    if file is not None and not _writes(file, WORDS["zh"]["good"]):
        return "en"
    said = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return next((lang for lang in WORDS if said.lower().startswith(lang)), next(iter(WORDS)))


def _writes(file: TextIO, text: str) -> bool:
    """Whether a stream has all characters of a text."""
    try:
        text.encode(file.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def plain(text: str) -> str:
    """A text as one line of a terminal: what would move its cursor, colour it or turn it round is written out."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )


def in_lines(verdict: Verdict, lang: str) -> Iterator[str]:
    """The verdict for people."""
    return map(plain, _in_lines(verdict, lang))


def _in_lines(verdict: Verdict, lang: str) -> Iterator[str]:
    words, signed = WORDS[lang], verdict.checkpoint
    if not verdict.package:
        yield verdict.broken[0].as_dict(lang)["why"]
        return
    so_far, files = verdict.unchecked, ", ".join(verdict.unchecked)
    if verdict.broken:
        yield words["bad"].format(count=len(verdict.broken))
    else:
        yield words["good_so_far"].format(count=len(so_far), files=files) if so_far else words["good"]
    for one in verdict.broken:
        broken = one.as_dict(lang)
        yield "  ".join(part for part in ("✗", broken["file"], broken["place"], broken["why"]) if part)
    if signed.get("signed_by"):
        yield words["signed_list" if "signature" in verdict.steps else "signed"].format(
            size=signed["size"], name=signed["signed_by"], key=signed["key"]
        )
        if not verdict.key_given:
            yield words["own_key"]
    yield from (words["cosigned"].format_map(one) for one in signed.get("cosigned_by", ()))
    for stamp in verdict.timestamps:
        if stamp["ok"] is False:
            continue  # it is among what differs, or what it is over is
        yield words["unstamped" if stamp["ok"] is None else "stamped"].format_map(stamp)


def checked(
    path: Path, keys: Sequence[VerifierKey] = (), progress: Progress = lambda *_: None
) -> tuple[Verdict, int]:
    """The verdict on whatever is at `path`, a package or not, and the exit code it ends a command with."""
    try:
        verdict = check(path, keys, progress)
    except NoPackage:
        return Verdict([Broken(str(path), "", "no_package", {"path": str(path)})]), 1
    except OSError:
        return Verdict([Broken(str(path), "", "no_file", {"path": str(path)})]), 2
    return verdict, 1 if verdict.broken else 0


def read_keys(path: Path) -> list[VerifierKey]:
    """The public keys of a file, one a line; lines that begin with # say something else. Raises ValueError, OSError."""
    lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    keys = [VerifierKey.parse(line) for line in lines if line and not line.startswith("#")]
    if not any(key.kind != COSIGNATURE for key in keys):
        raise ValueError("no key of a log")
    return keys


def main(given: Sequence[str] | None = None) -> int:
    """The command line of this file."""
    parser = argparse.ArgumentParser(prog="verify.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", type=Path, metavar="PACKAGE")
    parser.add_argument("--key", type=Path)
    parser.add_argument("--json", action="store_true")
    asked, errors = parser.parse_args(given), language(file=sys.stderr)
    try:
        keys = read_keys(asked.key) if asked.key else []
    except (OSError, ValueError) as error:
        why = "no_file" if isinstance(error, OSError) else "no_key_file"
        tell(plain(WORDS[errors][why].format(path=asked.key)), sys.stderr)
        return 2
    verdict, code = checked(asked.package, keys)
    answer(verdict, as_json=asked.json)
    return code


def answer(verdict: Verdict, *, as_json: bool) -> None:
    """Print a verdict: for programs on standard output, for people there too, unless there was nothing to check."""
    file = sys.stdout if as_json or verdict.package else sys.stderr
    if not as_json:
        tell("\n".join(in_lines(verdict, language(file=file))), file)
        return
    said = json.dumps(verdict.as_dict(language()), ensure_ascii=False)
    tell(said if _writes(file, said) else json.dumps(verdict.as_dict(language())), file)


def tell(said: str, file: TextIO) -> None:
    """Print; characters the stream has not are replaced. Whoever reads may have read enough, as `| head -1` does: then nothing
    more is said, and what was found counts."""
    if not _writes(file, said):
        coding = file.encoding or "ascii"
        said = said.replace("✗", "x").encode(coding, "backslashreplace").decode(coding)
    try:
        print(said, file=file, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


if __name__ == "__main__":
    sys.exit(main())
