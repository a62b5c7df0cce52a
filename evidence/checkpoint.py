"""Keys and signed heads of the log: C2SP signed notes, checkpoints and cosignatures of witnesses, signed with Ed25519.

Checking them is in `evidence.verify`, which runs alone. `Signer` is what another algorithm (SM2 with SM3) has to offer.
"""

from __future__ import annotations

import base64
import secrets
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.files import write_whole
from evidence.verify import COSIGNATURE, ED25519, Head, Note, VerifierKey, cosigned, key_id

_PREFIX = "PRIVATE+KEY"


class Signer(Protocol):
    """A key that signs notes."""

    @property
    def algorithm(self) -> str:
        """Its name: Ed25519."""
        ...

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, text: str) -> bytes:
        """The signature of a note's text, without the four bytes of the key's id."""
        ...


@dataclass(frozen=True)
class Ed25519Signer:
    """An Ed25519 key under a name; `kind` tells a log's key from a witness'."""

    name: str
    kind: int
    seed: bytes
    algorithm: str = "Ed25519"

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.kind, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """The signature; a witness' holds the time it was made."""
        if self.kind == COSIGNATURE:
            when = int(time.time())
            return struct.pack(">Q", when) + self._key.sign(cosigned(when, text.encode()))
        return self._key.sign(text.encode())

    def __str__(self) -> str:
        """As Go's note package writes a private key."""
        public = self.verifier
        ident = key_id(self.name, self.kind, public.public).hex()
        return f"{_PREFIX}+{self.name}+{ident}+{base64.b64encode(bytes([self.kind]) + self.seed).decode()}"

    @classmethod
    def parse(cls, text: str) -> Ed25519Signer:
        """Raises ValueError."""
        start, rest = text.strip()[: len(_PREFIX)], text.strip()[len(_PREFIX) + 1 :]
        parts = rest.split("+", 2)
        if start != _PREFIX or len(parts) != 3:
            raise ValueError("no private key of a note")
        raw = base64.b64decode(parts[2], validate=True)
        key = cls(parts[0], raw[0], raw[1:])
        if key.kind not in (ED25519, COSIGNATURE) or len(key.seed) != 32 or key.verifier.id.hex() != parts[1]:
            raise ValueError("no private key of a note")
        return key


def load_or_make(path: Path, name: str, kind: int) -> Ed25519Signer:
    """The key in a file, made on first use for its owner's eyes only; one that is there keeps its name.

    Raises ValueError where the file holds no key, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        made = Ed25519Signer(name, kind, secrets.token_bytes(32))
        write_whole(path, f"{made}\n".encode(), once=True, private=True)
    return Ed25519Signer.parse(path.read_text())


def signature_line(signer: Signer, text: str) -> str:
    """One line of signature under a note."""
    key = signer.verifier
    return f"— {key.name} {base64.b64encode(key.id + signer.sign(text)).decode()}\n"


def sign(signer: Signer, head: Head) -> str:
    """A checkpoint: the head, signed."""
    return f"{head.text}\n{signature_line(signer, head.text)}"


def cosign(note: str, line: str) -> str:
    """The note with one more line of signature; one of the same key is replaced."""
    text, _gap, lines = note.rpartition("\n\n")
    mine = Note.parse(f"{text}\n\n{line}").signatures[0][:2]
    kept = [
        one for one in lines.splitlines(keepends=True) if Note.parse(f"x\n\n{one}").signatures[0][:2] != mine
    ]
    return f"{text}\n\n{''.join(kept)}{line}"
