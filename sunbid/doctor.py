"""`sunbid doctor`: what is missing or wrong on this machine, each with its remedy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from messages import local
from records.clock import timestamp
from sunbid.processes.supervisor import port_free, port_table
from sunbid.settings import Settings, variable

OLDEST_PYTHON = (3, 11)
NEED_FREE = 2 * 1024**3
"""Bytes below which recordings would soon stop."""
CLOCK_ERROR = 0.5
"""Seconds of estimated clock error from which times on evidence are doubtful."""


@dataclass(frozen=True)
class Check:
    """One thing looked at. `state` is ok, warning (works, but) or error (does not work)."""

    name: str
    state: str
    found: str
    remedy: str = ""

    @property
    def label(self) -> str:
        """The thing looked at, in words."""
        kind, _, port = self.name.partition(" ")
        if kind == "port":
            return local("doctor.label_port", port=port)
        return local(f"doctor.label_{self.name.replace(' ', '_')}")

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


def run(settings: Settings) -> Iterator[Check]:
    """Look at everything; never raises for what it finds wrong."""
    yield _python()
    yield _fanout()
    yield _ffmpeg()
    yield _fonts()
    yield from _ports(settings)
    yield _disk(settings)
    yield _ledger(settings)
    yield from _hub_role(settings)
    yield _clock()
    yield _evidence(settings)


def _python() -> Check:
    found = sys.version.split()[0]
    if tuple(map(int, found.split(".")[:2])) >= OLDEST_PYTHON:
        return Check("python", "ok", found)
    return Check("python", "error", found, local("doctor.install_python"))


def _fanout() -> Check:
    if find_spec("streaming.fanout._native"):
        return Check("fanout", "ok", local("doctor.fanout_native"))
    remedy = local("doctor.no_compiler")
    try:
        from pylibsrtp import _binding

        abi = local("doctor.fanout_abi", module=_binding.__name__)
        found = abi if sys.platform.startswith("linux") else local("doctor.fanout_plain")
    except ImportError as error:
        return Check("fanout", "error", str(error), local("doctor.make_again"))
    return Check("fanout", "warning", found, remedy)


def _ffmpeg() -> Check:
    import subprocess

    from streaming import ffmpeg

    try:
        answer = subprocess.run(ffmpeg.muxers(), capture_output=True, text=True, timeout=20, check=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return Check("ffmpeg", "error", str(error), local("doctor.make_again_ffmpeg"))
    if " whip " not in answer.stdout:
        remedy = local("doctor.unset_ffmpeg")
        return Check("ffmpeg", "error", local("doctor.no_whip"), remedy)
    return Check("ffmpeg", "ok", Path(ffmpeg.program()).name)


def _fonts() -> Check:
    from sunbid.demo.fonts import chinese_font

    font = chinese_font()
    if font:
        return Check("fonts", "ok", font.name)
    remedy = local("doctor.install_font")
    return Check("fonts", "warning", local("doctor.no_font"), remedy)


def _ports(settings: Settings) -> Iterator[Check]:
    for setting, port, kind in port_table(settings):
        name = f"port {port}/{kind}"
        if port_free(settings.host, port, kind):
            yield Check(name, "ok", setting)
            continue
        remedy = local("doctor.free_port", variable=variable(setting))
        yield Check(name, "warning", local("doctor.taken", setting=setting), remedy)


def _disk(settings: Settings) -> Check:
    folder = settings.data.resolve()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Check(
            "disk",
            "error",
            local("doctor.not_writable", folder=str(settings.data)),
            local("doctor.change", variable=variable("data")),
        )
    free = shutil.disk_usage(folder).free
    found = local("doctor.free", free=f"{free / 2**30:.1f}")
    if free < NEED_FREE:
        return Check(
            "disk",
            "warning",
            found,
            local("doctor.free_space"),
        )
    return Check("disk", "ok", found)


def _ledger(settings: Settings) -> Check:

    from records.ledger import Ledger

    head = Ledger.newest_version()
    url = settings.effective_database_url
    if url.startswith("sqlite") and not (settings.data / "ledger.db").exists() and not settings.database_url:
        return Check("ledger", "ok", local("doctor.not_there_yet"))
    ledger = Ledger(url)
    try:
        found = ledger.schema_version()
    except Exception as error:  # noqa: BLE001 - every way a database can fail is a finding here
        reason = str(error).splitlines()[0]
        return Check("ledger", "error", reason, local("doctor.check", variable=variable("database_url")))
    finally:
        ledger.close()
    if found == head:
        return Check("ledger", "ok", f"{settings.database_shown} @ {found}")
    return Check("ledger", "warning", local("doctor.expected", found=found, head=head), "sunbid db upgrade")


def _hub_role(settings: Settings) -> Iterator[Check]:
    """Whether the hub can give up the owner's rights; on PostgreSQL only."""
    from records.grants import HUB_ROLE, may_take_on
    from records.ledger import Ledger

    if not settings.effective_database_url.startswith("postgresql"):
        return
    ledger = Ledger(settings.effective_database_url)
    try:
        with ledger.engine.connect() as connection:
            able = may_take_on(connection)
    except Exception:  # noqa: BLE001 - the check before has said that the database cannot be reached
        return
    finally:
        ledger.close()
    if able:
        yield Check("hub role", "ok", HUB_ROLE)
        return
    remedy = local("doctor.create_role", role=HUB_ROLE)
    found = local("doctor.no_role")
    yield Check("hub role", "warning", found, local("doctor.as_owner", remedy=remedy))


