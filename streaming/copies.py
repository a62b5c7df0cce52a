"""The two copies of every evidence package: in the data folder, and in the archive; either mends the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from evidence import package
from records.ledger import Ledger
from records.tables.evidence import Seal

log = structlog.get_logger()


def stem(opening_id: str) -> str:
    """The name of an opening's package; a digest, so that no id can reach outside the folder."""
    return hashlib.sha256(opening_id.encode()).hexdigest()[:32]


class Copies:
    """Where the packages lie. `archive`: the folder of the second copies, None where there are none."""

    def __init__(self, data_dir: Path, archive: Path | None) -> None:
        self._folder, self._archive = data_dir / "evidence", archive
        self._seen: dict[str, tuple[tuple[int, int] | None, ...]] = {}
        """Opening → (size, mtime) of each copy when they were last found the same."""

    def folder(self, opening_id: str) -> Path:
        """Where a package is put together."""
        return self._folder / f"{stem(opening_id)}.part"

    def paths(self, opening_id: str) -> list[Path]:
        """Its copies, the one that is served first."""
        name = f"{stem(opening_id)}.zip"
        return [self._folder / name, *([self._archive / name] if self._archive else [])]

    def make(self, opening_id: str, folder: Path, sources: Sequence[package.Source]) -> str:
        """Write both copies, the second read back; gives their SHA-256. Raises OSError where the second is not the first."""
        served, *others = self.paths(opening_id)
        sha256 = package.zipped(served, folder, sources)
        for other in others:
            if package.copied(served, other) != sha256:
                raise OSError(f"{other.name}: the second copy does not read back as it was written")
        return sha256

    def mend(self, opening_id: str, sha256: str) -> None:
        """Restore a copy that is missing or was changed from the one that is whole. They are read only where one is
        missing, they differ in size, or one was written since they were compared last."""
        paths = self.paths(opening_id)
        states, seen = tuple(_state(path) for path in paths), self._seen.get(opening_id)
        alike = all(states) and len({state[0] for state in states if state}) == 1
        if states == seen or (seen is None and alike):
            self._seen[opening_id] = states
            return
        good = [path for path in paths if _state(path) and package.file_digest(path) == sha256]
        for path in paths:
            if good and path not in good:
                restored = package.copied(good[0], path) == sha256
                log.warning(
                    "evidence_copy_restored", opening=opening_id, copy=path.parent.name, whole=restored
                )
        if not good and any(states):
            log.error("evidence_copies_damaged", opening=opening_id)
        self._seen[opening_id] = tuple(_state(path) for path in paths)


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def same_everywhere(ledger: Ledger, copies: Copies) -> None:
    """Mend the copies of every package that was sealed."""
    try:
        with ledger.read() as session:
            sealed = [(seal.opening_id, seal.package_sha256) for seal in session.scalars(select(Seal))]
        for opening_id, sha256 in sealed:
            if sha256:
                copies.mend(opening_id, sha256)
    except (OSError, SQLAlchemyError) as error:
        log.warning("evidence_copies_not_compared", error=type(error).__name__)
