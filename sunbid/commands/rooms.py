"""Commands on rooms: their tokens, cameras, names, and their end."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON / print JSON")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="开标室编号，例 hz-01 / id of the room")]
RtspOption = Annotated[
    str | None,
    typer.Option(
        help="摄像机地址，两台以空格分隔；含口令时写 - 并从标准输入给出，命令行会被他人看到"
        " / RTSP address, two with a space between; - reads it from standard input: a password on a command line is seen by others"
    ),
]

CentreOption = typer.Option(
    help="交易中心的编号或名称，都没有则新建 / id or name of the centre; made if there is none"
)
SureOption = Annotated[
    bool, typer.Option("--yes", help="即使正在开标也执行 / do it even while an opening is under way")
]

room = typer.Typer(no_args_is_help=True, help="开标室与推流令牌 / rooms and their publishing tokens")


def _address(given: str | None) -> str:
    """A camera's address as typed, or the line on standard input where it is given as -."""
    return sys.stdin.readline().strip() if given == "-" else given or ""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(room, name="room")


@room.command()
def add(
    room_id: IdArgument,
    name: Annotated[str, typer.Option(help="名称 / name")],
    centre: Annotated[str, CentreOption],
    kind: Annotated[str, typer.Option(help="opening 开标室, evaluation 评标室")] = "opening",
    rtsp: RtspOption = None,
    as_json: JsonOption = False,
) -> None:
    """新增开标室，显示一次推流令牌 / add a room and show its publishing token once."""
    from records import rooms
    from records.tables.organisations import Room

    with output.acting() as session:
        new = not rooms.centres_called(session, centre)
        token = rooms.add(session, room_id, name, centre, kind, _address(rtsp))
        row = session.get_one(Room, room_id)
        public, place, twins = row.is_public, row.centre_id, rooms.namesakes(session, room_id)
    _say_centre(place, new, twins)
    _show_token(room_id, token, public, as_json, {"centre": place, "centre_new": new})


@room.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="含已停用的 / closed ones too")] = False,
    as_json: JsonOption = False,
) -> None:
    """列出开标室 / list the rooms."""
    from records import rooms
    from sunbid import wiring

    with wiring.opened(output.settings()).read() as session:
        rows = [
            {
                "id": row.id, "name": row.name, "centre": centre.name, "kind": row.kind, "public": row.is_public,
                "camera": bool(row.rtsp_url), "released": row.camera_released, "token": bool(row.token_hash),
                "closed": row.closed_at is not None,
            }
            for row, centre in rooms.list_rooms(session)
            if every or row.closed_at is None
        ]  # fmt: skip
    columns = ("id", "name", "centre", "kind", "public", "camera", "released", "token", "closed")
    output.report(rows, columns, as_json)


@room.command()
def token(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """换发推流令牌，旧令牌立即失效，用它推流的随即结束 / a new publishing token; the old one is void at once."""
    from records import rooms
    from records.tables.organisations import Room

    with output.acting() as session:
        fresh = rooms.new_token(session, room_id, sure=yes)
        public = session.get_one(Room, room_id).is_public
    _show_token(room_id, fresh, public, as_json)


@room.command()
def edit(
    room_id: IdArgument,
    name: Annotated[str | None, typer.Option(help="名称 / name")] = None,
    name_en: Annotated[str | None, typer.Option(help="英文名称 / English name")] = None,
    centre: Annotated[str | None, CentreOption] = None,
    capacity: Annotated[int | None, typer.Option(help="座位数 / seats")] = None,
    as_json: JsonOption = False,
) -> None:
    """改名称、中心或座位数 / change name, centre or seats."""
    from records import rooms

    with output.acting() as session:
        new = bool(centre) and not rooms.centres_called(session, centre or "")
        row = rooms.edit(session, room_id, name=name, name_en=name_en, centre=centre, capacity=capacity)
        place, twins = row.centre_id, rooms.namesakes(session, room_id)
    _say_centre(place, new, twins)
    output.done({"room": room_id}, f"已修改 / changed: {room_id}", as_json)


@room.command()
def camera(
    room_id: IdArgument,
    rtsp: RtspOption = None,
    none: Annotated[bool, typer.Option("--none", help="去掉摄像机 / the room has no camera")] = False,
    retake: Annotated[
        bool, typer.Option("--retake", help="收回已让出的画面 / pull again after a release")
    ] = False,
    yes: SureOption = False,
    as_json: JsonOption = False,
) -> None:
    """设置摄像机地址 / set a camera's address; --none takes it away, --retake ends a release."""
    from records import rooms

    if [rtsp is not None, none, retake].count(True) != 1:
        output.fail(
            "请给出 --rtsp、--none、--retake 之一 / give one of --rtsp, --none, --retake", output.BAD_USE
        )
    with output.acting() as session:
        if retake:
            rooms.release_camera(session, room_id, False)
        else:
            rooms.set_camera(session, room_id, _address(rtsp), sure=yes)
    output.done({"room": room_id, "camera": not none}, f"已设置 / set: {room_id}", as_json)


@room.command()
def release(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """让摄像机让出画面，供网页或编码器推流 / the camera gives the room free for another publisher."""
    from records import rooms

    with output.acting() as session:
        rooms.release_camera(session, room_id, sure=yes)
    output.done({"room": room_id, "released": True}, f"摄像机已让出 / camera released: {room_id}", as_json)


@room.command()
def remove(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """停用开标室；有开标或录像的保留其记录 / take a room out of use; its openings and recordings stay."""
    from records import rooms

    with output.acting() as session:
        gone = rooms.remove(session, room_id, sure=yes)
    words = "已删除 / removed" if gone else "已停用，开标与录像保留 / closed, openings and recordings stay"
    output.done({"room": room_id, "kept": not gone}, f"{words}: {room_id}", as_json)


def _say_centre(centre: str, new: bool, namesakes: list[str]) -> None:
    """What may not have been meant: a centre that was not there before, rooms that read alike."""
    if new:
        print(f"已新建交易中心 / a new centre has been made: {centre}", file=sys.stderr)
    if namesakes:
        words = "同一中心已有同名的开标室 / rooms of the same centre and name"
        print(f"{words}: {', '.join(namesakes)}", file=sys.stderr)


def _show_token(
    room_id: str, token: str, public: bool, as_json: bool, more: dict[str, object] | None = None
) -> None:
    """The token is stored nowhere in clear: this is the only time it can be seen."""
    hub, key = output.settings().effective_hub_url, quote(room_id, safe="")
    told = {"room": room_id, "token": token, "whip": f"{hub}/whip/{key}", **(more or {})}
    if public:
        told |= {"page": f"{hub}/room/{key}", "publish": f"{hub}/publish/{key}"}
    if as_json:
        output.emit(told)
        return
    print(f"推流地址 / WHIP     {told['whip']}")
    print(f"令牌 / token        {token}")
    if public:
        print(f"网页推流 / browser  {told['publish']}")
        print(f"观看页面 / watch    {told['page']}")
        print(
            "画面在开标进行中才播出，之前显示候播 / the picture appears while an opening is in progress, a slate before"
        )
    print("令牌只显示这一次 / shown this once only")