def _clock() -> Check:
    """The kernel's own estimate of the clock's error (adjtimex), where there is one."""
    error = _kernel_clock_error() if sys.platform.startswith("linux") else None
    if timestamp() < 1_700_000_000:
        return Check("clock", "error", local("doctor.clock_before_2023"), local("doctor.set_clock"))
    if error is None or error > CLOCK_ERROR:
        remedy = local("doctor.enable_clock")
        return Check("clock", "warning", local("doctor.not_synchronised"), remedy)
    return Check("clock", "ok", f"± {error:.3f} s")


def _evidence(settings: Settings) -> Check:
    """Whether packages of evidence can be signed, stamped and kept twice; the log's public key."""
    from evidence import timestamp as stamps
    from evidence.checkpoint import Ed25519Signer

    archive, path = settings.archive, settings.data.resolve() / "keys" / "log.key"
    if archive is not None and not os.access(archive if archive.exists() else archive.parent, os.W_OK):
        return Check(
            "evidence",
            "error",
            local("doctor.not_writable", folder=str(archive)),
            local("doctor.change", variable=variable("archive")),
        )
    if settings.timestamp_url and not stamps.available():
        return Check("evidence", "error", local("doctor.no_timestamps"), local("doctor.install_timestamps"))
    if settings.timestamp_url and not (settings.timestamp_ca and settings.timestamp_ca.is_file()):
        return Check(
            "evidence",
            "error",
            local("doctor.no_timestamp_ca"),
            local("doctor.change", variable=variable("timestamp_ca")),
        )
    if not path.exists():
        return Check("evidence", "ok", local("doctor.key_at_start"))
    try:
        return Check("evidence", "ok", str(Ed25519Signer.parse(path.read_text()).verifier))
    except (OSError, ValueError):
        return Check(
            "evidence", "error", local("doctor.no_log_key", file=str(path)), local("doctor.restore_log_key")
        )


def _kernel_clock_error() -> float | None:
    """Seconds; None where the kernel says that the clock is not synchronised."""
    import ctypes

    buffer = ctypes.create_string_buffer(512)
    call: Callable[..., int] | None = getattr(ctypes.CDLL(None), "adjtimex", None)
    if call is None:
        return None
    state = call(buffer)
    error = ctypes.c_long.from_buffer(buffer, 4 * ctypes.sizeof(ctypes.c_long)).value
    return None if state in (-1, 5) else error / 1e6
