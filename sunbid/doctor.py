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


def _python() -> Check:
    found = sys.version.split()[0]
    if tuple(map(int, found.split(".")[:2])) >= OLDEST_PYTHON:
        return Check("python", "ok", found)
    return Check("python", "error", found, "安装 Python 3.11 或更新版本 / install Python 3.11 or newer")


def _fanout() -> Check:
    if find_spec("streaming.fanout._native"):
        return Check("fanout", "ok", "native: C")
    remedy = (
        "安装 C 编译器后运行 python -m streaming.fanout.native_build / install a C compiler, then run this"
    )
    try:
        from pylibsrtp import _binding

        found = f"abi: {_binding.__name__}" if sys.platform.startswith("linux") else "plain: Python"
    except ImportError as error:
        return Check("fanout", "error", str(error), "重新执行 make / run make again")
    return Check("fanout", "warning", found, remedy)


def _ffmpeg() -> Check:
    import subprocess

    from streaming import ffmpeg

    try:
        answer = subprocess.run(ffmpeg.muxers(), capture_output=True, text=True, timeout=20, check=True)
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        return Check("ffmpeg", "error", str(error), "重新执行 make，安装 imageio-ffmpeg / run make again")
    if " whip " not in answer.stdout:
        remedy = "取消 IMAGEIO_FFMPEG_EXE，使用随附的 ffmpeg / unset IMAGEIO_FFMPEG_EXE, use the bundled one"
        return Check("ffmpeg", "error", "没有 WHIP / no WHIP muxer", remedy)
    return Check("ffmpeg", "ok", Path(ffmpeg.program()).name)


def _fonts() -> Check:
    from sunbid.demo.fonts import chinese_font

    font = chinese_font()
    if font:
        return Check("fonts", "ok", font.name)
    remedy = (
        "apt-get install fonts-noto-cjk：服务器生成的画面与图片才有汉字 / for Chinese in pictures drawn here"
    )
    return Check("fonts", "warning", "没有中文字体 / no Chinese font", remedy)


def _ports(settings: Settings) -> Iterator[Check]:
    for setting, port, kind in port_table(settings):
        name = f"port {port}/{kind}"
        if port_free(settings.host, port, kind):
            yield Check(name, "ok", setting)
            continue
        remedy = f"停止占用它的程序，或改 {variable(setting)}；若 sunbid 正在运行则正常 / stop what uses it or change it; fine while sunbid runs"
        yield Check(name, "warning", f"{setting}: 已占用 / taken", remedy)


def _disk(settings: Settings) -> Check:
    folder = settings.data.resolve()
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        return Check(
            "disk", "error", f"{settings.data}: 不可写 / not writable", f"改 {variable('data')} / change it"
        )
    free = shutil.disk_usage(folder).free
    found = f"{free / 1024**3:.1f} GiB 可用 / free"
    if free < NEED_FREE:
        return Check(
            "disk",
            "warning",
            found,
            "清理磁盘：一路直播录像每小时约 0.5 GiB / free some space for recordings",
        )
    return Check("disk", "ok", found)


def _ledger(settings: Settings) -> Check:

    from records.ledger import Ledger

    head = Ledger.newest_version()
    url = settings.effective_database_url
    if url.startswith("sqlite") and not (settings.data / "ledger.db").exists() and not settings.database_url:
        return Check("ledger", "ok", "尚未建立，首次启动时建立 / not there yet, made at the first start")
    ledger = Ledger(url)
    try:
        found = ledger.schema_version()
    except Exception as error:  # noqa: BLE001 - every way a database can fail is a finding here
        reason = str(error).splitlines()[0]
        return Check("ledger", "error", reason, f"检查 {variable('database_url')} / check it")
    finally:
        ledger.close()
    if found == head:
        return Check("ledger", "ok", f"{settings.database_shown} @ {found}")
    return Check("ledger", "warning", f"@ {found}, 应为 / expected {head}", "sunbid db upgrade")


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
    remedy = f"由管理员执行 / an administrator runs: CREATE ROLE {HUB_ROLE} NOLOGIN; GRANT {HUB_ROLE} TO CURRENT_USER"
    found = "没有：中心以属主身份读库，可用 / none: the hub reads as the owner, which works"
    yield Check("hub role", "warning", found, f"{remedy}（属主 / as the owner's name）; sunbid db upgrade")


def _clock() -> Check:
    """The kernel's own estimate of the clock's error (adjtimex), where there is one."""
    error = _kernel_clock_error() if sys.platform.startswith("linux") else None
    if timestamp() < 1_700_000_000:
        return Check(
            "clock", "error", "时间早于 2023 年 / clock is before 2023", "校准系统时间 / set the clock"
        )
    if error is None or error > CLOCK_ERROR:
        remedy = "启用时间同步，例 timedatectl set-ntp true；容器内取自宿主机 / enable time synchronisation"
        return Check("clock", "warning", "未同步国家标准时间 / not known to be synchronised", remedy)
    return Check("clock", "ok", f"± {error:.3f} s")


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
