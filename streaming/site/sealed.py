"""The sealed evidence package on an opening's page: when and what was sealed, its digest, its place in the log, who
vouches for it and since when; read out of the package and of the seal in the ledger, nothing before the sealing."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from evidence.verify import Note, VerifierKey, stamped
from records.clock import BEIJING
from records.tables.evidence import LogHead, LogLeaf, Seal
from streaming.copies import Copies
from streaming.live.reading import Reader

RECORD = "record.pdf"
"""The opening record, signed, in a package; a machine without a Chinese font makes none."""
KEPT = 200
"""Packages whose card is held in memory."""
GROUP = 8
"""Digits of a digest that stand together."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Voucher:
    """Who vouches for the head over a seal: `kind` is ours, witness or stamp; the name is empty for ours and for a stamp."""

    kind: str
    name: str
    at: datetime


@dataclass(frozen=True)
class SealedPackage:
    """The evidence package of an opening as its page shows it; times are Beijing's."""

    sealed_at: datetime
    pieces: int
    events: int
    sha256: str
    """Of the zip; empty where the seal does not hold it."""
    number: int
    """Of the seal's leaf in the log, counted from 1."""
    checkpoint_at: datetime
    size: int
    """Leaves of the log at that checkpoint."""
    copies: int
    vouchers: tuple[Voucher, ...]
    bytes: int
    paper: bool
    """Whether the record is in it as a PDF."""

    @property
    def digest(self) -> str:
        """The zip's SHA-256 in groups, to be compared by eye."""
        return " ".join(self.sha256[at : at + GROUP] for at in range(0, len(self.sha256), GROUP))


class SealedPackages:
    """Reads the packages that were sealed, each once while it stays the same."""

    def __init__(self, reader: Reader, copies: Copies) -> None:
        self._reader, self._copies = reader, copies
        self._held: dict[tuple[object, ...], SealedPackage | None] = {}

    def path(self, opening: Mapping[str, Any] | None) -> Path | None:
        """Where the package of an opening lies that is served; None before it is sealed."""
        if opening is None or opening["state"] != "sealed":
            return None
        path = self._copies.paths(str(opening["id"]))[0]
        return path if path.is_file() else None

    async def of(self, opening: Mapping[str, Any] | None) -> SealedPackage | None:
        """What is told of an opening's package; None before it is sealed, and where the package cannot be read."""
        path = self.path(opening)
        if opening is None or path is None:
            return None
        sizes = [copy.stat().st_size for copy in self._copies.paths(str(opening["id"])) if copy.is_file()]
        key = (opening["id"], path.stat().st_mtime_ns, *sizes)
        if key not in self._held:
            if len(self._held) >= KEPT:
                self._held.clear()
            self._held[key] = await self._read(str(opening["id"]), path, sizes)
        return self._held[key]

    async def _read(self, opening: str, path: Path, sizes: list[int]) -> SealedPackage | None:
        found = await self._reader.ask(lambda session: _seal(session, opening))
        if found is None:
            return None
        try:
            return await asyncio.to_thread(_told, path, *found, sizes.count(sizes[0]))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            log.warning("evidence_package_not_read", opening=opening, error=type(error).__name__)
            return None


def record_pdf(path: Path) -> bytes | None:
    """The opening record as PDF out of a package; None where there is none in it. Raises OSError, BadZipFile."""
    with zipfile.ZipFile(path) as packed:
        return packed.read(RECORD) if RECORD in packed.namelist() else None


def _seal(session: Session, opening: str) -> tuple[Seal, LogLeaf, LogHead] | None:
    """The seal in the ledger, its leaf, and the signed head over it."""
    seal = session.get(Seal, opening)
    own = select(LogLeaf).where(LogLeaf.opening_id == opening, LogLeaf.kind == "seal")
    leaf = session.scalars(own).first()
    if seal is None or leaf is None:
        return None
    over = select(LogHead).where(LogHead.root == seal.head, LogHead.size > leaf.number).order_by(LogHead.size)
    head = session.scalars(over.limit(1)).first()
    return (seal, leaf, head) if head else None


def _told(path: Path, seal: Seal, leaf: LogLeaf, head: LogHead, copies: int) -> SealedPackage:
    with zipfile.ZipFile(path) as packed:
        vouchers = tuple(_vouchers(packed, head))
        paper = RECORD in packed.namelist()
    return SealedPackage(
        sealed_at=seal.sealed_at.astimezone(BEIJING), pieces=seal.segments, events=int((leaf.body or {})["events"]),
        sha256=seal.package_sha256 or "", number=leaf.number + 1, checkpoint_at=head.signed_at.astimezone(BEIJING), size=head.size,
        copies=copies, vouchers=vouchers, bytes=path.stat().st_size, paper=paper,
    )  # fmt: skip


def _vouchers(packed: zipfile.ZipFile, head: LogHead) -> Iterator[Voucher]:
    """This site, the witnesses whose cosignatures hold, the time stamp where it can be checked here and holds."""
    yield Voucher("ours", "", head.signed_at.astimezone(BEIJING))
    note = Note.parse(packed.read("checkpoint").decode())
    names = packed.namelist()
    for name in (one for one in names if one.startswith("keys/witness-")):
        key = VerifierKey.parse(packed.read(name).decode().strip())
        when = note.check(key)[1]
        if when is not None:
            yield Voucher("witness", key.name, datetime.fromtimestamp(when, BEIJING))
    if {"timestamps/1.tsr", "keys/timestamp-ca.pem"} <= set(names):
        roots = packed.read("keys/timestamp-ca.pem")
        at = stamped(packed.read("timestamps/1.tsr"), note.text.encode(), roots)["at"]
        if at:
            yield Voucher("stamp", "", datetime.fromisoformat(at))
