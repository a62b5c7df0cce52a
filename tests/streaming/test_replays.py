"""Replays: what was covered is in none of their bytes, they play from any second, and say where every event is."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.clock import frozen_at, rfc3339
from records.tables.evidence import Recording
from streaming.http.ranges import asked
from streaming.live.covers import HISTORY, Cover, withheld
from streaming.replay.cut import Cut, Cuts, Span, cut, without
from streaming.replay.movie import Movie
from streaming.replay.reels import Source, camera
from streaming.replay.samples import VIDEO, Mp4Samples, Sample
from streaming.replay.webm import WebmSamples
from tests.streaming import hub_market as market
from tests.streaming.film import keep, shoot, shoot_webm
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

START = datetime(2026, 11, 19, 5, 0, tzinfo=UTC)
SECONDS = 24


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shoot(tmp_path_factory.mktemp("film") / "film.mp4", SECONDS)


@pytest.fixture(scope="module")
def vp8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shoot_webm(tmp_path_factory.mktemp("film") / "film.webm", SECONDS)


@pytest.fixture(params=["H.264 in MP4", "VP8 in WebM"])
def either(request: pytest.FixtureRequest, film: Path, vp8: Path) -> Path:
    """A recording in each of the formats there are."""
    return film if request.param.endswith("MP4") else vp8


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def samples(path: Path) -> list[Sample]:
    with path.open("rb") as file:
        return list((WebmSamples if path.suffix == ".webm" else Mp4Samples)(file, path.stat().st_size))


def packets(body: bytes) -> list[tuple[str, float, bytes]]:
    with av.open(io.BytesIO(body)) as file:
        return [(p.stream.type, float(p.pts * p.time_base), bytes(p)) for p in file.demux() if p.size]


def decoded(body: bytes) -> int:
    with av.open(io.BytesIO(body)) as file:
        return sum(1 for _ in file.decode(video=0))


# -- the movie ----------------------------------------------------------------------------------------


def test_a_replay_is_the_recording_without_what_was_hidden(either: Path) -> None:
    without_what_was_hidden(either)


def test_so_it_is_of_pictures_that_are_not_sent_in_the_order_they_are_shown(tmp_path: Path) -> None:
    without_what_was_hidden(shoot(tmp_path / "a.mp4", SECONDS, between=2))


def without_what_was_hidden(path: Path) -> None:
    hidden, muted = Span(at(8), at(12), "covered"), Span(at(17), at(18), "covered")
    found = camera([Source(path, path.stat().st_size, START)], Cut("O1", at(2), at(22), (hidden,), (muted,)))
    (movie,) = found.reels
    body = movie.read(0, movie.size)
    seen = packets(body)
    pictures = sorted(moment for kind, moment, _ in seen if kind == "video")
    assert pictures[0] == 0 and max(b - a for a, b in pairwise(pictures)) < 0.2
    assert decoded(body) == len(pictures)
    assert pictures[-1] == pytest.approx(movie.seconds, abs=0.3)
    shown = [(s.start, s.start + timedelta(seconds=s.seconds)) for s in found.stretches]
    assert len(shown) == 2
    assert at(2) <= shown[0][0] and shown[0][1] <= at(7) and at(13) <= shown[1][0] and shown[1][1] <= at(22)
    sounds = sorted(moment for kind, moment, _ in seen if kind == "audio")
    second = found.stretches[1]
    silent = [second.at + (moment - second.start).total_seconds() for moment in (at(17), at(18))]
    assert not [moment for moment in sounds if silent[0] <= moment <= silent[1]]
    assert [moment for moment in sounds if moment > silent[1] + 1.5]


def test_no_byte_of_what_was_hidden_is_in_it(either: Path) -> None:
    hidden = Span(at(9), at(15), "paused")
    muted = Span(at(17), at(19), "covered")
    found = camera(
        [Source(either, either.stat().st_size, START)], Cut("O1", at(1), at(23), (hidden,), (muted,))
    )
    body = found.reels[0].read(0, found.reels[0].size)
    data = either.read_bytes()
    secret = [s for s in samples(either) if 9 <= s.shown < 15 or (s.kind != VIDEO and 17 <= s.shown < 19)]
    secret += [s for s in samples(either) if s.shown < 1 or s.shown >= 23]
    assert len(secret) > 300
    long = [data[s.offset : s.offset + s.size] for s in secret if s.size > 24]
    assert len(long) > 200 and not [part for part in long if part in body]
    if not isinstance(found.reels[0], Movie):
        return
    for piece in found.reels[0].pieces:
        for sample in secret:
            apart = sample.offset + sample.size <= piece.offset or piece.offset + piece.bytes <= sample.offset
            assert apart


def test_a_gap_without_pictures_takes_no_time(either: Path) -> None:
    source = Source(either, either.stat().st_size, START, ((at(6), at(14)),))
    found = camera([source], Cut("O1", START, at(SECONDS)))
    assert found.reels[0].seconds == pytest.approx(SECONDS - 8, abs=1.5)


def test_recordings_of_one_format_are_one_movie_and_another_size_is_another(
    tmp_path: Path, either: Path
) -> None:
    make = shoot if either.suffix == ".mp4" else shoot_webm
    other = make(tmp_path / f"b{either.suffix}", 6, size="640x360")
    files = [
        Source(either, either.stat().st_size, START),
        Source(either, either.stat().st_size, at(100)),
        Source(other, other.stat().st_size, at(200)),
    ]
    found = camera(files, Cut("O1", START, at(300)))
    assert [round(reel.seconds) for reel in found.reels] == [2 * SECONDS, 6]
    assert [(s.reel, s.start) for s in found.stretches] == [(0, START), (0, at(100)), (1, at(200))]
    assert decoded(found.reels[0].read(0, found.reels[0].size)) == pytest.approx(2 * SECONDS * 25, abs=2)
    assert found.place(at(101)) == found.stretches[1] and found.place(at(60)) is None


def test_a_publisher_that_comes_back_with_another_codec_begins_another_movie(film: Path, vp8: Path) -> None:
    files = [
        Source(path, path.stat().st_size, at(start)) for path, start in ((film, 0), (vp8, 40), (film, 80))
    ]
    found = camera(files, Cut("O1", START, at(300)))
    assert [reel.suffix for reel in found.reels] == ["mp4", "webm", "mp4"]
    assert [s.reel for s in found.stretches] == [0, 1, 2]


def test_only_whole_pieces_the_ledger_knows_are_read(either: Path, tmp_path: Path) -> None:
    half = either.stat().st_size // 2
    torn = tmp_path / either.name
    torn.write_bytes(either.read_bytes()[:half])
    reel = camera([Source(either, half, START)], Cut("O1", START, at(SECONDS))).reels[0]
    alike = camera([Source(torn, half, START)], Cut("O1", START, at(SECONDS))).reels[0]
    assert reel.read(0, reel.size) == alike.read(0, alike.size) and decoded(reel.read(0, reel.size)) > 100


def test_any_part_of_it_is_the_same_bytes(either: Path) -> None:
    hidden = Span(at(9), at(12), "paused")
    movie = camera([Source(either, either.stat().st_size, START)], Cut("O1", START, at(23), (hidden,))).reels[
        0
    ]
    whole, pick = movie.read(0, movie.size), random.Random(7)
    assert len(whole) == movie.size
    for _ in range(200):
        start = pick.randrange(movie.size)
        end = pick.randrange(start, movie.size + 10)
        assert movie.read(start, end) == whole[start:end]


def test_players_may_begin_at_any_second_of_a_webm(vp8: Path) -> None:
    """The places of its keyframes stand in its head: who seeks reads what is there, not all before it."""
    hidden = Span(at(9), at(12), "paused")
    movie = camera([Source(vp8, vp8.stat().st_size, START)], Cut("O1", START, at(23), (hidden,))).reels[0]
    with av.open(io.BytesIO(movie.read(0, movie.size))) as file:
        assert file.duration / 1e6 == pytest.approx(movie.seconds, abs=0.1)
        for second in (2, 7, 12, 16):
            file.seek(int(second * 1e6))
            frame = next(file.decode(video=0))
            assert second - 1.5 <= frame.time <= second + 0.1, (second, frame.time)


Numbers = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=6)


@given(Numbers, Numbers)
def test_intervals_are_taken_out_exactly(wholes: list[Any], holes: list[Any]) -> None:
    left = without([tuple(w) for w in wholes], [tuple(h) for h in holes])
    for tenth in range(0, 600, 5):
        moment = tenth / 10 + 0.01
        inside = any(a <= moment < b for a, b in wholes) and not any(a <= moment < b for a, b in holes)
        assert any(a <= moment < b for a, b in left) is inside


# -- what is left out ---------------------------------------------------------------------------------


def switch(second: float, act: str, on: bool, reason: str = "") -> dict[str, Any]:
    return {"at": rfc3339(at(second)), "act": act, "on": on, "by": ["a"], "reason": reason}


def opening(**changes: Any) -> dict[str, Any]:
    return {"id": "O1", "started_at": rfc3339(at(0)), "ended_at": rfc3339(at(100)), **changes}


def test_what_operators_withheld_is_told_from_their_switches() -> None:
    cover = Cover(history=(
        switch(10, "slate", True, "identity"), switch(11, "mute", True), switch(20, "slate", False),
        switch(20, "mute", False), switch(90, "slate", True, "technical"),
    ))  # fmt: skip
    assert withheld(cover, "slate", at(0), at(100)) == [
        (at(10), at(20), "identity"), (at(90), at(100), "technical"),
    ]  # fmt: skip
    assert withheld(cover, "mute", at(0), at(100)) == [(at(11), at(20), "")]
    assert withheld(cover, "slate", at(15), at(50)) == [(at(15), at(20), "identity")]
    assert withheld(cover, "slate", at(30), at(80)) == []


def test_uncovering_that_nobody_saw_covered_hides_all_before_it() -> None:
    assert withheld(Cover(history=(switch(40, "slate", False),)), "slate", at(0), at(100)) == [
        (at(0), at(40), "")
    ]


def test_pauses_and_covers_are_left_out_with_their_reasons() -> None:
    told = [
        {"type": "paused", "ts": rfc3339(at(30)), "payload": {"reason": "网络"}},
        {"type": "resumed", "ts": rfc3339(at(40)), "payload": {}},
        {"type": "paused", "ts": rfc3339(at(80)), "payload": {}},
    ]
    made = cut(
        opening(), told, Cover(history=(switch(5, "slate", True, "identity"), switch(6, "slate", False)))
    )
    assert made.hidden == (
        Span(at(5), at(6), "covered", "identity"), Span(at(30), at(40), "paused", "网络"), Span(at(80), at(100), "paused"),
    )  # fmt: skip


def test_where_switches_are_forgotten_nothing_is_shown() -> None:
    full = Cover(history=tuple(switch(50 + n / 100, "mute", n % 2 == 0) for n in range(HISTORY)))
    for made in (cut(opening(), [], full), cut(opening(), [], Cover(), damaged=True)):
        assert made.hidden == (Span(at(0), at(100), "unknown"),)


def test_a_cut_once_decided_stays(tmp_path: Path) -> None:
    made = Cut(
        "O/1 一", at(0), at(9), (Span(at(1), at(2), "paused", "理由"),), (Span(at(3), at(4), "covered"),)
    )
    Cuts(tmp_path).keep(made)
    assert Cuts(tmp_path).get("O/1 一") == made and Cuts(tmp_path).get("O2") is None


# -- ranges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None), ("bytes=0-", (0, 100)), ("bytes=10-19", (10, 20)), ("bytes=-30", (70, 100)), ("bytes=90-999", (90, 100)),
        ("bytes=-999", (0, 100)), ("bytes=100-", (0, 0)), ("bytes=-0", (0, 0)), ("bytes=20-10", (0, 0)), ("bytes=-", None),
        ("bytes=0-1,3-4", None), ("items=0-1", None), ("bytes=一-二", None), ("bytes=" + "9" * 40 + "-", None),
    ],
)  # fmt: skip
def test_ranges_are_read_as_rfc_9110_says(header: str, expected: Any) -> None:
    assert asked(header, 100) == expected


# -- at the door --------------------------------------------------------------------------------------


@pytest.fixture
def shown(rig: Rig, film: Path) -> Iterator[Rig]:
    """An opening read, paused and ended within the twenty-four seconds that were recorded."""
    with frozen_at(START - timedelta(hours=1)) as put:
        market.opening(rig.ledger, at=at(1))
        keep(rig.ledger, rig.data, film, "O1", START)
        keep(rig.ledger, rig.data, film, "O1", START, "far")
        put(at(1.5))
        market.begin(rig.ledger)
        put(at(4))
        market.read(rig.ledger, "O1", 1)
        put(at(9))
        market.event(rig.ledger, "O1", "paused", reason="网络<b>")
        put(at(12))
        market.event(rig.ledger, "O1", "resumed")
        put(at(16))
        rig.put = put  # type: ignore[attr-defined]
        yield rig


def end(rig: Rig) -> None:
    market.read(rig.ledger, "O1", 2)
    market.read(rig.ledger, "O1", 3)
    market.event(rig.ledger, "O1", "record_confirmed", rows=3)
    rig.put(at(21))  # type: ignore[attr-defined]
    market.event(rig.ledger, "O1", "ended", result="opened")
    until(lambda: rig_state(rig), "ended")


def test_nothing_is_replayed_before_the_end(shown: Rig) -> None:
    until(lambda: rig_state(shown), "in_progress")
    for path in ("replay", "replay/main-1.mp4", "replay/main-1.vtt", "replay/nothing"):
        answer = shown.get(f"/api/openings/O1/{path}")
        assert answer.status_code in (404, 409) and len(answer.content) < 400
    end(shown)
    assert shown.get("/api/openings/O1/replay").status_code == 200


def rig_state(rig: Rig) -> str:
    return str(rig.get("/api/openings/O1").json()["state"])


def test_the_replay_says_where_each_event_is(shown: Rig) -> None:
    end(shown)
    told = shown.get("/api/openings/O1/replay").json()
    assert [one["name"] for one in told["cameras"]] == ["main", "far"]
    assert [(hole["why"], hole["reason"]) for hole in told["left_out"]] == [("paused", "网络<b>")]
    first, second = told["cameras"][0]["stretches"]
    assert datetime.fromisoformat(first["from"]) >= at(1.5) and first["at"] == 0
    assert second["at"] == pytest.approx(first["seconds"], abs=0.01)
    read = next(chapter for chapter in told["chapters"] if chapter["type"] == "bid_read")
    assert read["no"] == 1 and datetime.fromisoformat(read["ts"]) == at(4)
    captions = shown.get(told["cameras"][0]["reels"][0]["captions"])
    assert captions.headers["content-type"].startswith("text/vtt") and captions.text.startswith("WEBVTT\n\n")
    since = 4 - (datetime.fromisoformat(first["from"]) - START).total_seconds()
    cue = captions.text.split("\n\n")[1]
    assert float(cue[6:12]) == pytest.approx(since, abs=0.01) and "第 1 号" in cue
    english = shown.get(told["cameras"][0]["reels"][0]["captions"] + "?lang=en").text
    assert "No. 1" in english or "No 1" in english


def test_the_movie_comes_by_ranges(shown: Rig) -> None:
    end(shown)
    reel = shown.get("/api/openings/O1/replay").json()["cameras"][0]["reels"][0]
    whole = shown.get(reel["url"])
    assert whole.status_code == 200 and len(whole.content) == reel["bytes"] and decoded(whole.content) > 200
    part = shown.get(reel["url"], range="bytes=1000-1999")
    assert part.status_code == 206 and part.content == whole.content[1000:2000]
    assert part.headers["content-range"] == f"bytes 1000-1999/{reel['bytes']}"
    tag = whole.headers["etag"]
    assert shown.get(reel["url"], **{"if-none-match": tag}).status_code == 304
    assert shown.get(reel["url"], range="bytes=5-9", **{"if-range": '"other"'}).status_code == 200
    assert shown.get(reel["url"], range="bytes=999999999-").status_code == 416
    head = shown.client.head(reel["url"])
    assert head.headers["content-length"] == str(reel["bytes"]) and head.headers["accept-ranges"] == "bytes"


def test_a_publisher_of_vp8_is_replayed_as_whole(rig: Rig, vp8: Path) -> None:
    """Both cameras, by ranges, with captions; without credentials, and not under the name of an MP4."""
    with frozen_at(START - timedelta(hours=1)) as put:
        market.opening(rig.ledger, at=at(1))
        for name in ("main", "far"):
            keep(rig.ledger, rig.data, vp8, "O1", START, name)
        put(at(1.5))
        market.begin(rig.ledger)
        put(at(4))
        market.read(rig.ledger, "O1", 1)
        put(at(8))
        rig.put = put  # type: ignore[attr-defined]
        end(rig)
        told = rig.get("/api/openings/O1/replay").json()
        assert [one["name"] for one in told["cameras"]] == ["main", "far"] and told["credentials"] is False
        for one in told["cameras"]:
            (reel,) = one["reels"]
            whole = rig.get(reel["url"])
            assert whole.headers["content-type"] == "video/webm" and len(whole.content) == reel["bytes"]
            assert decoded(whole.content) > 400
            assert rig.get(reel["url"], range="bytes=1000-1999").content == whole.content[1000:2000]
            taken = rig.get(f"{reel['url']}?download=1")
            assert taken.content == whole.content and ".webm" in taken.headers["content-disposition"]
            assert "投标报价" in rig.get(reel["captions"]).text
        assert rig.get("/api/openings/O1/replay/main-1.mp4").status_code == 404


def test_a_recording_that_is_gone_is_replayed_no_more(shown: Rig) -> None:
    end(shown)
    assert shown.get("/api/openings/O1/replay/main-1.mp4", range="bytes=0-9").status_code == 206
    with shown.ledger.write() as session:
        for row in session.query(Recording):
            row.bytes = 0
    assert shown.get("/api/openings/O1/replay").status_code == 404
    assert shown.get("/api/openings/O1/replay/main-1.mp4").status_code == 404


def test_what_operators_cover_is_remembered_when_the_opening_ends(shown: Rig, tmp_path: Path) -> None:
    end(shown)
    until(lambda: Cuts(shown.data).get("O1") is not None, True)
    made = Cuts(shown.data).get("O1")
    assert made and [(span.start, span.end, span.why) for span in made.hidden] == [(at(9), at(12), "paused")]


# -- content credentials ------------------------------------------------------------------------------


def test_a_file_taken_away_carries_credentials_that_another_reader_accepts(
    shown: Rig, tmp_path: Path
) -> None:
    import c2pa

    end(shown)
    answer = shown.get("/api/openings/O1/replay/main-1.mp4?download=1")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''O1-main-1.mp4"
    taken, changed = tmp_path / "taken.mp4", tmp_path / "changed.mp4"
    taken.write_bytes(answer.content)
    assert decoded(answer.content) > 200
    root = (shown.data / "keys" / "c2pa" / "chain.pem").read_text().split("-----END CERTIFICATE-----\n")[1]
    anchored = c2pa.Settings.from_dict(
        {"trust": {"trust_anchors": root + "-----END CERTIFICATE-----\n"}, "verify": {"verify_trust": True}}
    )
    with c2pa.Reader(taken, context=c2pa.Context(anchored)) as reader:
        assert reader.get_validation_state() == "Trusted"
        told = json.loads(reader.json())
    said = told["manifests"][told["active_manifest"]]["assertions"]
    assert next(a["data"] for a in said if a["label"] == "sunbid.opening")["id"] == "O1"
    body = bytearray(answer.content)
    body[-1000] ^= 1
    changed.write_bytes(body)
    with c2pa.Reader(changed) as reader:
        assert reader.get_validation_state() == "Invalid"
    again = shown.get("/api/openings/O1/replay/main-1.mp4?download=1", range="bytes=0-99")
    assert again.status_code == 206 and again.content == answer.content[:100]
