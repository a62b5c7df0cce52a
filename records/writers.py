"""Which process holds the write lock of a ledger on SQLite, for whoever waits for it: one writes at a time."""

from __future__ import annotations

from pathlib import Path

LOCKS = Path("/proc/locks")
WRITE_LOCK = 120
"""The byte of the -shm file that a writer locks (WAL_WRITE_LOCK, https://sqlite.org/walformat.html § 2.3.2)."""
_SHOWN = 2
"""So many words of a command are told; what follows them, an address or a path, is nobody's business here."""


def writer(database: Path) -> tuple[str, int] | None:
    """The command and the number of the process that is writing; None: nobody, or the system does not tell (only Linux does)."""
    try:
        inode, lines = Path(f"{database}-shm").stat().st_ino, LOCKS.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        number = _holder(line.split(), inode)
        if number:
            return _command(number), number
    return None


def _holder(fields: list[str], inode: int) -> int:
    """The process of a line of /proc/locks (proc_locks(5)) that holds the write lock of that file; 0: it does not."""
    if len(fields) != 8 or fields[3] != "WRITE" or fields[5].rpartition(":")[2] != str(inode):
        return 0
    first, last = int(fields[6]), fields[7]
    holds = first <= WRITE_LOCK and (last == "EOF" or int(last) >= WRITE_LOCK)
    return max(int(fields[4]), 0) if holds else 0


def _command(number: int) -> str:
    """The command of a process as its user typed it, without what it was given: `sunbid import`."""
    try:
        words = Path(f"/proc/{number}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return "?"
    named = next((at for at, word in enumerate(words) if Path(word).name == "sunbid"), None)
    if named is None:
        return Path(words[0]).name or "?"
    plain = [word for word in words[named + 1 : named + 1 + _SHOWN] if word.isalpha() and word.islower()]
    return " ".join(["sunbid", *plain])
