"""Commands that run processes: demo, up, hub, desk, intake, watch."""

from __future__ import annotations

from typing import Annotated

import typer

from sunbid import output

RoomsOption = Annotated[
    int, typer.Option(min=0, max=28, help="合成画面的开标室数量 / rooms on air with synthetic pictures")
]
ScaleOption = Annotated[str, typer.Option(help="市场规模 / size of the market: small, city")]
SeedOption = Annotated[int, typer.Option(help="同一种子生成同一市场 / the same seed gives the same market")]
NoVideoOption = Annotated[bool, typer.Option("--no-video", help="不推送画面 / no pictures")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="在终端显示全部日志 / show every log line")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (demo, up, hub, desk, intake, watch):
        app.command()(command)


def demo(
    rooms: RoomsOption = 4,
    scale: ScaleOption = "small",
    seed: SeedOption = 1,
    no_video: NoVideoOption = False,
    verbose: VerboseOption = False,
) -> None:
    """演示：示例市场、合成开标室与全部进程 / demonstration market, rooms on air, all processes."""
    from sunbid.demo.market import SCALES

    if scale not in SCALES:
        output.fail(
            f"没有规模 {scale}；可用 / no such scale, choose from: {', '.join(SCALES)}", output.BAD_USE
        )
    from sunbid.demo.start import Options, run

    _supervised(lambda: run(output.settings(), Options(rooms, scale, seed, not no_video, verbose)))


def up() -> None:
    """启动并看护四个进程 / run and watch over the four processes."""
    from sunbid.up import run

    _supervised(lambda: run(output.settings()))


def _supervised(run: object) -> None:
    from sunbid.processes.supervisor import CannotStart

    assert callable(run)
    try:
        run()
    except CannotStart as error:
        output.fail(str(error))


def hub() -> None:
    """直播公开站 / the public plane: media, public pages, feeds."""
    from streaming.http.server import serve
    from sunbid import privacy, wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    privacy.keep_beside(settings.data)
    waiting.until_ledger(settings, "hub", settings.hub_port)
    serve(wiring.hub_config(settings))


def desk() -> None:
    """智管台 / the supervision desk."""
    from dashboard.serve import serve
    from sunbid import privacy, wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    privacy.keep_beside(settings.data)
    waiting.until_ledger(settings, "desk", settings.desk_port)
    serve(wiring.desk_config(settings))


def intake() -> None:
    """数据接入 / the intake of records."""
    from ingest.http.server import serve
    from sunbid import privacy, wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    privacy.keep_beside(settings.data)
    waiting.until_ledger(settings, "intake", settings.intake_port, upgrades=True)
    serve(wiring.intake_config(settings))


def watch() -> None:
    """规则与预警 / the watch: lens, rules, warnings."""
    from sunbid import privacy, wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting
    from supervision.watch import serve

    settings = output.settings()
    logs.setup(settings.log_level)
    privacy.keep_beside(settings.data)
    waiting.until_ledger(settings, "watch", None)
    serve(wiring.watch_config(settings))
