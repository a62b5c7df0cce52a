"""Commands that run processes: demo, up, hub, desk, intake, watch."""

from __future__ import annotations

from typing import Annotated

import typer

from messages import local
from sunbid import output

RoomsOption = Annotated[int, typer.Option(min=0, max=28, help=local("cli.rooms_on_air_synthetic"))]
ScaleOption = Annotated[str, typer.Option(help=local("cli.size_market_small_city"))]
SeedOption = Annotated[int, typer.Option(help=local("cli.same_seed_gives_same"))]
NoVideoOption = Annotated[bool, typer.Option("--no-video", help=local("cli.no_pictures"))]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help=local("cli.show_every_log_line"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (demo, up, hub, desk, intake, watch):
        app.command(help=local(f"command.{command.__name__}"))(command)


def demo(
    rooms: RoomsOption = 4,
    scale: ScaleOption = "small",
    seed: SeedOption = 1,
    no_video: NoVideoOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Demonstration market, rooms on air, all processes."""
    from sunbid.demo.market import SCALES

    if scale not in SCALES:
        output.fail(local("demo.unknown_scale", scale=scale, scales=list(SCALES)), output.BAD_USE)
    from sunbid.demo.start import Options, run

    _supervised(lambda: run(output.settings(), Options(rooms, scale, seed, not no_video, verbose)))


def up() -> None:
    """Run and watch over the four processes."""
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
    """The public plane: media, public pages, feeds."""
    from records.serving import private
    from streaming.serve import serve
    from sunbid import wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    private.keep_beside(settings.data)
    waiting.until_ledger(settings, "hub", settings.hub_port)
    serve(wiring.hub_config(settings))


def desk() -> None:
    """The supervision desk."""
    from dashboard.serve import serve
    from records.serving import private
    from sunbid import wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    private.keep_beside(settings.data)
    waiting.until_ledger(settings, "desk", settings.desk_port)
    serve(wiring.desk_config(settings))


def intake() -> None:
    """The intake of records."""
    from ingest.http.server import serve
    from records.serving import private
    from sunbid import wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting

    settings = output.settings()
    logs.setup(settings.log_level)
    private.keep_beside(settings.data)
    waiting.until_ledger(settings, "intake", settings.intake_port, upgrades=True)
    serve(wiring.intake_config(settings))


def watch() -> None:
    """The watch: lens, rules, warnings."""
    from records.serving import private
    from sunbid import wiring
    from sunbid.logs import setup as logs
    from sunbid.processes import without_ledger as waiting
    from supervision.watch import serve

    settings = output.settings()
    logs.setup(settings.log_level)
    private.keep_beside(settings.data)
    waiting.until_ledger(settings, "watch", None)
    serve(wiring.watch_config(settings))
