"""The Merkle tree of RFC 6962 kept as C2SP tlog-tiles: static files that only ever grow, and the proofs made of them.

A tile holds 256 hashes: those of leaves at level 0, of whole tiles of the level below above that. The last tile of a
level may be partial; a file of its own (`.p/<width>`) holds it for each size that was signed.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from evidence.files import write_whole
from evidence.verify import leaf_hash, node_hash

WIDTH, HEIGHT = 256, 8
HASH = 32
"""Bytes of a hash."""
EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""


class Forked(Exception):
    """A tile is there already, with other bytes: somebody has rewritten the log or what it is made of."""


def tile_path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Where a tile lies below the log's address; `level` is its number, or `entries` for the leaves themselves."""
    digits = f"{index:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{name}" + (f".p/{width}" if width < WIDTH else "")


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree over these leaf hashes (RFC 6962 §2.1)."""
    level = list(hashes)
    while len(level) > 1:
        pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0] if level else EMPTY


def widths(size: int) -> Iterable[tuple[int, int, int]]:
    """(level, index, width) of the partial tiles of a tree of `size` leaves."""
    level = 0
    while size:
        if size % WIDTH:
            yield level, size // WIDTH, size % WIDTH
        level, size = level + 1, size // WIDTH


Fetch = Callable[[str], bytes]
"""Address below the log's → the bytes there. Raises what it raises: OSError of a folder, an error of HTTP."""


class Tiles:
    """A tree of `size` leaves as its tiles tell it, wherever they lie: roots and proofs, by reading few tiles."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._tile = lru_cache(4096)(self._read)

    def _read(self, level: int, index: int) -> tuple[bytes, ...]:
        width = min(WIDTH, (self.size >> (HEIGHT * level)) - index * WIDTH)
        raw = self._either(level, index, width)
        if len(raw) < width * HASH:
            raise ValueError(f"tile {tile_path(level, index, width)}: {len(raw)} bytes")
        return tuple(raw[at : at + HASH] for at in range(0, width * HASH, HASH))

    def _either(self, level: int | str, index: int, width: int) -> bytes:
        """A partial tile, or the whole one that has taken its place."""
        try:
            return self._fetch(tile_path(level, index, width))
        except (OSError, LookupError):
            if width == WIDTH:
                raise
            return self._fetch(tile_path(level, index))

    def entries(self, first: int, last: int) -> list[bytes]:
        """The leaves themselves from `first` to before `last`."""
        found: list[bytes] = []
        for index in range(first // WIDTH, -(-last // WIDTH)):
            bundle = split(self._either("entries", index, min(WIDTH, self.size - index * WIDTH)))
            found += bundle[max(0, first - index * WIDTH) : last - index * WIDTH]
        return found

    def leaf(self, index: int) -> bytes:
        """Hash of a leaf."""
        return self._node(0, index)

    def _node(self, level: int, index: int) -> bytes:
        """Root of the whole subtree of 2^level leaves that is the index-th of its kind."""
        above, within = divmod(level, HEIGHT)
        place = index << within
        tile = self._tile(above, place // WIDTH)
        return fold(tile[place % WIDTH : place % WIDTH + (1 << within)])

    def _range(self, first: int, last: int) -> bytes:
        """MTH(D[first:last]); `first` is a multiple of the largest power of two below the length."""
        length = last - first
        if length & (length - 1) == 0:
            level = length.bit_length() - 1
            return self._node(level, first >> level)
        middle = first + _below(length)
        return node_hash(self._range(first, middle), self._range(middle, last))

    def root(self, size: int | None = None) -> bytes:
        """The root at `size` leaves (default: all)."""
        wanted = self.size if size is None else size
        return self._range(0, wanted) if wanted else EMPTY

    def inclusion(self, index: int) -> list[bytes]:
        """Proof that the leaf is in the tree (RFC 6962 §2.1.1). Raises IndexError outside it."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        path: list[bytes] = []
        first, last = 0, self.size
        while last - first > 1:
            middle = first + _below(last - first)
            if index < middle:
                path.append(self._range(middle, last))
                last = middle
            else:
                path.append(self._range(first, middle))
                first = middle
        return path[::-1]

    def consistency(self, first: int) -> list[bytes]:
        """Proof that the tree goes on from its first `first` leaves (RFC 6962 §2.1.2). Raises IndexError outside it."""
        if not 0 <= first <= self.size:
            raise IndexError(first)
        return self._consistency(first, 0, self.size, whole=True) if 0 < first < self.size else []

    def _consistency(self, wanted: int, first: int, last: int, whole: bool) -> list[bytes]:
        if wanted == last - first:
            return [] if whole else [self._range(first, last)]
        half = _below(last - first)
        if wanted <= half:
            return [*self._consistency(wanted, first, first + half, whole), self._range(first + half, last)]
        right = self._consistency(wanted - half, first + half, last, whole=False)
        return [*right, self._range(first, first + half)]


