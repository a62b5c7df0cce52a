"""Commands on rooms: their tokens, cameras, names, and their end."""

from __future__ import annotations

import sys
from typing import Annotated
from urllib.parse import quote

import typer

from messages import local
from sunbid import output

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help=local("cli.id_room"))]
RtspOption = Annotated[
    str | None,
    typer.Option(help=local("cli.rtsp_address_two_space")),
]

CentreOption = typer.Option(help=local("cli.id_name_centre_made"))
SureOption = Annotated[bool, typer.Option("--yes", help=local("cli.do_even_while_opening"))]

room = typer.Typer(no_args_is_help=True, help=local("cli.rooms_their_publishing_tokens"))


def _address(given: str | None) -> str:
    """A camera's address as typed, or the line on standard input where it is given as -."""
    return sys.stdin.readline().strip() if given == "-" else given or ""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(room, name="room")


@room.command(help=local("command.room_add"))
def add(
    room_id: IdArgument,
    name: Annotated[str, typer.Option(help=local("cli.name"))],
    centre: Annotated[str, CentreOption],
    kind: Annotated[str, typer.Option(help=local("cli.room_kind"))] = "opening",
    rtsp: RtspOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a room and show its publishing token once."""
    from records import rooms
    from records.tables.organisations import Room

    with output.acting() as session:
        new = not rooms.centres_called(session, centre)
        token = rooms.add(session, room_id, name, centre, kind, _address(rtsp))
        row = session.get_one(Room, room_id)
        public, place, twins = row.is_public, row.centre_id, rooms.namesakes(session, room_id)
    _say_centre(place, new, twins)
    _show_token(room_id, token, public, as_json, {"centre": place, "centre_new": new})


@room.command("list", help=local("command.room_list"))
def list_(
    every: Annotated[bool, typer.Option("--all", help=local("cli.closed_ones_too"))] = False,
    as_json: JsonOption = False,
) -> None:
    """List the rooms."""
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


@room.command(help=local("command.room_token"))
def token(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """A new publishing token; the old one is void at once."""
    from records import rooms
    from records.tables.organisations import Room

    with output.acting() as session:
        fresh = rooms.new_token(session, room_id, sure=yes)
        public = session.get_one(Room, room_id).is_public
    _show_token(room_id, fresh, public, as_json)


@room.command(help=local("command.room_edit"))
def edit(
    room_id: IdArgument,
    name: Annotated[str | None, typer.Option(help=local("cli.name"))] = None,
    name_en: Annotated[str | None, typer.Option(help=local("cli.english_name"))] = None,
    centre: Annotated[str | None, CentreOption] = None,
    capacity: Annotated[int | None, typer.Option(help=local("cli.seats"))] = None,
    as_json: JsonOption = False,
) -> None:
    """Change name, centre or seats."""
    from records import rooms

    with output.acting() as session:
        new = bool(centre) and not rooms.centres_called(session, centre or "")
        row = rooms.edit(session, room_id, name=name, name_en=name_en, centre=centre, capacity=capacity)
        place, twins = row.centre_id, rooms.namesakes(session, room_id)
    _say_centre(place, new, twins)
    output.done({"room": room_id}, local("cli.room_changed", room=room_id), as_json)


@room.command(help=local("command.room_camera"))
def camera(
    room_id: IdArgument,
    rtsp: RtspOption = None,
    none: Annotated[bool, typer.Option("--none", help=local("cli.room_no_camera"))] = False,
    retake: Annotated[bool, typer.Option("--retake", help=local("cli.pull_again_after_release"))] = False,
    yes: SureOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set a camera's address; --none takes it away, --retake ends a release."""
    from records import rooms

    if [rtsp is not None, none, retake].count(True) != 1:
        output.fail(local("cli.give_one_rtsp_none"), output.BAD_USE)
    with output.acting() as session:
        if retake:
            rooms.release_camera(session, room_id, False)
        else:
            rooms.set_camera(session, room_id, _address(rtsp), sure=yes)
    output.done({"room": room_id, "camera": not none}, local("cli.camera_set", room=room_id), as_json)


@room.command(help=local("command.room_release"))
def release(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """The camera gives the room free for another publisher."""
    from records import rooms

    with output.acting() as session:
        rooms.release_camera(session, room_id, sure=yes)
    output.done({"room": room_id, "released": True}, local("cli.camera_released", room=room_id), as_json)


@room.command(help=local("command.room_remove"))
def remove(room_id: IdArgument, yes: SureOption = False, as_json: JsonOption = False) -> None:
    """Take a room out of use; its openings and recordings stay."""
    from records import rooms

    with output.acting() as session:
        gone = rooms.remove(session, room_id, sure=yes)
    words = local("cli.removed") if gone else local("cli.closed_openings_recordings_stay")
    output.done({"room": room_id, "kept": not gone}, f"{words}: {room_id}", as_json)


def _say_centre(centre: str, new: bool, namesakes: list[str]) -> None:
    """What may not have been meant: a centre that was not there before, rooms that read alike."""
    if new:
        print(local("cli.centre_made", centre=centre), file=sys.stderr)
    if namesakes:
        words = local("cli.rooms_same_centre_name")
        print(f"{words}: {', '.join(namesakes)}", file=sys.stderr)


def _show_token(
    room_id: str, token: str, public: bool, as_json: bool, more: dict[str, object] | None = None
) -> None:
    """The token is stored nowhere in clear: this is the only time it can be seen."""
    hub, key = output.settings().effective_hub_url, quote(room_id, safe="")
    shown = {"room": room_id, "token": token, "whip": f"{hub}/whip/{key}", **(more or {})}
    if public:
        shown |= {"page": f"{hub}/room/{key}", "publish": f"{hub}/publish/{key}"}
    if as_json:
        output.emit(shown)
        return
    print(local("cli.whip_address", address=shown["whip"]))
    print(local("cli.room_token", token=token))
    if public:
        print(local("cli.publish_page", address=shown["publish"]))
        print(local("cli.watch_page", address=shown["page"]))
        print(local("cli.picture_appears_while_opening"))
    print(local("cli.shown_once_only"))
