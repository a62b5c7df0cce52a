"""Commands on sources of records and their tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
NameArgument = Annotated[str, typer.Argument(help="名称，例 hzctc / name of the trading platform")]

SureOption = Annotated[
    bool, typer.Option("--yes", help="即使正在开标也执行 / do it even while an opening is under way")
]

source = typer.Typer(no_args_is_help=True, help="数据来源及其令牌 / sources of records and their tokens")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(source, name="source")


@source.command("add")
def add_source(name: NameArgument, as_json: JsonOption = False) -> None:
    """新增数据来源，显示一次令牌 / add a source and show its token once."""
    from records import sources

    with output.acting() as session:
        token = sources.add_source(session, name)
    _show_token(name, token, as_json)


@source.command("list")
def list_sources(as_json: JsonOption = False) -> None:
    """列出数据来源 / list the sources."""
    from records import sources
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "enabled": one.enabled, "demo": one.demo, "token": bool(one.token_hash)}
            for one in sources.list_sources(session)
        ]
    output.report(rows, ("name", "enabled", "demo", "token"), as_json)


@source.command("token")
def new_token(name: NameArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """换发令牌，旧令牌立即失效 / a new token; the old one is void at once."""
    from records import sources

    with output.acting() as session:
        token = sources.rotate(session, name, sure=yes)
    _show_token(name, token, as_json)


@source.command("disable")
def disable_source(name: NameArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """停止接收某来源，已有记录保留 / take nothing more from a source; its records stay."""
    _switch(name, False, "已停用 / disabled", as_json, yes)


@source.command("enable")
def enable_source(name: NameArgument, as_json: JsonOption = False) -> None:
    """恢复接收某来源 / take records from a source again."""
    _switch(name, True, "已启用 / enabled", as_json)


@source.command("give")
def give_record(
    kind: Annotated[str, typer.Argument(help="project、lot 或 opening / project, lot or opening")],
    key: Annotated[str, typer.Argument(help="编号 / its key")],
    to: Annotated[str, typer.Argument(help="移交给哪个来源 / the source it is given to")],
    yes: SureOption = False,
    as_json: JsonOption = False,
) -> None:
    """把被他人占用的项目、标段或开标（连同其下记录）移交给应有的来源 / hand over what another source holds."""
    from ingest.apply import handover

    with output.acting() as session:
        rows = handover.give(session, kind, key, to, sure=yes)
    words = f"已移交 {rows} 条记录 / records handed over: {rows}"
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
    print(f"接收地址 / POST  {address}")
    print(f"令牌 / token     {token}")
    print("令牌只显示这一次 / shown this once only")
