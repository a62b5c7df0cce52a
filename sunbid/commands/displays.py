"""Commands on wall displays and their tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
NameArgument = Annotated[str, typer.Argument(help=local("cli.name_display"))]
SECONDS = 20
SCREENS = "overview,openness,competition,service,savings,hall,warnings"
"""`dashboard.screens.WALL`, which is not loaded for a help text; a test holds them together."""

display = typer.Typer(no_args_is_help=True, help=local("cli.wall_displays_their_tokens"))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(display, name="display")


@display.command("add", help=local("command.display_add"))
def add(
    name: NameArgument,
    screens: Annotated[str, typer.Option(help=local("cli.display_screens", screens=SCREENS))] = "",
    seconds: Annotated[int, typer.Option(help=local("cli.display_seconds"))] = SECONDS,
    as_json: JsonOption = False,
) -> None:
    """Add a wall display and show its token once."""
    from dashboard.access import displays

    chosen = [slug for slug in screens.replace(",", " ").split() if slug]
    with output.acting() as session:
        token = displays.add(session, name, chosen, seconds)
    address = f"{output.settings().effective_desk_url}/auth/display"
    if as_json:
        output.emit({"display": name, "token": token, "open": f"{address}#{token}"})
        return
    print(local("cli.display_address", address=f"{address}#{token}"))
    print(local("cli.display_token", token=token))
    print(local("cli.shown_once_only"))


@display.command("list", help=local("command.display_list"))
def list_(as_json: JsonOption = False) -> None:
    """List the displays."""
    from dashboard.access import displays
    from records.clock import rfc3339
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {
                "name": one.name, "screens": one.screens if as_json else ",".join(one.screens),
                "seconds": one.seconds, "added": rfc3339(one.added_at), "revoked": one.revoked_at is not None,
            }
            for one in displays.list_displays(session)
        ]  # fmt: skip
    output.report(rows, ("name", "screens", "seconds", "added", "revoked"), as_json)


@display.command("revoke", help=local("command.display_revoke"))
def revoke(name: NameArgument, as_json: JsonOption = False) -> None:
    """Void a display's token; its wall goes dark within seconds."""
    from dashboard.access import displays

    with output.acting() as session:
        displays.revoke(session, name)
    output.done({"display": name, "revoked": True}, local("cli.display_revoked", name=name), as_json)
