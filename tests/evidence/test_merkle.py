"""The tree of RFC 6962: its known vectors, proofs of all sizes, tiles that survive a killed writer."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.merkle import EMPTY, WIDTH, Forked, TileFolder, Tiles, bundle, fold, split, tile_path
from evidence.verify import is_consistent, leaf_hash, root_by_inclusion

LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Roots of the first 1, 2 … 8 leaves: the reference vectors of Certificate Transparency."""
PATHS = {
    (0, 8): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"],
    (5, 8): ["bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
}  # fmt: skip
"""(index, size) → inclusion proof, of the same vectors."""


def hashed(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TileFolder:
    made = TileFolder(tmp_path_factory.mktemp("log"), 0)
    for number in range(700):
        made.append([hashed(number)])
        made.flush()
    return made


def test_known_vectors(tmp_path: Path) -> None:
    made = TileFolder(tmp_path, 0)
    assert made.flush() == EMPTY == hashlib.sha256(b"").digest()
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        made.append([leaf])
        assert made.flush().hex() == root
    for (index, size), path in PATHS.items():
        assert [one.hex() for one in Tiles(made.fetch, size).inclusion(index)] == path


def test_names_of_tiles() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path("entries", 7, 112) == "tile/entries/007.p/112"
    assert tile_path(2, 1000) == "tile/2/x001/000"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_every_leaf_is_proved_and_no_other(folder: TileFolder, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, folder.size))
    index = data.draw(st.integers(0, size - 1))
    tiles = Tiles(folder.fetch, size)
    path, root = tiles.inclusion(index), tiles.root()
    assert root == fold([leaf_hash(hashed(one)) for one in range(size)])
    assert root_by_inclusion(index, size, leaf_hash(hashed(index)), path) == root
    other = data.draw(st.integers(0, folder.size).filter(lambda n: n != index))
    assert root_by_inclusion(index, size, leaf_hash(hashed(other)), path) != root
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        wrong = [*path[:at], bytes(32), *path[at + 1 :]]
        assert root_by_inclusion(index, size, leaf_hash(hashed(index)), wrong) != root
    for short in (path[:-1], [*path, bytes(32)]):
        if short != path:
            with pytest.raises(ValueError, match="proof too"):
                root_by_inclusion(index, size, leaf_hash(hashed(index)), short)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_growth_is_proved_and_rewriting_is_not(folder: TileFolder, data: st.DataObject) -> None:
    second = data.draw(st.integers(1, folder.size))
    first = data.draw(st.integers(1, second))
    tiles = Tiles(folder.fetch, second)
    path, old, new = tiles.consistency(first), tiles.root(first), tiles.root()
    assert is_consistent(first, old, second, new, path)
    assert not is_consistent(first, bytes(32), second, new, path)
    assert not is_consistent(first, old, second, bytes(32), path)
    assert not is_consistent(first, old, second, new, [*path, bytes(32)])
    for at in range(len(path)):
        assert not is_consistent(first, old, second, new, [*path[:at], bytes(32), *path[at + 1 :]])
        assert not is_consistent(first, old, second, new, [*path[:at], *path[at + 1 :]])


def test_an_empty_tree_goes_on_to_any() -> None:
    assert is_consistent(0, EMPTY, 5, bytes(32), [])
    assert not is_consistent(0, bytes(32), 5, bytes(32), []) and not is_consistent(6, EMPTY, 5, EMPTY, [])


def test_entries_come_back(folder: TileFolder) -> None:
    tiles = Tiles(folder.fetch, folder.size)
    assert tiles.entries(0, folder.size) == [hashed(one) for one in range(folder.size)]
    assert tiles.entries(250, 260) == [hashed(one) for one in range(250, 260)]
    assert split(bundle([b"a", b""])) == [b"a", b""]
    with pytest.raises(ValueError, match="torn"):
        split(b"\0\5abc")


def test_partial_tiles_go_once_the_whole_one_is_there(folder: TileFolder) -> None:
    assert (folder.folder / "tile/0/000").stat().st_size == WIDTH * 32
    assert not (folder.folder / "tile/0/000.p").exists()
    assert Tiles(folder.fetch, 100).root() == fold([leaf_hash(hashed(one)) for one in range(100)]), (
        "a reader of an old size finds the whole tile"
    )


@given(st.integers(0, 700))
@settings(deadline=None, max_examples=40)
def test_a_writer_goes_on_from_any_size(folder: TileFolder, size: int) -> None:
    again = TileFolder(folder.folder, size)
    again.append(hashed(one) for one in range(again.size, folder.size))
    assert again.flush() == Tiles(folder.fetch, folder.size).root()


def test_other_leaves_in_the_same_place_are_refused(folder: TileFolder) -> None:
    again = TileFolder(folder.folder, 7)
    again.append(bytes(32) for _ in range(7))
    with pytest.raises(Forked, match=r"tile/0/000|tile/entries/000"):
        again.append(bytes(32) for _ in range(300))


WRITER = """
import hashlib, sys
from pathlib import Path
from evidence.files import write_whole
from evidence.merkle import TileFolder
folder = Path(sys.argv[1])
signed = folder / "signed"
made = TileFolder(folder, int(signed.read_text()) if signed.exists() else 0)
print("on", flush=True)
while True:
    made.append(hashlib.sha256(str(n).encode()).digest() for n in range(made.size, made.size + 37))
    made.flush()
    write_whole(signed, str(made.size).encode())
"""


def test_a_killed_writer_leaves_a_log_that_goes_on(tmp_path: Path) -> None:
    for delay in (0.0, 0.01, 0.03, 0.05, 0.08, 0.12):
        process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        signed = tmp_path / "signed"
        size = int(signed.read_text()) if signed.exists() else 0
        tiles = Tiles(TileFolder(tmp_path, size).fetch, size)
        assert tiles.root() == fold([leaf_hash(hashed(one)) for one in range(size)])
    assert size > 37
