"""Every ffmpeg command of sunbid: built by ffmpeg-python for the bundled ffmpeg, as a list of arguments.

Options that are ffmpeg's own (how much it says, whether it overwrites) stand among those of the first input or of the
output, so that the output itself is always the last argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

Options = Mapping[str, str | float | None]
"""Option → value; None for one that takes none."""

QUIET: Options = {"v": "error", "nostats": None}
UNATTENDED: Options = {**QUIET, "nostdin": None}

# -- recording ------------------------------------------------------------------------------------

_RTP_ON_LOOPBACK: Options = {
    **QUIET,
    "protocol_whitelist": "pipe,udp,rtp",
    "probesize": 1_000_000,
    "analyzeduration": 20_000_000,
    "fpsprobesize": 0,
    "copyts": None,
    "f": "sdp",
}
"""Every picture keeps the time its source gave it: without copyts ffmpeg takes slow ones for jumps of the clock. The
size is known with the second picture, which may take its time; what comes before is kept."""
_COPIED: Options = {
    "map": 0,
    "c": "copy",
    "avoid_negative_ts": "make_zero",
    "max_interleave_delta": 500_000,
    "flush_packets": 1,
    "n": None,
}
_TIMES = (
    r"setts=pts=max(PTS\,DTS):dts=if(gt((PTS-DTS)*TB\,2)\,PTS\,DTS),"
    r"setts=pts=PTS:dts=DTS:duration=if(gt(NEXT_DTS\,DTS)\,NEXT_DTS-DTS\,PREV_OUTDURATION)"
)
"""Times of H.264 pictures in MP4. The first comes without one, and ffmpeg guesses when to decode those it has seen before
it knew of B-frames: a guess seconds off is of slow pictures, which have none. Each stands until the next: where the sound
ends a fragment, the muxer would guess, and put the next picture to where its guess ended."""
_MICROSECONDS, _MILLISECONDS = 1e6, 1e3


def recording(container: str, path: Path, fragment_seconds: float) -> list[str]:
    """Copy the RTP that the SDP on standard input describes into a new file.

    container         mp4 or webm: what is on disk never changes again, first a head, then whole pieces
    fragment_seconds  length of a piece
    """
    return _compiled(
        ffmpeg.input("pipe:0", **_RTP_ON_LOOPBACK).output(str(path), **_pieces(container, fragment_seconds))
    )


def _pieces(container: str, seconds: float) -> Options:
    if container == "mp4":
        # frag_discont: the first picture may come after fragments of sound alone
        flags = "+frag_keyframe+empty_moov+default_base_moof+skip_trailer+frag_discont"
        length = int(seconds * _MICROSECONDS)
        return {**_COPIED, "bsf:v": _TIMES, "movflags": flags, "frag_duration": length, "f": "mp4"}
    length = int(seconds * _MILLISECONDS)
    return {**_COPIED, "live": 1, "cluster_time_limit": length, "cluster_size_limit": 16_000_000, "f": "webm"}


# -- cameras --------------------------------------------------------------------------------------

_CAMERA: Options = {
    "hide_banner": None,
    "nostats": None,
    "v": "warning",
    "fflags": "+nobuffer",
    "probesize": 500_000,
    "analyzeduration": 1_500_000,
    "f": "concat",
    "safe": 0,
}
_AS_IT_IS: Options = {"c:v": "copy", "bsf:v": "dump_extra=freq=keyframe"}
_CODED_ANEW: Options = {
    "c:v": "libx264",
    "preset": "veryfast",
    "tune": "zerolatency",
    "profile:v": "baseline",
    "pix_fmt": "yuv420p",
    "bf": 0,
    "threads": 2,
    "force_key_frames": "expr:gte(t,n_forced*2)",
    "b:v": "1500k",
    "maxrate": "2000k",
    "bufsize": "1000k",
    "vf": "scale='min(1280,iw)':-2",
    "bsf:v": "dump_extra=freq=keyframe",
}
_SOUND: Options = {
    "c:a": "libopus",
    "ac": 2,
    "ar": 48_000,
    "b:a": "32k",
    "application": "lowdelay",
    "af": "aresample=async=1000",
}
"""Sound alone is always coded anew: cameras send A-law or AAC, browsers take Opus."""
_AT_ONCE: Options = {"max_interleave_delta": 1, "flush_packets": 1, "f": "sap"}


def camera(sink: str, protocols: Sequence[str], *, transcode: bool) -> list[str]:
    """Pull the stream that a concat script on standard input names, and send it as plain RTP.

    sink       sap:// address of the receiver
    protocols  ffmpeg's protocols by which the stream may be fetched
    transcode  code the pictures anew (H.264 baseline) instead of passing them on
    """
    source = ffmpeg.input("pipe:0", **_CAMERA, protocol_whitelist=",".join(("pipe", *protocols)))
    picture = _CODED_ANEW if transcode else _AS_IT_IS
    return _compiled(ffmpeg.output(source["v:0"], source["a:0?"], sink, **{**picture, **_SOUND, **_AT_ONCE}))


# -- synthetic pictures ---------------------------------------------------------------------------

TONE = "sine=frequency=440:sample_rate=48000"
"""The sound of a synthetic room: a filter graph without inputs."""
LIVE_H264: Options = {
    "c:v": "libx264",
    "preset": "ultrafast",
    "tune": "zerolatency",
    "profile:v": "baseline",
    "pix_fmt": "yuv420p",
    "bf": 0,
}
"""What browsers take and no encoder holds back."""
LIVE_OPUS: Options = {"c:a": "libopus", "ac": 2}


def moving_picture(size: str, rate: int) -> str:
    """A filter graph that draws a test picture of WIDTHxHEIGHT, `rate` a second."""
    return graph(("testsrc2", {"size": size, "rate": rate}))


def graph(*filters: tuple[str, Options]) -> str:
    """A chain of filters without inputs, each a name and its options. Values are taken as they are (see `quoted`)."""
    return ",".join(_filter(name, options) for name, options in filters)


def _filter(name: str, options: Options) -> str:
    return f"{name}={':'.join(f'{key}={value}' for key, value in options.items())}"


def quoted(path: Path) -> str:
    """A path as a value in a filter graph: quoted for the graph, its colons and quotes for the option."""
    inner = str(path.resolve()).replace("\\", "\\\\").replace("'", "\\'").replace(":", "\\:")
    return "'" + inner.replace("'", "'\\''") + "'"


def publish(
    address: str, token: str | None, picture: str, sound: str = TONE, coding: Options | None = None
) -> list[str]:
    """Draw, sound and publish by WHIP for ever.

    picture, sound  filter graphs
    token           what opens the room; on the command line, where everybody on the machine can read it
    coding          options beside, or in place of, `LIVE_H264` and `LIVE_OPUS`
    """
    options = {**LIVE_H264, **LIVE_OPUS, **(coding or {}), "f": "whip"}
    if token is not None:
        options["authorization"] = token
    return _compiled(ffmpeg.output(_drawn(picture, **UNATTENDED), _drawn(sound), address, **options))


def send(ports: Mapping[str, int], picture: str, coding: Options, sound: str = TONE) -> list[str]:
    """Draw (and sound, where `ports` has one for audio) as plain RTP to ports of the loopback."""
    rtp: Options = {"f": "rtp"}
    outputs = [_drawn(picture, **UNATTENDED)["v"].output(_loopback(ports["video"]), **coding, **rtp)]
    if "audio" in ports:
        outputs.append(_drawn(sound)["a"].output(_loopback(ports["audio"]), **LIVE_OPUS, **rtp))
    return _compiled(ffmpeg.merge_outputs(*outputs))


def _drawn(graph: str, **options: str | float | None) -> ffmpeg.Stream:
    """A filter graph at the pace of the clock."""
    return ffmpeg.input(graph, **options, re=None, f="lavfi")


def _loopback(port: int) -> str:
    return f"rtp://127.0.0.1:{port}?pkt_size=1200"


# -- files ----------------------------------------------------------------------------------------


def draw_file(path: Path, picture: str, sound: str, coding: Options) -> list[str]:
    """Two filter graphs that end, coded into a file; an old one is replaced."""
    sources = (ffmpeg.input(picture, **UNATTENDED, f="lavfi"), ffmpeg.input(sound, f="lavfi"))
    return _compiled(ffmpeg.output(*sources, str(path), **coding, y=None))


def play_by_whip(clip: Path, address: str, token: str | None = None) -> list[str]:
    """Publish a file for ever as it is, by WHIP."""
    options: Options = {} if token is None else {"authorization": token}
    return _compiled(_endless(clip).output(address, c="copy", f="whip", **options))


def play_as_rtp(clip: Path, ports: Mapping[str, int], payload_types: Mapping[str, int]) -> list[str]:
    """Send picture and sound of a file for ever as plain RTP to ports of the loopback."""
    source = _endless(clip)
    outputs = (
        source[kind[0]].output(_loopback(port), c="copy", payload_type=payload_types[kind], f="rtp")
        for kind, port in ports.items()
    )
    return _compiled(ffmpeg.merge_outputs(*outputs))


def _endless(clip: Path) -> ffmpeg.Stream:
    return ffmpeg.input(str(clip), **UNATTENDED, re=None, stream_loop=-1)


def decode(path: Path) -> list[str]:
    """Decode a file from end to end and keep nothing; fails at the first error."""
    return _compiled(ffmpeg.input(str(path), **UNATTENDED, xerror=None).output("-", f="null"))


def program() -> str:
    """Path of the bundled ffmpeg (or of the one that IMAGEIO_FFMPEG_EXE names). RuntimeError where there is none."""
    return imageio_ffmpeg.get_ffmpeg_exe()


def muxers() -> list[str]:
    """List the formats it can write; there is nothing to build: it reads and writes no stream."""
    return [program(), "-hide_banner", "-muxers"]


def _compiled(command: ffmpeg.Stream) -> list[str]:
    return ffmpeg.compile(command, cmd=program())
