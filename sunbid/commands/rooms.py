"""Commands on rooms: add, list, token."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
KINDS = ("opening", "evaluation")

room = typer.Typer(no_args_is_help=True, help="开标室与推流令牌 / rooms and their publishing tokens")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(room, name="room")


@room.command()
def add(
    room_id: Annotated[str, typer.Argument(metavar="ID", help="开标室编号，例 hz-01 / id of the room")],
    name: Annotated[str, typer.Option(help="名称 / name")],
    centre: Annotated[str, typer.Option(help="交易中心编号，没有则新建 / id of the centre, made if new")],
    kind: Annotated[str, typer.Option(help="opening 开标室, evaluation 评标室")] = "opening",
    rtsp: Annotated[str | None, typer.Option(help="摄像机地址 / RTSP address of the camera")] = None,
    as_json: JsonOption = False,
) -> None:
    """新增开标室，显示一次推流令牌 / add a room and show its publishing token once."""
    from records import audit, signing
    from records.organisations import Centre, Room
    from sunbid import wiring

    if kind not in KINDS:
        output.fail(f"没有类型 {kind}；可用 / no such kind, choose from: {', '.join(KINDS)}", output.BAD_USE)
    if rtsp and not rtsp.startswith(("rtsp://", "rtsps://")):
        output.fail(
            "摄像机地址应以 rtsp:// 开头 / the camera's address must begin with rtsp://", output.BAD_USE
        )
    token = signing.new_token()
    with wiring.opened(output.settings()).write() as session:
        if session.get(Room, room_id):
            output.fail(f"开标室 {room_id} 已存在 / room exists already; `sunbid room token {room_id}`")
        if session.get(Centre, centre) is None:
            session.add(Centre(id=centre, name=centre, source="local"))
            session.flush()
            print(f"新建交易中心 / new centre: {centre}", file=sys.stderr)
        session.add(
            Room(
                id=room_id, centre_id=centre, name=name, kind=kind, public_allowed=kind == "opening",
                rtsp_url=rtsp, token_hash=signing.token_hash(token), source="local",
            )
        )  # fmt: skip
        audit.write(session, "cli", "room.add", object_kind="room", object_id=room_id, detail={"kind": kind})
    _show_token(room_id, token, as_json)


@room.command("list")
def list_(as_json: JsonOption = False) -> None:
    """列出开标室 / list the rooms."""
    from sqlalchemy import select

    from records.organisations import Centre, Room
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {
                "id": row.id, "name": row.name, "centre": centre, "kind": row.kind, "public": row.is_public,
                "camera": bool(row.rtsp_url), "token": bool(row.token_hash),
            }
            for row, centre in session.execute(
                select(Room, Centre.name).join(Centre, Room.centre_id == Centre.id).order_by(Room.id)
            )
        ]  # fmt: skip
    output.report(rows, ("id", "name", "centre", "kind", "public", "camera", "token"), as_json)


@room.command()
def token(
    room_id: Annotated[str, typer.Argument(metavar="ID", help="开标室编号 / id of the room")],
    as_json: JsonOption = False,
) -> None:
    """换发推流令牌，旧令牌立即失效 / a new publishing token; the old one is void at once."""
    from records import audit, signing
    from records.organisations import Room
    from sunbid import wiring

    fresh = signing.new_token()
    with wiring.opened(output.settings()).write() as session:
        row = session.get(Room, room_id)
        if row is None:
            output.fail(f"没有开标室 {room_id}，见 sunbid room list / no such room")
        row.token_hash = signing.token_hash(fresh)
        audit.write(session, "cli", "room.token", object_kind="room", object_id=room_id)
    _show_token(room_id, fresh, as_json)


def _show_token(room_id: str, token: str, as_json: bool) -> None:
    """The token is stored nowhere in clear: this is the only time it can be seen."""
    address = f"{output.settings().effective_hub_url}/whip/{room_id}"
    if as_json:
        output.emit({"room": room_id, "token": token, "whip": address})
        return
    print(f"推流地址 / WHIP  {address}")
    print(f"令牌 / token     {token}")
    print("令牌只显示这一次 / shown this once only")
