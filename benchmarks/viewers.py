"""Light viewers under load: real ICE and DTLS, then SRTP packets counted and their numbers checked.

python -m benchmarks.viewers http://127.0.0.1:8600/whep/hz-01 -n 200 --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from benchmarks.lightpeer import LightPeer
from benchmarks.sink import Seat, Sink

Join = Callable[[LightPeer], Awaitable[str]]


class Audience:
    """All viewers of a run and the sink that empties their sockets."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self.errors: list[str] = []
        self._sink = Sink()

    def start(self) -> None:
        self._sink.start()

    def stop(self) -> None:
        self._sink.stop()

    def seat(self, seat: Seat) -> None:
        """The sink takes over the socket of a connected peer."""
        seat.peer.stop_reading()
        self.seats.append(seat)
        self._sink.add(seat)


async def watch(audience: Audience, count: int, join: Join, *, address: str, parallel: int = 16) -> float:
    """Connect `count` viewers; seconds it took. Failures are collected in `audience.errors`."""
    gate = asyncio.Semaphore(parallel)

    async def one() -> None:
        async with gate:
            peer = LightPeer(address)
            seat = Seat(peer, time.monotonic())
            try:
                await peer.connect(await join(peer))
            except (ConnectionError, OSError, httpx.HTTPError, TimeoutError, ValueError) as error:
                audience.errors.append(f"{type(error).__name__}: {error}"[:200])
                peer.vanish()
                return
            if peer.early:
                seat.first = time.monotonic()
            audience.seat(seat)

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.monotonic() - began


def whep(url: str, http: httpx.AsyncClient) -> Join:
    """Joining by WHEP."""

    async def join(peer: LightPeer) -> str:
        answer = await http.post(
            url, content=peer.offer("recvonly"), headers={"Content-Type": "application/sdp"}
        )
        if answer.status_code != 201:
            raise ConnectionError(f"{answer.status_code} {answer.text}")
        return answer.text

    return join


async def keep_alive(audience: Audience) -> None:
    """Consent checks, as every WebRTC client sends them."""
    while True:
        await asyncio.sleep(5)
        for seat in list(audience.seats):
            seat.peer.check()


async def measure(
    audience: Audience, seconds: float, settle: float, connect_seconds: float, stay: bool
) -> dict[str, object]:
    """Count for a while once everything flows; prints `steady` and `done` for whoever meters the server.
    The counts go on while it stays."""
    await asyncio.sleep(settle)
    before = [(seat.packets, seat.octets, seat.gaps) for seat in audience.seats]
    began = time.monotonic()
    print(json.dumps({"event": "steady"}), flush=True)
    await asyncio.sleep(seconds)
    print(json.dumps({"event": "done"}), flush=True)
    if stay:
        await asyncio.to_thread(sys.stdin.readline)
    took = time.monotonic() - began
    seats = audience.seats
    packets = sum(seat.packets - old[0] for seat, old in zip(seats, before, strict=True))
    octets = sum(seat.octets - old[1] for seat, old in zip(seats, before, strict=True))
    firsts = sorted(1000 * (seat.first - seat.asked) for seat in seats if seat.first is not None)
    return {
        "viewers": len(seats),
        "errors": len(audience.errors),
        "first_error": audience.errors[0] if audience.errors else None,
        "joins_per_second": round(len(seats) / connect_seconds, 1),
        "packets_per_second": round(packets / took / max(1, len(seats)), 1),
        "mbit_per_viewer": round(octets * 8 / took / 1e6 / max(1, len(seats)), 3),
        "gaps": sum(seat.gaps - old[2] for seat, old in zip(seats, before, strict=True)),
        "first_packet_ms_p50": round(statistics.median(firsts), 1) if firsts else None,
        "first_packet_ms_p95": round(firsts[int(len(firsts) * 0.95)], 1) if firsts else None,
    }


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    from benchmarks.janus import JanusViewers

    audience = Audience()
    audience.start()
    async with httpx.AsyncClient(timeout=20) as http:
        if arguments.janus:
            janus = await JanusViewers.open(arguments.url, arguments.janus)
            join: Join = janus.join
        else:
            join = whep(arguments.url, http)
        took = await watch(
            audience, arguments.n, join, address=arguments.address, parallel=arguments.parallel
        )
        task = asyncio.create_task(keep_alive(audience))
        figures = await measure(audience, arguments.seconds, arguments.settle, took, arguments.stay)
        task.cancel()
        audience.stop()
        for seat in audience.seats:
            await seat.peer.close()
    return figures


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="WHEP address, or Janus' WebSocket address with --janus")
    parser.add_argument("-n", type=int, default=100, help="viewers")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--settle", type=float, default=2)
    parser.add_argument("--parallel", type=int, default=16, help="joins under way at once")
    parser.add_argument("--address", default="127.0.0.1", help="local address of the viewers")
    parser.add_argument("--stay", action="store_true", help="after measuring, until a line on standard input")
    parser.add_argument("--janus", type=int, default=0, metavar="MOUNTPOINT")
    arguments = parser.parse_args(argv)
    _raise_file_limit(arguments.n)
    figures = asyncio.run(run(arguments))
    print(json.dumps(figures))
    return 0 if figures["viewers"] == arguments.n else 1


def _raise_file_limit(viewers: int) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < viewers + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, viewers + 200), hard))


def own_address() -> str:
    """This machine's address towards others, 127.0.0.1 where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


if __name__ == "__main__":
    sys.exit(main())
