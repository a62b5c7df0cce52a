"""CPU per viewer: our three fan-outs, Janus, and aiortc's MediaRelay, fed by the same clip in the same run.

Counted is the serving process alone (all its threads), from /proc. The clip is H.264 720p25 with Opus,
about 1.1 Mbit/s, encoded once and then only copied, so the source costs next to nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import janus
from benchmarks.viewers import own_address
from messages import local
from streaming import ffmpeg

ENGINES = ("native", "abi", "plain", "janus", "relay")
RELAY_VIEWERS = 2  # MediaRelay re-encodes for each: a third would not fit a core
READY_SECONDS = 20.0
CLIP_SECONDS = 20
CODING: ffmpeg.Options = {
    "c:v": "libx264", "preset": "veryfast", "tune": "zerolatency", "profile:v": "baseline", "pix_fmt": "yuv420p",
    "b:v": "1M", "minrate": "1M", "maxrate": "1M", "bufsize": "500k", "nal-hrd": "cbr", "g": 50, "bf": 0,
    "c:a": "libopus", "b:a": "64k", "ac": 2,
}  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the comparison; prints a table, with --json also one JSON object on the last line."""
    parser = argparse.ArgumentParser(prog="sunbid bench fanout", description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0, help="measured time per engine")
    parser.add_argument("--late", type=int, default=60, help="viewers that join while the others watch")
    parser.add_argument("--engines", default=",".join(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    wanted = arguments.engines.split(",")
    unknown = sorted(set(wanted) - set(ENGINES))
    if unknown:
        parser.error(local("bench.unknown_engine", name=unknown[0], names=list(ENGINES)))
    with tempfile.TemporaryDirectory() as folder:
        clip = make_clip(Path(folder))
        results = {name: _attempt(name, clip, arguments) for name in wanted}
    _print_table(results)
    if arguments.json:
        print(json.dumps(summary(results)))
    return 0 if all("error" not in result for name, result in results.items() if name != "janus") else 1


def summary(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The keys of the contract, from the best of our paths that ran."""
    ours = next(
        (results[name] for name in ("native", "abi", "plain") if "cpu" in results.get(name, {})), None
    )
    yardstick = results.get("janus", {})
    ratio = None
    if ours and "cpu" in yardstick:
        # per delivered packet: an engine that falls behind must not look cheap for it
        ratio = (ours["cpu"] / ours["packets_per_second"]) / (
            yardstick["cpu"] / yardstick["packets_per_second"]
        )
    cpu = ours["cpu"] if ours else None
    return {
        "ratio_to_janus": round(ratio, 3) if ratio else None,
        "gaps": ours["gaps"] if ours else None,
        "unsent": ours["unsent"] if ours else None,
        "viewers_per_core": int(1 / cpu) if cpu else None,
        "engines": results,
    }


def _attempt(name: str, clip: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    print(f"… {name}", file=sys.stderr, flush=True)
    try:
        return measure(name, clip, arguments)
    except (OSError, RuntimeError, subprocess.SubprocessError, ValueError) as error:
        return {"error": str(error)[:300]}


def measure(name: str, clip: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """One engine: start it, feed it, fill it with viewers, read its clock twice."""
    address = own_address()
    with contextlib.ExitStack() as stack:
        if name == "janus":
            reason = janus.available()
            if reason:
                raise RuntimeError(reason)
            server, watch = _start_janus(stack, clip, address)
        else:
            server, watch = _start_ours(stack, name, clip, address)
        count = RELAY_VIEWERS if name == "relay" else arguments.viewers
        figures = _meter([*watch, "--address", address], arguments, count, server.pid)
    if not figures["viewers"]:
        raise RuntimeError(figures["first_error"] or "no viewer connected")
    cores = figures.pop("cores")
    return {**figures, "cpu": round(cores / figures["viewers"], 6), "cpu_total": round(cores, 4)}


def _start_ours(
    stack: contextlib.ExitStack, name: str, clip: Path, address: str
) -> tuple[subprocess.Popen[bytes], list[str]]:
    port = free_port(address)
    server = stack.enter_context(
        running([sys.executable, "-m", "benchmarks.engines", name, str(port), address])
    )
    base = f"http://{address}:{port}"
    _wait_for_http(base, server)
    stack.enter_context(running(ffmpeg.play_by_whip(clip, f"{base}/whip/rig")))
    time.sleep(3)
    return server, [sys.executable, "-m", "benchmarks.viewers", f"{base}/whep/rig"]


def _start_janus(
    stack: contextlib.ExitStack, clip: Path, address: str
) -> tuple[subprocess.Popen[bytes], list[str]]:
    control, video, audio = (free_port("127.0.0.1") for _ in range(3))
    server = janus.start(clip.parent / "janus", address, control, video, audio)
    stack.callback(_stop, server)
    time.sleep(2)
    if server.poll() is not None:
        raise RuntimeError((clip.parent / "janus" / "janus.log").read_text("utf-8", "replace")[-300:])
    ports, types = {"video": video, "audio": audio}, {"video": 96, "audio": 111}
    stack.enter_context(running(ffmpeg.play_as_rtp(clip, ports, types)))
    time.sleep(2)
    viewers = [sys.executable, "-m", "benchmarks.viewers", f"ws://127.0.0.1:{control}"]
    return server, [*viewers, "--janus", str(janus.MOUNTPOINT)]


def _meter(watch: list[str], arguments: argparse.Namespace, count: int, pid: int) -> dict[str, Any]:
    """Run the viewers; their figures, the server's CPU (cores) between their two marks, and how others
    join while they watch."""
    command = [*watch, "-n", str(count), "--seconds", str(arguments.seconds), "--stay"]
    started = ended = late = Mark()
    figures: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as viewers:
        assert viewers.stdout is not None and viewers.stdin is not None
        for line in viewers.stdout:
            message = json.loads(line)
            if message.get("event") == "steady":
                started = Mark.of(pid)
            elif message.get("event") == "done":
                ended = Mark.of(pid)
                unsent = _unsent(watch)
                joins = _latecomers(watch, arguments.late)
                late = Mark.of(pid)
                viewers.stdin.write("\n")
                viewers.stdin.flush()
            else:
                figures = message | joins | {"unsent": unsent}
    if not figures or ended.at == started.at:
        raise RuntimeError("the load viewers failed")
    steady, seconds = ended.at - started.at, late.at - ended.at
    idle = (ended.loop - started.loop) / steady
    if figures["late_viewers"]:
        busy = late.loop - ended.loop - idle * seconds
        figures["loop_ms_per_join"] = round(1000 * busy / figures["late_viewers"], 2)
    return figures | {"cores": (ended.process - started.process) / steady, "loop_cores": round(idle, 4)}


def _latecomers(watch: list[str], count: int) -> dict[str, Any]:
    """Joins from another process: their rate, and when each saw its first picture packet."""
    if not count:
        return {"late_viewers": 0}
    command = [*watch, "-n", str(count), "--seconds", "1", "--settle", "0.5"]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=120).stdout
    figures = json.loads(out.splitlines()[-1])
    kept = ("viewers", "joins_per_second", "first_packet_ms_p50", "first_packet_ms_p95", "gaps", "errors")
    return {f"late_{key}": figures[key] for key in kept}


def _unsent(watch: list[str]) -> int | None:
    """Datagrams our server did not send, of all so far; None for the other engines."""
    url = next((word for word in watch if word.endswith("/whep/rig")), "").removesuffix("/whep/rig")
    try:
        with urllib.request.urlopen(f"{url}/unsent", timeout=5) as answer:
            return int(answer.read())
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Mark:
    """A moment: when, and the CPU seconds used so far by the process and by its first thread."""

    at: float = 0.0
    process: float = 0.0
    loop: float = 0.0

    @classmethod
    def of(cls, pid: int) -> Mark:
        return cls(time.monotonic(), cpu_seconds(f"{pid}"), cpu_seconds(f"{pid}/task/{pid}"))


def cpu_seconds(task: str) -> float:
    """User and system time of a process (`PID`, all its threads) or of one thread (`PID/task/TID`)."""
    fields = Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_clip(folder: Path) -> Path:
    """Twenty seconds of 720p25 at about 1 Mbit/s with 64 kbit/s Opus."""
    clip = folder / "clip.mkv"
    picture = ffmpeg.graph(("testsrc2", {"size": "1280x720", "rate": 25, "duration": CLIP_SECONDS}))
    sound = ffmpeg.graph(("sine", {"frequency": 440, "sample_rate": 48_000, "duration": CLIP_SECONDS}))
    subprocess.run(ffmpeg.draw_file(clip, picture, sound, CODING), check=True, timeout=120)
    return clip


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is stopped at the end, whatever happens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _wait_for_http(base: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/", timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start")


def _print_table(results: dict[str, dict[str, Any]]) -> None:
    print(
        f"{'engine':8} {'viewers':>7} {'CPU/viewer':>10} {'a core':>7} {'Mbit/s':>7} {'gaps':>6} {'unsent':>7}"
        f" | meanwhile {'joins/s':>8} {'first ms p95':>12} {'loop ms/join':>12}"
    )
    for name, result in results.items():
        if "cpu" not in result:
            print(f"{name:8} – {result['error']}")
            continue
        print(
            f"{name:8} {result['viewers']:7} {result['cpu']:10.4%} {1 / result['cpu']:7.0f}"
            f" {result['mbit_per_viewer']:7.2f} {result['gaps']:6} {result['unsent'] if result['unsent'] is not None else '–':>7}"
            f" |           {result.get('late_joins_per_second') or 0:8} {result.get('late_first_packet_ms_p95') or 0:12}"
            f" {result.get('loop_ms_per_join') or 0:12}"
        )


if __name__ == "__main__":
    sys.exit(main())
