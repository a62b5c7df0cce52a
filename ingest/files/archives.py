"""Contents of an imported file: the file itself, what a packed stream holds, or the members of an archive.

Nothing is believed of an archive. What swells beyond measure when it is unpacked is refused, and the rest read.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any, cast

from ingest.files.damage import damage
from messages import Fault, Message

RATIO = 200
"""Bytes unpacked for each packed byte; data of offices stays far below."""
HARMLESS = 16 << 20
"""Below this size a high ratio does no harm."""
MEMBERS = 10_000
DAMAGES = (EOFError, zlib.error, zipfile.BadZipFile)
"""What a packed stream raises where it breaks off or is broken."""
_FRAMES = re.compile("[\u2500-\u259f]")
_PACKED = (".zip", ".rar", ".7z", ".tar", ".tgz", ".bz2", ".xz")


class Swollen(Fault, OSError):
    """What is unpacked is out of all proportion to what was packed, or too much to be read."""


@dataclass(frozen=True)
class Part:
    """One file in a file: its name, and its bytes or (None) why it is not read."""

    name: str
    file: IO[bytes] | None
    reason: Message | None = None
    member: str | None = None
    """Its name in the archive it came in."""


def parts(
    name: str, file: IO[bytes], order: Callable[[str], int], wanted: Callable[[str], bool]
) -> Iterator[Part]:
    """The files in a file, each open until the next is asked for.

    `order`: name → where it comes; `wanted`: whether a member of that name is any of ours. What an archive holds
    beside is told in one part at the end. Raises OSError, EOFError and zipfile.BadZipFile for what breaks it off.
    """
    if name.lower().endswith(".zip"):
        yield from _members(file, order, wanted)
        return
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    with ExitStack() as stack:
        yield Part(_bare(name), _unpacked(file, stack) if packed else file)


def _bare(name: str) -> str:
    return name[:-3] if name.lower().endswith(".gz") else name


def _unpacked(file: IO[bytes], stack: ExitStack) -> IO[bytes]:
    plain = stack.enter_context(gzip.GzipFile(fileobj=file))
    return cast(IO[bytes], UntilDamage(_Measured(plain, file.tell), 1 << 20))


class UntilDamage(io.BufferedReader):
    """A reader that gives every byte that comes before a damage, and only then tells of it.

    Python's own loses what the same call has read before: of a small file that was cut off, everything.
    """

    raw: _Measured

    def _or_damage(self, data: bytes) -> bytes:
        if not data and self.raw.damage is not None:
            raise self.raw.damage
        return data

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file; raises what the packed stream raises once all before it is read."""
        return self._or_damage(super().read(size))

    def read1(self, size: int = -1, /) -> bytes:
        """As `read`, with one look at the packed stream at most."""
        return self._or_damage(super().read1(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        """As `read`; before a damage the last line may be cut."""
        return self._or_damage(super().readline(size))


class _Measured(io.RawIOBase):
    """What is unpacked, counted against what was read for it."""

    def __init__(self, plain: io.BufferedIOBase, packed: Callable[[], int]) -> None:
        self._plain, self._packed, self._count = plain, packed, 0
        self.damage: Exception | None = None
        """Why there is no more, if that is not the end; held until all that came before is read."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """To the start only: a packed stream knows no other place."""
        self._count, self.damage = self._plain.seek(offset, whence), None
        return self._count

    def tell(self) -> int:
        return self._count

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._plain.read1(len(buffer)) if self.damage is None else b""
        except DAMAGES as error:
            data, self.damage = b"", error
        self._count += len(data)
        if self._count > max(HARMLESS, self._packed() * RATIO):
            raise Swollen(_swollen())
        buffer[: len(data)] = data
        return len(data)


def _swollen() -> Message:
    return Message("files.swollen", ratio=RATIO)


# ── zip ──────────────────────────────────────────────────────────────────────


def check(file: IO[bytes]) -> None:
    """Refuse an archive of too many members before its list is read; raises Swollen."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    count = struct.unpack("<H", tail[at + 10 : at + 12])[0] if 0 <= at <= len(tail) - 12 else 0
    if count > MEMBERS:
        raise Swollen(Message("files.too_many_members", most=MEMBERS))


def check_member(member: zipfile.ZipInfo) -> None:
    """Refuse a member that swells; its stated size is a bound, no more than that is unpacked. Raises Swollen."""
    if member.file_size > max(HARMLESS, member.compress_size * RATIO):
        raise Swollen(_swollen())


def _members(file: IO[bytes], order: Callable[[str], int], wanted: Callable[[str], bool]) -> Iterator[Part]:
    check(file)
    with zipfile.ZipFile(file) as archive:
        found = [(meant_name(member), member) for member in archive.infolist() if not member.is_dir()]
        found = [(name, member) for name, member in found if not _noise(name)]
        ours = [(name, member) for name, member in found if wanted(name) or _packing(name)]
        for name, member in sorted(ours, key=lambda pair: (order(pair[0]), pair[0])):
            with ExitStack() as stack:
                yield _member(archive, name, member, stack)
        rest = [name for name, _ in found if not wanted(name) and not _packing(name)]
    if rest:
        yield Part("\n".join(rest[:50]), None, Message("files.members_unread", count=len(rest)))


def _member(archive: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, stack: ExitStack) -> Part:
    if _packing(name):
        return Part(name, None, Message("files.archive_in_archive"), name)
    if member.flag_bits & 1:
        return Part(name, None, Message("files.archive_password"), name)
    try:
        check_member(member)
        opened = cast(io.BufferedIOBase, stack.enter_context(archive.open(member)))
        plain = cast(IO[bytes], UntilDamage(_Measured(opened, lambda: member.compress_size), 1 << 20))
        if name.lower().endswith(".gz"):
            plain = _unpacked(plain, stack)
        if name.lower().endswith((".xlsx", ".xlsm")):
            plain = _spooled(plain, stack)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        return Part(name, None, Message("files.not_unpacked", why=damage(error)), name)
    return Part(_bare(name), plain, member=name)


def _spooled(plain: IO[bytes], stack: ExitStack) -> IO[bytes]:
    """A workbook is an archive itself and is read here and there: a packed stream is too slow for that."""
    kept = stack.enter_context(tempfile.SpooledTemporaryFile(64 << 20))  # noqa: SIM115 — the stack closes it
    while chunk := plain.read(1 << 20):
        kept.write(chunk)
    kept.seek(0)
    return cast(IO[bytes], kept)


def meant_name(member: zipfile.ZipInfo) -> str:
    """The name of a member as it was meant: without the mark for UTF-8 Chinese systems write GB18030.

    Frames and blocks in a marked name tell that a program has read it so before, and marked the nonsense.
    """
    name = member.filename
    if name.isascii() or (member.flag_bits & 0x800 and not _FRAMES.search(name)):
        return name
    try:
        raw = name.encode("cp437")
    except UnicodeEncodeError:
        return name
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name


def _packing(name: str) -> bool:
    return name.lower().endswith(_PACKED)


def _noise(name: str) -> bool:
    """What systems and programs leave beside files."""
    path = PurePosixPath(name)
    return path.parts[:1] == ("__MACOSX",) or path.name.startswith((".", "~$"))
