"""Commands on local accounts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
NameArgument = Annotated[str, typer.Argument(help="登录名 / sign-in name")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="从标准输入读密码 / read the password from standard input")
]

user = typer.Typer(no_args_is_help=True, help="本地账号 / local accounts")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(user, name="user")


@user.command("add")
def add_user(
    name: NameArgument,
    role: Annotated[str, typer.Option(help="public-officer|supervisor|leader|operator|admin")],
    display_name: Annotated[str, typer.Option(help="显示名 / shown name")] = "",
    password_stdin: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """新增账号 / add an account; asks for its password."""
    from dashboard.access.accounts import add_user as add
    from records.tables.users import ROLES

    if role not in ROLES:
        output.fail(f"没有角色 {role}；可用 / no such role, choose from: {', '.join(ROLES)}", output.BAD_USE)
    password = _password(password_stdin)
    with output.acting() as session:
        add(session, name, role, password, display_name or name)
    output.done({"name": name, "role": role}, f"已新增 / added: {name} ({role})", as_json)


@user.command("list")
def list_users(as_json: JsonOption = False) -> None:
    """列出账号 / list the accounts."""
    from dashboard.access import accounts
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "role": one.role, "display_name": one.display_name, "disabled": one.disabled}
            for one in accounts.list_users(session)
        ]
    output.report(rows, ("name", "role", "display_name", "disabled"), as_json)


@user.command("password")
def set_password(
    name: NameArgument, password_stdin: PasswordOption = False, as_json: JsonOption = False
) -> None:
    """重设密码并结束其会话 / a new password; ends the account's sessions."""
    from dashboard.access import accounts

    password = _password(password_stdin)
    with output.acting() as session:
        accounts.set_password(session, name, password)
    output.done({"name": name}, f"已重设密码 / new password set: {name}", as_json)


@user.command("role")
def set_role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="public-officer|supervisor|leader|operator|admin")],
    as_json: JsonOption = False,
) -> None:
    """更改角色并结束其会话 / another role; ends the account's sessions."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.set_role(session, name, role)
    output.done({"name": name, "role": role}, f"角色已改 / role changed: {name} ({role})", as_json)


@user.command("disable")
def disable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """停用账号并结束其会话 / disable an account and end its sessions."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.disable_user(session, name)
    output.done({"name": name, "disabled": True}, f"已停用 / disabled: {name}", as_json)


@user.command("enable")
def enable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """重新启用账号 / open a disabled account again."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.enable_user(session, name)
    output.done({"name": name, "disabled": False}, f"已启用 / enabled: {name}", as_json)


@user.command("unlock")
def unlock_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """多次登录失败后立即放行 / let an account sign in again at once after failed tries."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.unlock_user(session, name)
    output.done({"name": name}, f"已解锁 / unlocked: {name}", as_json)


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
