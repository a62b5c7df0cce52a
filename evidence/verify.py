"""Every formula of evidence whose result is checked: canonical JSON, hash chain, RFC 6962 hashes, signed notes.

Who makes evidence and who checks it share this one definition; it needs Python 3.11 or newer and `cryptography`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
        key = cls(name, raw[0], raw[1:])
        if not name or key.kind not in ALGORITHMS or key.id.hex() != said:
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
            or len(hashed := base64.b64decode(root, validate=True)) != 32
        ):
            raise ValueError("no checkpoint")
        return cls(origin, int(size), hashed)

    @property
    def text(self) -> str:
        """As a checkpoint says it."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"
