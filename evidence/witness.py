"""A witness: follows somebody else's log, keeps a copy of its own, and cosigns each head that goes on from the last one.

A log that was rewritten, or shown to others in another version, is refused, and both signed heads are kept: together
they prove it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evidence.checkpoint import Signer, cosign, signature_line
from evidence.files import write_whole
from evidence.merkle import Forked, TileFolder, Tiles
from evidence.verify import ED25519, Head, Note, VerifierKey, is_consistent

LONGEST = 20.0
"""Seconds a log may take to answer."""
LARGEST = 1 << 20
"""Bytes of one answer."""
STRIDE = 256 * 64
"""Leaves fetched at a time."""


FAILURES: Mapping[type[BaseException], str] = {
    socket.gaierror: "unknown_host",
    ConnectionRefusedError: "closed",
    TimeoutError: "silent",
    ssl.SSLError: "certificate",
}
"""How a connection fails → the reason that is told; anything else is `broken`."""


class Unreachable(Exception):
    """The log did not answer, or not as a log does; to be tried again. `why` is unknown_host, closed, silent, certificate,
    broken, no_log, no_head, status (with its number in `status`), no_checkpoint or incomplete."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.why, self.status = why, status

    @classmethod
    def of(cls, error: Exception) -> Unreachable:
        """Why a request failed."""
        if isinstance(error, urllib.error.HTTPError):
            return cls("no_log" if error.code == http.HTTPStatus.NOT_FOUND else "status", error.code)
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        return cls(next((why for kind, why in FAILURES.items() if isinstance(cause, kind)), "broken"))


def log_address(text: str) -> str:
    """The address of a log without a slash at its end. Raises ValueError where it is no http or https address."""
    parts = urllib.parse.urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("no address of a log")
    _ = parts.port  # raises where it is no number of a port
    return text.strip().rstrip("/")


class Refused(Exception):
    """The log is not what it was; `why` is shorter, rewritten, two_versions, wrong_signature or wrong_leaves."""

    def __init__(self, why: str, kept: Path | None = None) -> None:
        super().__init__(why)
        self.why, self.kept = why, kept


@dataclass(frozen=True)
class Seen:
    """What a look at the log found: its size now and before, and whether the log took the cosignature."""

    size: int
    before: int
    taken: bool

    @property
    def older(self) -> bool:
        """Whether the log shows a state that it had left behind."""
        return self.size < self.before


