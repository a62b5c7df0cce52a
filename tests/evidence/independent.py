"""The log read by another implementation of C2SP tlog-tiles, `aics-tlog`, which needs Python 3.12 or newer.

Run as a program it asks for the log's files by their paths, one a line, and gets each as its length and its bytes (-1:
there is none); the first line that it is told is the log's key, its last word `size N` or what is wrong. `read` finds a
Python that is new enough, gives it the packages of the lock and answers it: whatever Python runs the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

OLDEST = (3, 12)
"""The first Python for which `aics-tlog` is made."""
PACKAGES = ("aics-tlog", "cryptography", "cffi", "pycparser")
LOCK = Path(__file__).parents[2] / "requirements.lock"


def interpreter() -> str | None:
    """A Python of this machine that is new enough: the one that runs, one on the path, one that pyenv keeps."""
    if sys.version_info >= OLDEST:
        return sys.executable
    names = (f"python3.{minor}" for minor in range(OLDEST[1], OLDEST[1] + 4))
    kept = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob("versions/3.*/bin/python")
    good = [str(path) for path in kept if _version(path.parts[-3]) >= OLDEST]
    return next((found for name in names if (found := shutil.which(name)) and _works(found)), None) or next(
        filter(_works, sorted(good)), None
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _works(python: str) -> bool:
    """A name on the path may be a shim for a version that is not there, and a system's Python may come without pip."""
    return subprocess.run([python, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def install(python: str, folder: Path) -> None:
    """Put `aics-tlog` and what it needs into a folder, for that Python, from the hashed lock."""
    blocks = re.findall(
        r"^([a-z0-9-]+)(==[^ \n]+)[^\n]*((?:\n    --hash\S+(?: \\)?)+)", LOCK.read_text(), re.MULTILINE
    )
    wanted = [f"{name}{version} \\{hashes}" for name, version, hashes in blocks if name in PACKAGES]
    assert len(wanted) == len(PACKAGES), [text.split()[0] for text in wanted]
    listed = folder / "wanted.txt"
    folder.mkdir(parents=True, exist_ok=True)
    listed.write_text("\n".join(wanted) + "\n")
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--target", str(folder), "--only-binary", ":all:", "--no-deps",
         "--require-hashes", "-r", str(listed)], check=True,
    )  # fmt: skip


def read(python: str, packages: Path, fetch: Callable[[str], bytes | None], key: str) -> int:
    """Let that Python check the signature, every tile and every entry; the size of the log. AssertionError with what it
    says where it does not accept the log."""
    asked = subprocess.Popen(
        [python, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(packages)},
    )  # fmt: skip
    assert asked.stdin is not None and asked.stdout is not None
    with asked, asked.stdin as to, asked.stdout as back:
        to.write(key.encode() + b"\n")
        to.flush()
        for line in back:
            path = line.decode().strip()
            if found := re.fullmatch(r"size (\d+)", path):
                return int(found[1])
            assert not path.startswith("refused "), path
            body = fetch(path)
            to.write(b"-1\n" if body is None else b"%d\n" % len(body) + body)
            to.flush()
    raise AssertionError(f"it ended without a word: {asked.returncode}")


# ── the program ──


def _ask(path: str) -> bytes | None:
    print(path, flush=True)
    length = int(sys.stdin.buffer.readline())
    return None if length < 0 else sys.stdin.buffer.read(length)


def _check(key: str) -> int:
    from aics_tlog.checkpoint import verify_checkpoint
    from aics_tlog.note import parse_note, parse_vkey
    from aics_tlog.tiles import entry_bundle_path, tile_path
    from aics_tlog.verified import audit_tiles

    class Reader:
        """Its way to the files."""

        def read_tile(self, level: int, index: int, width: int | None) -> bytes | None:
            return _ask(tile_path(level, index, width))

        def read_entry_bundle(self, index: int, width: int | None) -> bytes | None:
            return _ask(entry_bundle_path(index, width))

    told = verify_checkpoint(parse_note((_ask("checkpoint") or b"").decode()), parse_vkey(key))
    if not told.ok or told.size is None or told.root is None:
        raise ValueError(told.error)
    return int(audit_tiles(Reader(), told.size, told.root).size)


if __name__ == "__main__":
    try:
        print(f"size {_check(sys.stdin.buffer.readline().decode().strip())}", flush=True)
    except Exception as error:  # noqa: BLE001  whatever it does not accept is told to the test
        print(f"refused {type(error).__name__}: {error}".replace("\n", " "), flush=True)
