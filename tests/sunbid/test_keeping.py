"""Keeping an installation from the command line: accounts, sources, rooms; exit codes, JSON, audit chain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

import messages
from records import states
from records.clock import now
from records.ledger import Ledger
from records.tables.openings import Opening
from records.tables.organisations import Centre, Room
from records.tables.projects import Lot, Project
from records.tables.users import ROLES, AuditEntry, User, role_name
from sunbid.cli import app
from tests.ledgers import new_ledger

ROOT = Path(__file__).parents[2]
PASSWORD = "long enough\n"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = new_ledger(tmp_path.resolve() / "ledger.db")
    yield found
    found.close()


def sunbid(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def told(*words: str, stdin: str = "") -> dict[str, object]:
    answer = sunbid(*words, "--json", stdin=stdin)
    assert answer.exit_code == 0, answer.output
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def acts(ledger: Ledger) -> list[tuple[str, str | None]]:
    with ledger.read() as session:
        rows = session.execute(select(AuditEntry.action, AuditEntry.object_id).order_by(AuditEntry.seq))
        return [(action, target) for action, target in rows]


def test_the_version_is_told() -> None:
    answer = sunbid("--version")
    assert answer.exit_code == 0 and re.fullmatch(r"sunbid \d+\.\d+\.\d+\n", answer.stdout)


def test_an_accounts_whole_life(ledger: Ledger) -> None:
    add = ("user", "add", "li", "--role", "supervisor", "--password-stdin")
    assert told(*add, stdin=PASSWORD) == {"name": "li", "role": "supervisor"}
    with ledger.read() as session:
        before = session.get_one(User, "li")
    told("user", "disable", "li")
    told("user", "enable", "li")
    told("user", "role", "li", "leader")
    told("user", "password", "li", "--password-stdin", stdin="another one\n")
    told("user", "unlock", "li")
    with ledger.read() as session:
        after = session.get_one(User, "li")
    assert (after.role, after.disabled, after.unlocked_at is not None) == ("leader", False, True)
    assert after.password_hash != before.password_hash and after.session_epoch > before.session_epoch
    steps = ("add", "disable", "enable", "role", "password", "unlock")
    assert acts(ledger) == [(f"user.{step}", "li") for step in steps]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("user", "password", "nobody", "--password-stdin"), 1),
        (("user", "enable", "nobody"), 1),
        (("user", "unlock", "nobody"), 1),
        (("user", "role", "nobody", "admin"), 1),
        (("user", "role", "li", "queen"), 2),
        (("user", "role", "li"), 2),
        (("user", "password", "li"), 2),
        (("user", "add", "li", "--role", "admin", "--password-stdin"), 1),
        (("user", "add", "a b", "--role", "admin", "--password-stdin"), 2),
        (("source", "token", "nobody"), 1),
        (("source", "disable", "nobody"), 1),
        (("source", "add", "a b"), 2),
        (("room", "remove", "r9"), 1),
        (("room", "edit", "r9", "--name", "x"), 1),
        (("room", "edit", "r1"), 2),
        (("room", "edit", "r1", "--capacity", "0"), 2),
        (("room", "edit", "r1", "--name", " "), 2),
        (("room", "release", "r1"), 1),
        (("room", "camera", "r1"), 2),
        (("room", "camera", "r1", "--none", "--retake"), 2),
        (("room", "camera", "r1", "--rtsp", "http://camera/1"), 2),
        (("room", "camera", "r1", "--rtsp", "rtsp://a rtsp://b rtsp://c"), 2),
        (("room", "add", "r 2", "--name", "x", "--centre", "c1"), 2),
        (("room", "add", "r1", "--name", "x", "--centre", "c1"), 1),
    ],
)
def test_refusals_say_why_and_change_nothing(ledger: Ledger, words: tuple[str, ...], code: int) -> None:
    told("user", "add", "li", "--role", "supervisor", "--password-stdin", stdin=PASSWORD)
    told("room", "add", "r1", "--name", "一室", "--centre", "c1")
    before = acts(ledger)
    answer = sunbid(*words, stdin=PASSWORD)
    assert answer.exit_code == code and answer.stderr.strip() and not answer.stdout.strip()
    assert "Traceback" not in answer.output and acts(ledger) == before


def test_a_short_password_is_refused_and_never_repeated(ledger: Ledger) -> None:
    told("user", "add", "li", "--role", "supervisor", "--password-stdin", stdin=PASSWORD)
    answer = sunbid("user", "password", "li", "--password-stdin", stdin="s3cret\n")
    assert answer.exit_code == 2 and "s3cret" not in answer.output


def test_a_sources_whole_life(ledger: Ledger) -> None:
    first = told("source", "add", "hzctc")["token"]
    assert told("source", "token", "hzctc")["token"] != first
    told("source", "disable", "hzctc")
    listed = json.loads(sunbid("source", "list", "--json").stdout)
    assert listed == [{"name": "hzctc", "enabled": False, "demo": False, "token": True}]
    told("source", "enable", "hzctc")
    assert acts(ledger) == [(f"source.{step}", "hzctc") for step in ("add", "token", "disable", "enable")]
    assert sunbid("source", "add", "hzctc").exit_code == 1


def test_a_rooms_whole_life(ledger: Ledger) -> None:
    told("room", "add", "r1", "--name", "一室", "--centre", "c1", "--rtsp", "rtsp://u:secret@cam/1")
    told(
        "room",
        "edit",
        "r1",
        "--name",
        "第一开标室",
        "--name-en",
        "Room 1",
        "--capacity",
        "40",
        "--centre",
        "c2",
    )
    told("room", "release", "r1")
    with ledger.read() as session:
        row = session.get_one(Room, "r1")
    assert (row.name, row.name_en, row.capacity, row.centre_id) == ("第一开标室", "Room 1", 40, "c2")
    assert row.camera_released and row.rtsp_url == "rtsp://u:secret@cam/1"
    told("room", "camera", "r1", "--retake")
    told("room", "camera", "r1", "--rtsp", "rtsp://cam/1 rtsp://cam/2#transcode")
    told("room", "camera", "r1", "--none")
    assert told("room", "remove", "r1") == {"room": "r1", "kept": False}
    assert json.loads(sunbid("room", "list", "--all", "--json").stdout) == []
    steps = ("add", "edit", "release", "retake", "camera", "camera", "remove")
    assert acts(ledger) == [(f"room.{step}", "r1") for step in steps]
    with ledger.read() as session:
        assert "secret" not in str([e.detail for e in session.scalars(select(AuditEntry))])


def opening_in(ledger: Ledger, room: str) -> None:
    at = now() - timedelta(hours=1)
    with ledger.write() as session:
        session.add(Project(id="p1", name="项目", source="s"))
        session.flush()
        session.add(Lot(id="l1", project_id="p1", name="标段", centre_id="c1", deadline=at, source="s"))
        session.flush()
        states.new_opening(session, Opening(id="o1", lot_id="l1", room_id=room, scheduled_at=at, source="s"))


def test_a_room_with_openings_is_closed_and_its_openings_stay(ledger: Ledger) -> None:
    told("room", "add", "r1", "--name", "一室", "--centre", "c1", "--rtsp", "rtsp://cam/1")
    opening_in(ledger, "r1")
    with ledger.write() as session:
        states.append_event(session, "o1", "bidders_published", {"count": 0, "bidders": []}, actor="t")
    assert sunbid("room", "remove", "r1").exit_code == 1, "an opening is running"
    with ledger.write() as session:
        states.append_event(session, "o1", "ended", {"result": "failed"}, actor="t")
    assert told("room", "remove", "r1") == {"room": "r1", "kept": True}
    assert json.loads(sunbid("room", "list", "--json").stdout) == []
    with ledger.read() as session:
        row = session.get_one(Room, "r1")
        assert row.closed_at and row.token_hash is None and row.rtsp_url is None
        assert session.get_one(Opening, "o1").room_id == "r1"
    for words in (
        ("room", "token", "r1"),
        ("room", "remove", "r1"),
        ("room", "camera", "r1", "--rtsp", "rtsp://c/1"),
    ):
        assert sunbid(*words).exit_code == 1


DISTURBING = (
    ("room", "remove", "r1"),
    ("room", "token", "r1"),
    ("room", "release", "r1"),
    ("room", "camera", "r1", "--none"),
    ("room", "camera", "r1", "--rtsp", "rtsp://cam/2"),
    ("source", "disable", "s"),
    ("source", "token", "s"),
)


def market_of_s(ledger: Ledger, minutes: int = -60) -> None:
    """A room with a camera and, of the source s, an opening in it that is due in so many minutes."""
    told("source", "add", "s")
    told("room", "add", "r1", "--name", "一室", "--centre", "c1", "--rtsp", "rtsp://cam/1")
    opening_in(ledger, "r1")
    with ledger.write() as session:
        session.get_one(Opening, "o1").scheduled_at = now() + timedelta(minutes=minutes)


@pytest.mark.parametrize("words", DISTURBING, ids=" ".join)
@pytest.mark.parametrize("how", ["running", "paused", "about to begin", "overdue"])
def test_what_would_cut_an_opening_off_is_done_only_knowingly(
    ledger: Ledger, words: tuple[str, ...], how: str
) -> None:
    market_of_s(ledger, 20 if how == "about to begin" else -60)
    with ledger.write() as session:
        if how in ("running", "paused"):
            states.append_event(session, "o1", "bidders_published", {"count": 0, "bidders": []}, actor="t")
        if how == "paused":
            states.append_event(session, "o1", "paused", {}, actor="t")
    before = acts(ledger)
    answer = sunbid(*words)
    assert answer.exit_code == 1 and "o1" in answer.stderr and "--yes" in answer.stderr
    assert "正用于开标" in answer.stderr and not answer.stdout and acts(ledger) == before
    told(*words, "--yes")
    with ledger.read() as session:
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()
    assert last is not None and last.detail is not None and last.detail["during"] == "o1"


@pytest.mark.parametrize("words", DISTURBING, ids=" ".join)
def test_what_disturbs_nothing_needs_no_word_more(ledger: Ledger, words: tuple[str, ...]) -> None:
    market_of_s(ledger, 300)
    told("room", "add", "r2", "--name", "二室", "--centre", "c1")
    told(*words)


def test_a_room_that_has_no_camera_yet_gets_one_and_a_released_one_comes_back_during_an_opening(
    ledger: Ledger,
) -> None:
    market_of_s(ledger)
    told("room", "camera", "r1", "--rtsp", "rtsp://cam/1")
    told("room", "release", "r1", "--yes")
    told("room", "camera", "r1", "--retake")
    told("room", "camera", "r1", "--none", "--yes")
    told("room", "camera", "r1", "--rtsp", "rtsp://cam/1")
    told("room", "edit", "r1", "--name", "改名")


def centres(ledger: Ledger) -> list[str]:
    with ledger.read() as session:
        return sorted(session.scalars(select(Centre.id)))


@pytest.mark.parametrize(
    "words", ["330100", "市本级", " 市本级 ", "City level", "CITY LEVEL", "３３０１００"]
)
def test_a_centre_is_known_by_its_id_or_its_name(ledger: Ledger, words: str) -> None:
    with ledger.write() as session:
        session.add(Centre(id="330100", name="市本级", name_en="City level", source="platform"))
    answer = told("room", "add", "r1", "--name", "一室", "--centre", words)
    assert (answer["centre"], answer["centre_new"]) == ("330100", False)
    told("room", "add", "r2", "--name", "二室", "--centre", "c9")
    told("room", "edit", "r2", "--centre", words)
    with ledger.read() as session:
        assert session.get_one(Room, "r2").centre_id == "330100"
    assert centres(ledger) == ["330100", "c9"]


def test_a_new_centre_is_told_and_several_of_a_name_are_not_guessed(ledger: Ledger) -> None:
    answer = sunbid("room", "add", "r1", "--name", "一室", "--centre", "余杭分中心")
    assert answer.exit_code == 0 and "余杭分中心" in answer.stderr and "新建" in answer.stderr
    assert "新建" not in sunbid("room", "add", "r2", "--name", "二室", "--centre", "余杭分中心").stderr
    assert "新建" in sunbid("room", "edit", "r2", "--centre", "富阳").stderr
    with ledger.write() as session:
        session.add_all(Centre(id=key, name="县级", source="platform") for key in ("a", "b"))
    for words in (("add", "r3", "--name", "三室"), ("edit", "r1")):
        refused = sunbid("room", *words, "--centre", "县级")
        assert refused.exit_code == 1 and "a、b" in refused.stderr
    told("room", "add", "r3", "--name", "三室", "--centre", "a")
    assert centres(ledger) == ["a", "b", "余杭分中心", "富阳"]


def test_a_room_that_reads_like_another_is_told(ledger: Ledger) -> None:
    told("room", "add", "r1", "--name", "一室", "--centre", "c1")
    answer = sunbid("room", "add", "my-room", "--name", "一室", "--centre", "c1")
    assert answer.exit_code == 0 and "同名" in answer.stderr and "r1" in answer.stderr


@pytest.mark.parametrize(
    ("first", "twin"),
    [
        (("source", "add", "hzctc"), ("source", "add", "HzCTC")),
        (("source", "add", "hzctc"), ("source", "add", "ｈｚｃｔｃ")),
        (("room", "add", "hz-1", "--name", "a", "--centre", "c"), ("room", "add", "HZ-1", "--name", "b", "--centre", "c")),
        (("user", "add", "li", "--role", "leader", "--password-stdin"), ("user", "add", "Li", "--role", "admin", "--password-stdin")),
    ],
)  # fmt: skip
def test_a_name_that_differs_in_case_or_width_only_is_another_slip(
    ledger: Ledger, first: tuple[str, ...], twin: tuple[str, ...]
) -> None:
    told(*first, stdin=PASSWORD)
    before = acts(ledger)
    answer = sunbid(*twin, stdin=PASSWORD)
    assert answer.exit_code == 1 and first[2] in answer.stderr and acts(ledger) == before


def test_the_last_administrator_stays(ledger: Ledger) -> None:
    for name in ("wang", "li"):
        told("user", "add", name, "--role", "admin", "--password-stdin", stdin=PASSWORD)
    told("user", "disable", "wang")
    for words in (("disable", "li"), ("role", "li", "leader")):
        answer = sunbid("user", *words)
        assert answer.exit_code == 1 and "最后一个管理员" in answer.stderr
    told("user", "role", "li", "admin")
    told("user", "enable", "wang")
    told("user", "disable", "li")


@pytest.mark.parametrize(
    "words",
    ["user password", "user enable", "user disable", "user role", "user unlock", "source token", "source disable",
     "source enable", "room edit", "room remove", "room camera", "room release"],
)  # fmt: skip
def test_every_command_explains_itself(words: str) -> None:
    answer = sunbid(*words.split(), "--help")
    assert answer.exit_code == 0 and "输出 JSON" in answer.stdout and "--json" in answer.stdout


def test_each_role_has_one_name_everywhere() -> None:
    """The readme's table, the demonstration's accounts, the commands and the screens say the same."""
    from sunbid.demo.start import ACCOUNTS

    readme = (ROOT / "README.md").read_text("utf-8")
    table = dict(re.findall(r"^\| `([\w-]+)` \| (\S+) \|", readme, re.MULTILINE))
    assert table == {role: role_name(role, "zh") for role in ROLES}
    assert {name: role for name, role, _ in ACCOUNTS} == {role: role for role in ROLES}
    assert all(shown.endswith(role_name(role, "zh")) for _, role, shown in ACCOUNTS)
    for command in ("add", "role"):
        assert all(role in sunbid("user", command, "--help").stdout.replace("\n", "") for role in ROLES)
    assert not messages.words("zh", "common.role_"), "names have one home"
    others = ("公众服务员", "系统管理员")
    places = [
        *ROOT.glob("docs/*.md"),
        ROOT / "README.md",
        *ROOT.glob("dashboard/**/*.json"),
        *ROOT.glob("sunbid/**/*.py"),
    ]
    assert not [(p.name, word) for p in places for word in others if word in p.read_text("utf-8")]


def test_a_cameras_password_need_not_stand_on_a_command_line(ledger: Ledger) -> None:
    address = "rtsp://admin:camera-secret@10.0.0.9/live"
    told("room", "add", "hz-77", "--name", "开标室", "--centre", "hz", "--rtsp", "-", stdin=address + "\n")
    with ledger.read() as session:
        assert session.get_one(Room, "hz-77").rtsp_url == address
    told("room", "camera", "hz-77", "--rtsp", "-", stdin="rtsp://a:b@10.0.0.8/x\n")
    with ledger.read() as session:
        assert session.get_one(Room, "hz-77").rtsp_url == "rtsp://a:b@10.0.0.8/x"


def test_a_wall_displays_whole_life(ledger: Ledger) -> None:
    made = told("display", "add", "lobby", "--screens", "savings,hall", "--seconds", "45")
    assert made["open"] == f"http://127.0.0.1:8601/auth/display#{made['token']}"
    [row] = json.loads(sunbid("display", "list", "--json").stdout)
    assert (row["name"], row["screens"], row["seconds"], row["revoked"]) == (
        "lobby",
        ["savings", "hall"],
        45,
        False,
    )
    assert str(made["token"]) not in sunbid("display", "list").stdout
    assert told("display", "revoke", "lobby") == {"display": "lobby", "revoked": True}
    assert json.loads(sunbid("display", "list", "--json").stdout)[0]["revoked"] is True
    assert acts(ledger) == [("display.add", "lobby"), ("display.revoke", "lobby")]
    for words, code in (
        (("revoke", "lobby"), 1),
        (("revoke", "nobody"), 1),
        (("add", "x", "--screens", "leads"), 2),
    ):
        assert sunbid("display", *words).exit_code == code, words


def test_the_help_of_displays_lists_the_screens_there_are() -> None:
    from dashboard import screens
    from sunbid.commands import displays

    assert tuple(displays.SCREENS.split(",")) == screens.WALL
