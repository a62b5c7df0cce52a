"""Commands on local accounts and on sources of records."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]

user = typer.Typer(no_args_is_help=True, help="本地账号 / local accounts")
source = typer.Typer(no_args_is_help=True, help="数据来源及其令牌 / sources of records and their tokens")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(user, name="user")
    app.add_typer(source, name="source")


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="登录名 / sign-in name")],
    role: Annotated[str, typer.Option(help="public-officer|supervisor|leader|operator|admin")],
    display_name: Annotated[str, typer.Option(help="显示名 / shown name")] = "",
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="从标准输入读密码 / read the password from standard input"),
    ] = False,
) -> None:
    """新增账号 / add an account; asks for its password."""
    from dashboard.auth import add_user as add
    from records.users import ROLES, User
    from sunbid import wiring

    if role not in ROLES:
        output.fail(f"没有角色 {role}；可用 / no such role, choose from: {', '.join(ROLES)}", output.BAD_USE)
    ledger = wiring.opened(output.settings())
    password = _password(password_stdin)
    with ledger.write() as session:
        if session.get(User, name):
            output.fail(f"账号 {name} 已存在 / account exists already")
        try:
            add(session, name, role, password, display_name or name)
        except ValueError as error:
            output.fail(str(error), output.BAD_USE)
    print(f"已新增 / added: {name} ({role})")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt("密码 / password", hide_input=True, confirmation_prompt=True)
    else:
        output.fail("没有终端，请用 --password-stdin / no terminal, use --password-stdin", output.BAD_USE)
    if not password:
        output.fail("密码不能为空 / the password must not be empty", output.BAD_USE)
    return password


@user.command("list")
def list_users(as_json: JsonOption = False) -> None:
    """列出账号 / list the accounts."""
    from sqlalchemy import select

    from records.users import User
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "role": one.role, "display_name": one.display_name, "disabled": one.disabled}
            for one in session.scalars(select(User).order_by(User.name))
        ]
    output.report(rows, ("name", "role", "display_name", "disabled"), as_json)


@user.command("disable")
def disable_user(name: Annotated[str, typer.Argument(help="登录名 / sign-in name")]) -> None:
    """停用账号并结束其会话 / disable an account and end its sessions."""
    from records import audit
    from records.users import User
    from sunbid import wiring

    with wiring.opened(output.settings()).write() as session:
        row = session.get(User, name)
        if row is None:
            output.fail(f"没有账号 {name}，见 sunbid user list / no such account")
        row.disabled = True
        row.session_epoch += 1
        audit.write(session, "cli", "user.disable", object_kind="user", object_id=name)
    print(f"已停用 / disabled: {name}")


@source.command("add")
def add_source(
    name: Annotated[str, typer.Argument(help="名称，例 hzctc / name of the trading platform")],
    as_json: JsonOption = False,
) -> None:
    """新增数据来源，显示一次令牌 / add a source and show its token once."""
    from ingest.sources import add_source as add
    from records import audit
    from records.intake import Source
    from sunbid import wiring

    settings = output.settings()
    with wiring.opened(settings).write() as session:
        if session.get(Source, name):
            output.fail(f"数据来源 {name} 已存在 / source exists already")
        token = add(session, name)
        audit.write(session, "cli", "source.add", object_kind="source", object_id=name)
    if as_json:
        output.emit({"source": name, "token": token, "records": f"{settings.intake_url}/records"})
        return
    print(f"接收地址 / POST  {settings.intake_url}/records")
    print(f"令牌 / token     {token}")
    print("令牌只显示这一次 / shown this once only")


@source.command("list")
def list_sources(as_json: JsonOption = False) -> None:
    """列出数据来源 / list the sources."""
    from sqlalchemy import select

    from records.intake import Source
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "enabled": one.enabled, "demo": one.demo}
            for one in session.scalars(select(Source).order_by(Source.name))
        ]
    output.report(rows, ("name", "enabled", "demo"), as_json)
