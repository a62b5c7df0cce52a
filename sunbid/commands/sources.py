"""Commands on sources of records and their tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
NameArgument = Annotated[str, typer.Argument(help=local("cli.name_trading_platform"))]

SureOption = Annotated[bool, typer.Option("--yes", help=local("cli.do_even_while_opening"))]

source = typer.Typer(no_args_is_help=True, help=local("cli.sources_records_their_tokens"))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(source, name="source")


@source.command("add", help=local("command.source_add_source"))
def add_source(name: NameArgument, as_json: JsonOption = False) -> None:
    """Add a source and show its token once."""
    from records import sources

    with output.acting() as session:
        token = sources.add_source(session, name)
    _show_token(name, token, as_json)


@source.command("list", help=local("command.source_list_sources"))
def list_sources(as_json: JsonOption = False) -> None:
    """List the sources."""
    from records import sources
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "enabled": one.enabled, "demo": one.demo, "token": bool(one.token_hash)}
            for one in sources.list_sources(session)
        ]
    output.report(rows, ("name", "enabled", "demo", "token"), as_json)


@source.command("token", help=local("command.source_new_token"))
def new_token(name: NameArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """A new token; the old one is void at once."""
    from records import sources

    with output.acting() as session:
        token = sources.rotate(session, name, sure=yes)
    _show_token(name, token, as_json)


@source.command("disable", help=local("command.source_disable_source"))
def disable_source(name: NameArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """Take nothing more from a source; its records stay."""
    _switch(name, False, local("cli.disabled"), as_json, yes)


@source.command("enable", help=local("command.source_enable_source"))
def enable_source(name: NameArgument, as_json: JsonOption = False) -> None:
    """Take records from a source again."""
    _switch(name, True, local("cli.enabled"), as_json)


@source.command("give", help=local("command.source_give_record"))
def give_record(
    kind: Annotated[str, typer.Argument(help=local("cli.project_lot_opening"))],
    key: Annotated[str, typer.Argument(help=local("cli.its_key"))],
    to: Annotated[str, typer.Argument(help=local("cli.source_given"))],
    yes: SureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Hand over what another source holds."""
    from ingest.apply import handover

    with output.acting() as session:
        rows = handover.give(session, kind, key, to, sure=yes)
    words = local("cli.records_handed_over", rows=rows)
    output.done({"kind": kind, "key": key, "source": to, "records": rows}, words, as_json)


def _switch(name: str, enabled: bool, words: str, as_json: bool, sure: bool = False) -> None:
    from records import sources

    with output.acting() as session:
        sources.set_enabled(session, name, enabled, sure=sure)
    output.done({"source": name, "enabled": enabled}, f"{words}: {name}", as_json)


def _show_token(name: str, token: str, as_json: bool) -> None:
    """The token is stored nowhere in clear: this is the only time it can be seen."""
    address = f"{output.settings().intake_url}/records"
    if as_json:
        output.emit({"source": name, "token": token, "records": address})
        return
    print(local("cli.source_address", address=address))
    print(local("cli.source_token", token=token))
    print(local("cli.shown_once_only"))