def _below(length: int) -> int:
    """The largest power of two below `length`, which is at least 2."""
    return 1 << (length - 1).bit_length() - 1


def bundle(entries: Iterable[bytes]) -> bytes:
    """Leaves as a file of entries: each after its length in two bytes."""
    return b"".join(struct.pack(">H", len(one)) + one for one in entries)


def split(raw: bytes) -> list[bytes]:
    """The leaves of a file of entries. Raises ValueError where it is torn."""
    found, at = [], 0
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 2], "big")
        if at + 2 + length > len(raw):
            raise ValueError("torn file of entries")
        found.append(raw[at + 2 : at + 2 + length])
        at += 2 + length
    return found


class TileFolder:
    """Writes the tiles of a growing tree into a folder. What is written stays: only partial tiles are removed, once the
    whole one is there. A killed writer goes on from the size that was signed last, over the very same bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        """`size`: leaves of the last signed head. Raises OSError or ValueError where tiles of that size are missing."""
        self.folder, self.size = folder, size
        self._pending: dict[str, bytes] = {}
        tiles = Tiles(self.fetch, size)
        self._edge = {level: list(tiles._read(level, index)) for level, index, _ in widths(size)}
        self._entries = tiles.entries(size - size % WIDTH, size)

    def fetch(self, path: str) -> bytes:
        """The bytes of a tile, whether it is written yet or not."""
        return self._pending[path] if path in self._pending else (self.folder / path).read_bytes()

    def append(self, entries: Iterable[bytes]) -> None:
        """Add leaves, in memory. Raises Forked where a whole tile is there with other bytes."""
        for one in entries:
            self._entries.append(one)
            if len(self._entries) == WIDTH:
                self._write("entries", self.size // WIDTH, bundle(self._entries))
                self._entries = []
            self._push(0, leaf_hash(one), self.size)
            self.size += 1

    def _push(self, level: int, hashed: bytes, place: int) -> None:
        edge = self._edge.setdefault(level, [])
        edge.append(hashed)
        if len(edge) == WIDTH:
            self._write(level, place // WIDTH, b"".join(edge))
            self._edge[level] = []
            self._push(level + 1, fold(edge), place // WIDTH)

    def root(self) -> bytes:
        """The root at the present size; nothing is written."""
        for level, index, width in widths(self.size):
            self._write(level, index, b"".join(self._edge[level]), width)
        if self._entries:
            self._write("entries", self.size // WIDTH, bundle(self._entries), len(self._entries))
        return Tiles(self.fetch, self.size).root()

    def flush(self) -> bytes:
        """Write the tiles for the present size; all of it is on the disk when this returns. Gives the root."""
        root = self.root()
        for name, raw in self._pending.items():
            path = self.folder / name
            write_whole(path, raw)
            if ".p/" not in name:
                shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
        self._pending = {}
        return root

    def _write(self, level: int | str, index: int, raw: bytes, width: int = WIDTH) -> None:
        name = tile_path(level, index, width)
        path = self.folder / name
        if not path.exists():
            self._pending[name] = raw
        elif path.read_bytes() != raw:
            raise Forked(name)
