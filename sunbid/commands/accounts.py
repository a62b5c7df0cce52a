"""Commands on local accounts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
NameArgument = Annotated[str, typer.Argument(help=local("cli.sign_name"))]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help=local("cli.read_password_from_standard"))
]

user = typer.Typer(no_args_is_help=True, help=local("cli.local_accounts"))


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(user, name="user")


@user.command("add", help=local("command.user_add_user"))
def add_user(
    name: NameArgument,
    role: Annotated[
        str, typer.Option(help="group-member | public-officer | supervisor | leader | operator | admin")
    ],
    display_name: Annotated[str, typer.Option(help=local("cli.shown_name"))] = "",
    password_stdin: PasswordOption = False,
    as_json: JsonOption = False,
) -> None:
    """Add an account; asks for its password."""
    from dashboard.access.accounts import add_user as add
    from records.tables.users import ROLES

    if role not in ROLES:
        output.fail(local("account.unknown_role", role=role, roles=list(ROLES)), output.BAD_USE)
    password = _password(password_stdin)
    with output.acting() as session:
        add(session, name, role, password, display_name or name)
    output.done({"name": name, "role": role}, local("cli.user_added", name=name, role=role), as_json)


@user.command("list", help=local("command.user_list_users"))
def list_users(as_json: JsonOption = False) -> None:
    """List the accounts."""
    from dashboard.access import accounts
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {"name": one.name, "role": one.role, "display_name": one.display_name, "disabled": one.disabled}
            for one in accounts.list_users(session)
        ]
    output.report(rows, ("name", "role", "display_name", "disabled"), as_json)


@user.command("password", help=local("command.user_set_password"))
def set_password(
    name: NameArgument, password_stdin: PasswordOption = False, as_json: JsonOption = False
) -> None:
    """A new password; ends the account's sessions."""
    from dashboard.access import accounts

    password = _password(password_stdin)
    with output.acting() as session:
        accounts.set_password(session, name, password)
    output.done({"name": name}, local("cli.user_password_set", name=name), as_json)


@user.command("role", help=local("command.user_set_role"))
def set_role(
    name: NameArgument,
    role: Annotated[
        str, typer.Argument(help="group-member | public-officer | supervisor | leader | operator | admin")
    ],
    as_json: JsonOption = False,
) -> None:
    """Another role; ends the account's sessions."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.set_role(session, name, role)
    output.done({"name": name, "role": role}, local("cli.user_role_changed", name=name, role=role), as_json)


@user.command("disable", help=local("command.user_disable_user"))
def disable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """Disable an account and end its sessions."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.disable_user(session, name)
    output.done({"name": name, "disabled": True}, local("cli.user_disabled", name=name), as_json)


@user.command("enable", help=local("command.user_enable_user"))
def enable_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """Open a disabled account again."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.enable_user(session, name)
    output.done({"name": name, "disabled": False}, local("cli.user_enabled", name=name), as_json)


@user.command("unlock", help=local("command.user_unlock_user"))
def unlock_user(name: NameArgument, as_json: JsonOption = False) -> None:
    """Let an account sign in again at once after failed tries."""
    from dashboard.access import accounts

    with output.acting() as session:
        accounts.unlock_user(session, name)
    output.done({"name": name}, local("cli.user_unlocked", name=name), as_json)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = typer.prompt(local("cli.password"), hide_input=True, confirmation_prompt=True)
    else:
        output.fail(local("cli.no_terminal_use_password"), output.BAD_USE)
    if not password:
        output.fail(local("cli.password_empty"), output.BAD_USE)
    return password
