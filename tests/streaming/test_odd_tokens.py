"""Tokens of any bytes at the hub's doors: refused like any other that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.lightpeer import LightPeer
from records.ledger import Ledger
from tests.streaming.encoder import whole_hub

BYTES = [b"Bearer \xff", b"Bearer \xc3\xa9\xed\xa0\x80", b"Bearer a\x7fb", b"Bearer " + b"x" * 20_000, b"Bearer", b"Bearer  ",
         b"Basic \xff\xfe", b"\xff\xff", b"bearer \xe9"]  # fmt: skip
QUERIES = ["%ff", "%ed%a0%80", "%00", "x" * 5_000, "", "é"]


async def test_publishing_watching_and_orders_of_the_desk(ledger: Ledger, tmp_path: Path) -> None:
    peer = LightPeer()
    async with whole_hub(ledger, tmp_path) as hub:
        hub.peers.append(peer)
        for value in BYTES:
            headers = {b"Authorization": value, b"Content-Type": b"application/sdp"}
            offered = await hub.http.post("/whip/hz-01", content=peer.offer("sendonly"), headers=headers)
            assert offered.status_code in (401, 403), value
            watched = await hub.http.post("/whep/hz-e1", content=peer.offer("recvonly"), headers=headers)
            assert watched.status_code == 404, value
            ordered = await hub.http.get("/control/rooms", headers={b"Authorization": value})
            assert ordered.status_code in (401, 403), value
        for query in QUERIES:
            answer = await hub.http.post(
                f"/whep/hz-e1?token={query}", content=peer.offer("recvonly"),
                headers={"Content-Type": "application/sdp"},
            )  # fmt: skip
            assert answer.status_code in (400, 404), query
            answer = await hub.http.get(f"/hls/hz-e1/index.m3u8?token={query}")
            assert answer.status_code in (400, 404), query


@pytest.mark.parametrize("room", ["nowhere", "%ff", "%ed%a0%80", "hz-01%00"])
async def test_rooms_of_any_bytes(ledger: Ledger, tmp_path: Path, room: str) -> None:
    peer = LightPeer()
    async with whole_hub(ledger, tmp_path) as hub:
        hub.peers.append(peer)
        headers = {"Authorization": "Bearer x", "Content-Type": "application/sdp"}
        for door in ("whip", "whep"):
            answer = await hub.http.post(f"/{door}/{room}", content=peer.offer("sendonly"), headers=headers)
            assert answer.status_code in (400, 404), (door, answer.status_code)