class Witness:
    """One witness of one log. `folder` holds the copy: tiles, the log's key, and the last head it cosigned."""

    def __init__(self, log: str, folder: Path, signer: Signer, key: VerifierKey | None = None) -> None:
        """`key`: the log's, as its operator published it; without it the one that the log shows first is kept for good."""
        self._log, self.folder, self._signer = log_address(log), folder, signer
        self.key = self._pinned(key)

    # -- what is kept -----------------------------------------------------------------------------

    def _pinned(self, given: VerifierKey | None) -> VerifierKey:
        path = self.folder / "log.vkey"
        if path.exists():
            held = VerifierKey.parse(path.read_text("utf-8"))
            if given is not None and given != held:
                raise Refused("other_key")
            return held
        key = given or self._first_key()
        write_whole(path, f"{key}\n".encode())
        return key

    def _first_key(self) -> VerifierKey:
        lines = self._get("keys").decode("utf-8", "replace").splitlines()
        try:
            return next(key for key in map(VerifierKey.parse, lines) if key.kind == ED25519)
        except (ValueError, StopIteration) as error:
            raise Unreachable("no_log") from error

    @property
    def note(self) -> str:
        """The last checkpoint that was cosigned; empty before the first."""
        path = self.folder / "checkpoint"
        return path.read_text("utf-8") if path.exists() else ""

    def _head(self) -> Head:
        return Head.parse(Note.parse(self.note).text) if self.note else Head(self.key.name, 0, b"")

    def _refuse(self, why: str, note: str) -> Refused:
        """Keep both heads, ours and the one that contradicts it."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path = self.folder / "refused" / f"{moment}.txt"
        write_whole(path, f"{self.note}\n{note}".encode())
        return Refused(why, path)

    # -- the look ---------------------------------------------------------------------------------

    def look(self) -> Seen:
        """Look at the log once; to a log that shows an older state nothing is sent. Raises Unreachable, Refused, OSError of
        the own disk."""
        text = self._newest()
        try:
            head, held = self._signed(text), self._head()
        except ValueError as error:
            raise Unreachable("no_checkpoint") from error
        if head.size <= held.size:
            self._compare(text, head)
            sends = head.size == held.size > 0
            return Seen(head.size, held.size, sends and self._send(text))
        self._follow(text, head, held)
        return Seen(head.size, held.size, self._send(text))

    def _newest(self) -> str:
        """The log's newest checkpoint; one that has just begun has none yet."""
        try:
            return self._get("checkpoint").decode("utf-8", "replace")
        except Unreachable as error:
            raise (Unreachable("no_head") if error.why == "no_log" else error) from error

    def _signed(self, text: str) -> Head:
        """The head of a checkpoint. Raises ValueError where it is none, Refused where the log's key has not signed it."""
        note = Note.parse(text)
        head = Head.parse(note.text)
        signed = note.check(self.key)[0]
        if not signed or head.origin != self.key.name:
            raise self._refuse("wrong_signature", text)
        return head

    def compare(self, text: str) -> Head:
        """Compare a checkpoint that was shown to somebody else with the own copy. Raises Refused where the log has shown
        two versions, LookupError where it is newer than the copy, ValueError where it is no checkpoint."""
        head = self._signed(text)
        if head.size > self._head().size:
            raise LookupError(head.size)
        self._compare(text, head)
        return head

    def _compare(self, text: str, head: Head) -> None:
        held = self._head()
        mine = (
            Tiles(TileFolder(self.folder, held.size).fetch, held.size).root(head.size) if held.size else None
        )
        if head.size and mine != head.root:
            raise self._refuse("two_versions", text)

    def _follow(self, text: str, head: Head, held: Head) -> None:
        """Take over what is new, once it is proved to go on from what is held; then keep the head."""
        tiles = Tiles(self._tile, head.size)
        try:
            if held.size and not is_consistent(
                held.size, held.root, head.size, head.root, tiles.consistency(held.size)
            ):
                raise self._refuse("rewritten", text)
            copy = TileFolder(self.folder, held.size)
            for first in range(held.size, head.size, STRIDE):
                copy.append(tiles.entries(first, min(head.size, first + STRIDE)))
            if copy.root() != head.root:
                raise self._refuse("wrong_leaves", text)
        except Forked as error:
            raise self._refuse("rewritten", text) from error
        except (ValueError, LookupError) as error:
            raise Unreachable("incomplete") from error
        copy.flush()
        write_whole(
            self.folder / "checkpoint", cosign(text, signature_line(self._signer, head.text)).encode()
        )

    def _send(self, text: str) -> bool:
        """Send the own cosignature; whether the log took it. One that stands in the log's note `text` is not sent again."""
        signed = Note.parse(self.note)
        if self._cosigned(text):
            return True
        line = signature_line(self._signer, signed.text)
        request = urllib.request.Request(
            f"{self._log}/add-cosignature", f"{signed.text}\n{line}".encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=LONGEST):
                return True
        except (OSError, http.client.HTTPException):
            return False

    def _cosigned(self, text: str) -> bool:
        try:
            return Note.parse(text).check(self._signer.verifier)[0]
        except ValueError:
            return False

    # -- the log over HTTP ------------------------------------------------------------------------

    def _get(self, path: str) -> bytes:
        try:
            with urllib.request.urlopen(f"{self._log}/{path}", timeout=LONGEST) as answer:
                raw: bytes = answer.read(LARGEST)
                return raw
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable.of(error) from error

    def _tile(self, path: str) -> bytes:
        try:
            return self._get(path)
        except Unreachable as error:
            raise LookupError(path) from error
