"""Keeps the log: its key, its files, its signed heads and the witnesses' cosignatures under them.

The ledger holds the leaves and their order; the files follow from it. A head is signed in this order: tiles on the
disk, the head in the ledger, the checkpoint in its place. So a kill at any moment leaves the log as it was last signed.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence import checkpoint
from evidence.files import write_whole
from evidence.merkle import Forked, TileFolder, Tiles
from evidence.verify import COSIGNATURE, ED25519, Head, Note, VerifierKey, entry
from messages import Invalid, Message
from records.clock import now, rfc3339, to_the_second
from records.ledger import Ledger
from records.tables.evidence import LogHead, LogLeaf

KEY_FILE = Path("keys") / "log.key"
RECENT = 32
"""Signed heads to which cosignatures are still taken."""
ASTRAY = timedelta(minutes=5)
"""So far a witness' clock may be from this one's."""

log = structlog.get_logger()


class Refused(Invalid):
    """A cosignature that is not taken; `status` is that of the answer."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Vouched:
    """What a witness last vouched for."""

    name: str
    size: int
    at: datetime


class Keeper:
    """The one writer of the log. Every method may be called from any thread."""

    def __init__(
        self, ledger: Ledger, data_dir: Path, origin: str, witnesses: Sequence[VerifierKey] = ()
    ) -> None:
        """`origin`: the log's name where it has no key yet; a log that is there keeps its own."""
        self._ledger, self.folder = ledger, data_dir / "log"
        self.signer: checkpoint.Signer = checkpoint.load_or_make(data_dir / KEY_FILE, origin, ED25519)
        self.witnesses = {key.name: key for key in witnesses if key.kind == COSIGNATURE}
        self._lock = threading.RLock()
        self._notes: OrderedDict[int, str] = OrderedDict()
        self._tiles: TileFolder | None = None
        self.trouble: Message | None = None
        """Why nothing is signed any more; None while all is well."""
        self.vouched: dict[str, Vouched] = {}
        """Name of a witness → its last cosignature."""
        self.signed_at: datetime | None = None

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint"

    @property
    def _cosigners(self) -> Path:
        return self.folder / ".cosigners.json"

    @property
    def head(self) -> Head | None:
        """The newest signed head."""
        return Head.parse(Note.parse(self.note).text) if self.note else None

    @property
    def note(self) -> str:
        """The newest checkpoint with its cosignatures; empty before the first."""
        return next(reversed(self._notes.values()), "")

    def open(self) -> None:
        """Take up the log where it was last signed. Sets `trouble` where its files or the ledger are not what was signed."""
        with self._lock:
            text = self._checkpoint.read_text("utf-8") if self._checkpoint.exists() else ""
            head = Head.parse(Note.parse(text).text) if text else Head(self.signer.verifier.name, 0, b"")
            try:
                self._tiles = TileFolder(self.folder, head.size)
                self._compare(text, head)
            except (OSError, ValueError, Forked) as error:
                log.error("evidence_log_damaged", error=str(error)[:200])
                self.trouble = Message("evidence.damaged", error=str(error)[:200])
            if text:
                self._notes[head.size] = text
                self.signed_at = datetime.fromtimestamp(self._checkpoint.stat().st_mtime).astimezone()
            self._recall()

    def _compare(self, text: str, head: Head) -> None:
        """Raise ValueError where the files or the ledger hold another log than the one that was signed."""
        assert self._tiles is not None
        if not text:
            return
        if not Note.parse(text).check(self.signer.verifier)[0]:
            raise ValueError("checkpoint signed by another key")
        if Tiles(self._tiles.fetch, head.size).root() != head.root:
            raise ValueError("tiles do not lead to the signed root")
        with self._ledger.read() as session:
            last = session.get(LogLeaf, head.size - 1)
            held = Tiles(self._tiles.fetch, head.size).entries(head.size - 1, head.size) if head.size else []
            if head.size and (last is None or entry(last.leaf) != held[0]):
                raise ValueError("the ledger is older than the log")

    def _recall(self) -> None:
        held = json.loads(self._cosigners.read_text("utf-8")) if self._cosigners.exists() else {}
        self.vouched = {
            name: Vouched(name, head["size"], datetime.fromisoformat(head["at"]))
            for name, head in held.items()
        }

    # -- signing ----------------------------------------------------------------------------------

    def sign(self) -> bool:
        """Sign the log as the ledger has it now, if it has grown; gives whether it was signed."""
        with self._lock:
            if self.trouble or self._tiles is None:
                return False
            try:
                return self._sign(self._tiles)
            except Forked as error:
                self.trouble = Message("evidence.damaged", error=str(error))
                log.error("evidence_log_forked", tile=str(error))
                return False

    def _sign(self, tiles: TileFolder) -> bool:
        with self._ledger.read() as session:
            query = select(LogLeaf.leaf).where(LogLeaf.number >= tiles.size).order_by(LogLeaf.number)
            tiles.append(entry(leaf) for leaf in session.scalars(query.execution_options(yield_per=1000)))
        if tiles.size == next(reversed(self._notes), 0):
            return False
        head = Head(self.signer.verifier.name, tiles.size, tiles.flush())
        note = checkpoint.sign(self.signer, head)
        with self._ledger.write() as session:
            session.merge(LogHead(size=head.size, root=head.root.hex(), note=note, signed_at=now()))
        self._keep(head.size, note)
        self.signed_at = now()
        return True

    def _keep(self, size: int, note: str) -> None:
        self._notes[size] = note
        while len(self._notes) > RECENT:
            self._notes.popitem(last=False)
        if size == next(reversed(self._notes)):
            write_whole(self._checkpoint, note.encode())

    def note_of(self, size: int) -> str | None:
        """The checkpoint of a size with the cosignatures it has by now; None where it is held no longer."""
        return self._notes.get(size)

    def head_root(self, size: int) -> str:
        """Root of the log at a size that was signed, as hexadecimal digits."""
        return self.tiles(size).root().hex()

    def tiles(self, size: int) -> Tiles:
        """The tree at a size that was signed."""
        assert self._tiles is not None
        return Tiles(self._tiles.fetch, size)

    def first_head(self, session: Session, number: int) -> str:
        """The first checkpoint that holds a leaf. Raises LookupError where none does yet."""
        query = select(LogHead.note).where(LogHead.size > number).order_by(LogHead.size).limit(1)
        found = session.scalar(query)
        if found is None:
            raise LookupError(number)
        return found

    # -- witnesses --------------------------------------------------------------------------------

    def add_cosignature(self, text: str) -> Vouched:
        """Take a checkpoint that a witness has cosigned. Raises Refused."""
        try:
            note = Note.parse(text)
            head = Head.parse(note.text)
        except ValueError:
            raise Refused(400, Message("evidence.no_note")) from None
        with self._lock:
            held = self._notes.get(head.size)
            if held is None or Note.parse(held).text != note.text:
                raise Refused(409, Message("evidence.other_head", size=str(next(reversed(self._notes), 0))))
            for key in self.witnesses.values():
                if (when := _signed(note, key)) is not None:
                    return self._vouch(key, note, held, head, self._moment(head, when))
        raise Refused(403, Message("evidence.unknown_witness"))

    def _moment(self, head: Head, when: int) -> datetime:
        """The time in a cosignature, `when` in seconds since 1970. Raises Refused where a witness that saw this head cannot
        have signed then: before there was the head, or later than now."""
        with self._ledger.read() as session:
            row = session.get(LogHead, head.size)
        at, earliest = now(), row.signed_at if row else None
        if when > (at + ASTRAY).timestamp():
            raise Refused(400, Message("evidence.cosigned_ahead", now=to_the_second(at)))
        if earliest and when < (earliest - ASTRAY).timestamp():
            raise Refused(
                400, Message("evidence.cosigned_before", begun=to_the_second(earliest), now=to_the_second(at))
            )
        return datetime.fromtimestamp(when).astimezone()

    def _vouch(self, key: VerifierKey, note: Note, held: str, head: Head, at: datetime) -> Vouched:
        line = next(line for line in _lines(note) if line.startswith(f"— {key.name} "))
        self._keep(head.size, checkpoint.cosign(held, line))
        found = Vouched(key.name, head.size, at)
        self.vouched[key.name] = found
        heads = {name: {"size": one.size, "at": one.at.isoformat()} for name, one in self.vouched.items()}
        write_whole(self._cosigners, json.dumps(heads).encode())
        log.info("evidence_cosigned", witness=key.name, size=head.size)
        return found

    def cosigned(self, size: int) -> int:
        """How many witnesses have cosigned a head."""
        note = self._notes.get(size)
        return (
            sum(_signed(Note.parse(note), key) is not None for key in self.witnesses.values()) if note else 0
        )

    def keys(self) -> str:
        """The public keys: the log's, and those of the witnesses it takes, one a line."""
        return "".join(f"{key}\n" for key in (self.signer.verifier, *self.witnesses.values()))

    def signed(self) -> dict[str, Any]:
        """The newest signed head in short: its size, when it was signed, how many of the witnesses cosigned it."""
        head, at = self.head, self.signed_at
        return {
            "size": head.size if head else 0, "at": rfc3339(at),
            "cosigned": self.cosigned(head.size) if head else 0, "witnesses": len(self.witnesses),
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        """The log as the page shows it."""
        head = self.head
        return {
            "origin": self.signer.verifier.name, "key": str(self.signer.verifier), "size": head.size if head else 0,
            "root": head.root.hex() if head else "", "at": self.signed_at,
            "witnesses": [(name, self.vouched.get(name)) for name in self.witnesses],
        }  # fmt: skip


def _signed(note: Note, key: VerifierKey) -> int | None:
    """When that witness signed; None where it did not, or wrongly."""
    try:
        return note.check(key)[1]
    except ValueError:
        return None


def _lines(note: Note) -> list[str]:
    """The lines of signature, as they are written."""
    from base64 import b64encode

    return [
        f"— {name} {b64encode(ident + signature).decode()}\n" for name, ident, signature in note.signatures
    ]
