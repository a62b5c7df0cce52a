"""A WebRTC peer without codecs: real ICE check, real DTLS, SRTP packets as they are.

Load viewers, synthetic publishers and the tests are made of it. It speaks to any ICE-lite or full agent
that answers checks, ours and Janus' alike.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from collections.abc import Callable
from typing import Any, cast

from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from pylibsrtp import Error

from streaming.wire import stun
from streaming.wire.transport import enlarge

CERTIFICATE: Any = RTCCertificate.generateCertificate()
FINGERPRINT: str = next(f.value for f in CERTIFICATE.getFingerprints() if f.algorithm == "sha-256")
CHECKS, CHECK_EVERY = 50, 0.1

H264_LINES = [
    "a=rtpmap:96 H264/90000",
    "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
]
VP8_LINES = ["a=rtpmap:98 VP8/90000", "a=rtcp-fb:98 nack", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98"]
OPUS_LINES = ["a=rtpmap:111 opus/48000/2"]


class LightPeer:
    """One peer on one UDP socket. `on_rtp` and `on_rtcp` get decrypted packets."""

    role = "controlling"

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        enlarge(self.sock)
        self.sock.bind((address, 0))
        self.address: tuple[str, int] = self.sock.getsockname()
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.on_rtp: Callable[[bytes], None] = lambda packet: None
        self.on_rtcp: Callable[[bytes], None] = lambda packet: None
        self.lose: Callable[[bytes], bool] = lambda data: False  # a bad line: True drops the datagram
        self.refused = 0
        self.dtls: Any = None
        self._remote: tuple[str, str] = ("", "")
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.early: list[bytes] = []
        self._checked = asyncio.Event()
        self._reading = False

    # -- SDP --------------------------------------------------------------------------------------

    def offer(
        self,
        direction: str,
        *,
        setup: str = "actpass",
        video: list[str] | None = None,
        audio: list[str] | None = None,
    ) -> str:
        """An offer with one video and one audio section; an empty list leaves a section out."""
        video = H264_LINES if video is None else video
        audio = OPUS_LINES if audio is None else audio
        sections = [(kind, lines) for kind, lines in (("video", video), ("audio", audio)) if lines]
        head = ["v=0", f"o=- {secrets.randbits(60)} 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        head.append("a=group:BUNDLE " + " ".join(str(index) for index in range(len(sections))))
        for index, (kind, lines) in enumerate(sections):
            head += self._section(kind, index, direction, setup) + lines
        return "\r\n".join(line.replace("%types%", _types(sections, line)) for line in head) + "\r\n"

    def _section(self, kind: str, index: int, direction: str, setup: str) -> list[str]:
        return [
            f"m={kind} 9 UDP/TLS/RTP/SAVPF %types%",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{index}",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            f"a={direction}",
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            f"a=fingerprint:sha-256 {FINGERPRINT}",
            f"a=setup:{setup}",
            f"a=candidate:1 1 udp 2130706431 {self.address[0]} {self.address[1]} typ host",
        ]

    # -- connecting -------------------------------------------------------------------------------

    async def connect(self, remote: str) -> None:
        """ICE check and DTLS with the peer of that description (an answer, or Janus' offer).

        ConnectionError where it does not answer or the handshake fails.
        """
        self._remote = (_attribute(remote, "ice-ufrag"), _attribute(remote, "ice-pwd"))
        self._open(remote)
        self.read()
        await self._check()
        self.dtls = RTCDtlsTransport(cast("RTCIceTransport", self), [CERTIFICATE])
        self.dtls._set_role("server" if _attribute(remote, "setup") == "active" else "client")
        algorithm, value = _attribute(remote, "fingerprint").split()
        await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(algorithm, value)]))
        if self.dtls.state != "connected":
            raise ConnectionError(f"DTLS: {self.dtls.state}")
        # media may overtake the handshake's end: the reader queues that, but sees media at once
        early, self.early = self.early, []
        for data in early:
            self._decrypt(data)

    def _open(self, remote: str) -> None:
        """Make the path to the first candidate that can be used."""
        target = next(
            (line.split()[4], int(line.split()[5]))
            for line in re.findall(r"^a=candidate:(.*)$", remote, re.MULTILINE)
            if line.split()[2].lower() == "udp" and ":" not in line.split()[4]
        )
        self.sock.connect(target)

    async def _check(self) -> None:
        for _ in range(CHECKS):
            self.check()
            try:
                await asyncio.wait_for(self._checked.wait(), CHECK_EVERY)
            except TimeoutError:
                continue
            return
        raise ConnectionError("no answer to ICE checks")

    def check(self) -> None:
        """Send one binding request (also what keeps the peer's consent fresh)."""
        ufrag, password = self._remote
        self._put(stun.binding_request(f"{ufrag}:{self.ufrag}", password))

    def read(self) -> None:
        """Take datagrams on the running loop."""
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._readable)
        self._reading = True

    def stop_reading(self) -> None:
        """Leave the socket to someone else (a load test's sink)."""
        if self._reading:
            asyncio.get_running_loop().remove_reader(self.sock.fileno())
            self._reading = False

    def _readable(self) -> None:
        for _ in range(64):
            try:
                data = self.sock.recv(2048)
            except OSError:
                return
            self._packet(data)

    def _packet(self, data: bytes) -> None:
        if data[0] < 4:
            self.on_stun(data)
        elif data[0] < 64:
            self._queue.put_nowait(data)
        elif self.dtls is not None and self.dtls._rx_srtp is not None:
            self._decrypt(data)
        else:
            self.early.append(data)

    def on_stun(self, data: bytes) -> None:
        """Answer the peer's own checks, note its answers to ours."""
        message = stun.parse(data)
        if message.kind == stun.BINDING_SUCCESS:
            self._checked.set()
        elif message.kind == stun.BINDING_REQUEST and message.authentic(self.password):
            self._put(stun.success(message, self.sock.getpeername(), self.password))

    def _decrypt(self, data: bytes) -> None:
        if self.lose(data):
            return
        try:
            if 192 <= data[1] <= 223:
                self.on_rtcp(self.dtls._rx_srtp.unprotect_rtcp(data))
            else:
                self.on_rtp(self.dtls._rx_srtp.unprotect(data))
        except Error:
            self.refused += 1  # repeated or forged

    # -- sending ----------------------------------------------------------------------------------

    def send_rtp(self, packet: bytes) -> None:
        self._put(self.dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        self._put(self.dtls._tx_srtp.protect_rtcp(packet))

    async def close(self) -> None:
        """Say goodbye (DTLS close) and release the socket."""
        if self.dtls is not None:
            await self.dtls.stop()
        self.vanish()

    def vanish(self) -> None:
        """Be gone without a word, as after a cut cable."""
        self.stop_reading()
        self._queue.put_nowait(None)
        self.sock.close()

    def _put(self, data: bytes) -> None:
        try:
            self.sock.send(data)
        except (BlockingIOError, ConnectionRefusedError):
            return  # the network may lose datagrams; so may we

    # what RTCDtlsTransport wants of its transport
    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("closed")
        return data

    async def _send(self, data: bytes) -> None:
        self._put(data)


def _types(sections: list[tuple[str, list[str]]], line: str) -> str:
    lines = dict(sections).get(line[2:7], [])
    return " ".join(item.split(":")[1].split()[0] for item in lines if item.startswith("a=rtpmap:"))


def _attribute(text: str, name: str) -> str:
    found = re.search(rf"^a={name}:(.*)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"a={name} missing")
    return found.group(1).strip()
