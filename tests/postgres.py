"""A PostgreSQL server of the tests' own: started once, in a temporary folder, on a free port, without durability."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.memory import new_folder

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]


def _as_server(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root, so root hands the command to its own user."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server() -> Iterator[str]:
    """Address of a running, empty server, as `postgresql+psycopg://user@host:port` without a database."""
    if not BIN:
        raise RuntimeError("没有 PostgreSQL：请先运行 make system / PostgreSQL is missing: run `make system`")
    folder = new_folder("sunbid-pg-")
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    port, data = _free_port(), folder / "data"
    try:
        options = ["-A", "trust", "-U", "tests", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        _run([str(BIN[0] / "initdb"), "-D", str(data), *options])
        settings = f"-p {port} -k {folder} -h 127.0.0.1 -c fsync=off -c max_connections=100"
        start = [str(BIN[0] / "pg_ctl"), "-D", str(data), "-w", "-o", settings, "-l", str(folder / "log")]
        _run([*start, "start"])
        try:
            yield f"postgresql+psycopg://tests@127.0.0.1:{port}"
        finally:
            _run([str(BIN[0] / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(_as_server(command), capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name}: {done.stdout}{done.stderr}")
