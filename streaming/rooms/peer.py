"""A session: one client behind one ICE-lite transport, from its offer to its end."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import ClassVar, cast

import structlog
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCDtlsFingerprint, RTCDtlsParameters
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session as SrtpSession
from pylibsrtp import _binding

from streaming.rooms.publisher_notices import Notice
from streaming.wire import answer
from streaming.wire.codecs import Codec
from streaming.wire.rtp import HEADER_SIZE, RTCP_TYPES
from streaming.wire.sdp import Offer
from streaming.wire.transport import LiteTransport, UdpPort

log = structlog.get_logger()

HANDSHAKE = 15.0  # seconds from the answer to the first encrypted packet
CONSENT = 30.0  # seconds of silence after which a peer is gone (RFC 7675)
RENEW = 7 * 86400.0
LARGEST = 2048
"""Bytes of a datagram that is read."""

_PREFERENCE = (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AEAD_AES_256_GCM", b"SRTP_AES128_CM_SHA1_80")
PROFILES = sorted(SRTP_PROFILES, key=lambda profile: _PREFERENCE.index(profile.openssl_profile))


class Certificate:
    """The hub's DTLS certificate, renewed weekly; its SSL context is made once, not per peer."""

    def __init__(self) -> None:
        self._renewed = float("-inf")
        self._current: RTCCertificate

    def current(self) -> RTCCertificate:
        """The certificate for a new session."""
        if time.monotonic() - self._renewed > RENEW:
            certificate = RTCCertificate.generateCertificate()
            context = certificate._create_ssl_context(PROFILES)
            context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
            # aiortc asks for a new context with every session
            setattr(certificate, "_create_ssl_context", lambda srtp_profiles: context)  # noqa: B010 - a method of theirs
            self._current, self._renewed = certificate, time.monotonic()
        return self._current


class Decryptor:
    """SRTP of one peer, decrypted in a buffer that all peers share (one thread, one packet at a time)."""

    _buffer = _binding.ffi.new(f"unsigned char[{LARGEST}]")
    _bytes = _binding.ffi.buffer(_buffer)
    _length = _binding.ffi.new("int *")

    def __init__(self, session: SrtpSession) -> None:
        self._session = session  # keeps the C object alive
        self._srtp = session._srtp[0]

    def rtp(self, data: bytes) -> bytes | None:
        """The packet, or None where it is forged, replayed or malformed."""
        return self._run(_binding.lib.srtp_unprotect, data)

    def rtcp(self, data: bytes) -> bytes | None:
        return self._run(_binding.lib.srtp_unprotect_rtcp, data)

    def _run(self, unprotect: Callable[..., int], data: bytes) -> bytes | None:
        size = len(data)
        if not HEADER_SIZE <= size <= LARGEST:
            return None
        self._bytes[0:size] = data
        self._length[0] = size
        if unprotect(self._srtp, self._buffer, self._length):
            return None
        return bytes(self._bytes[0 : self._length[0]])


class Peer:
    """Common to publishers and viewers. `closed` is None while alive, then the reason."""

    kind: ClassVar[str]
    takes_tcp: ClassVar[bool] = False
    """Whether the client may also come by TCP: publishers have no other way where UDP is shut out."""
    early: ClassVar[int] = 0
    """How many packets of media are kept that come before the handshake is over."""

    def __init__(self, room: str, offer: Offer, udp: UdpPort, certificate: Certificate) -> None:
        self.id = secrets.token_urlsafe(18)
        self.etag = f'"{secrets.token_hex(6)}"'
        self.room_name = room
        self.offer = offer
        self.transport = LiteTransport(udp, takes_tcp=self.takes_tcp, early=self.early)
        self.created = time.monotonic()
        self.connected = False
        self.closed: str | None = None
        self.on_closed: list[Callable[[Peer], None]] = []
        self.rejected = 0
        self.notices: list[Notice] = []
        self.handshake_seconds: float | None = None
        self._certificate = certificate.current()
        self._remote = (offer.ufrag, offer.password)
        self._dtls: RTCDtlsTransport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.decryptor: Decryptor
        self.session: SrtpSession
        self.transport.on_moved = self.moved

    # -- what the two kinds fill in ---------------------------------------------------------------

    def started(self) -> None:
        """DTLS is up; media may flow."""
        raise NotImplementedError

    def on_rtp(self, data: bytes) -> None:
        """One SRTP datagram."""
        raise NotImplementedError

    def on_rtcp(self, data: bytes) -> None:
        """One decrypted RTCP compound."""
        raise NotImplementedError

    def moved(self) -> None:
        """The client nominated another address."""

    # -- life -------------------------------------------------------------------------------------

    def answer(
        self,
        chosen: dict[str, list[Codec]],
        candidates: list[answer.Candidate],
        senders: dict[str, answer.Sender] | None = None,
        silent: dict[str, list[Codec]] | None = None,
    ) -> str:
        """The SDP answer for the codecs taken from the offer; `silent` sections stay, but inactive."""
        digest = next(f.value for f in self._certificate.getFingerprints() if f.algorithm == "sha-256")
        setup = "active" if self.offer.setup == "passive" else "passive"
        transport = self.transport
        local = answer.Local(transport.ufrag, transport.password, digest, setup, candidates, senders or {})
        return answer.write(self.offer, local, chosen, silent)

    def begin(self) -> None:
        """Wait for the client's checks and handshake in the background."""
        self._spawn(self._handshake())

    def restart(self, ufrag: str, password: str) -> tuple[str, str] | None:
        """ICE restart: our new credentials, or None where the client's are the ones we know."""
        if (ufrag, password) == self._remote:
            return None
        self._remote = (ufrag, password)
        self.etag = f'"{secrets.token_hex(6)}"'
        return self.transport.new_credentials()

    def silent(self) -> bool:
        return self.connected and time.monotonic() - self.transport.heard > CONSENT

    def send_rtcp(self, data: bytes) -> None:
        if self.connected:
            self.transport.send(self.session.protect_rtcp(data))

    def close(self, reason: str) -> None:
        """End the session; the client sees the DTLS close, and its checks are refused. Doing it twice does nothing."""
        if self.closed is not None:
            return
        self.closed, self.connected = reason, False
        log.info("media.session_ended", kind=self.kind, room=self.room_name, reason=reason)
        for callback in self.on_closed:
            callback(self)
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._spawn(self._shutdown())

    async def wait_closed(self) -> None:
        """Until the client has been told and the path is released."""
        others = self._tasks - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _shutdown(self) -> None:
        self.transport.on_srtp = None
        if not self.offer.hears_close:
            self.transport.close()
        try:
            if self._dtls is not None:
                await self._dtls.stop()
        finally:
            self.transport.close()

    async def _handshake(self) -> None:
        try:
            async with asyncio.timeout(HANDSHAKE):
                await self.transport.ready.wait()
                dtls = self._dtls = self._prepared()
                prints = [RTCDtlsFingerprint(name, value) for name, value in self.offer.fingerprints]
                await dtls.start(RTCDtlsParameters(fingerprints=prints))
        except TimeoutError:
            self.close("no_handshake")
            return
        except (ConnectionError, SSL.Error, SrtpError) as error:
            log.info("media.handshake_failed", kind=self.kind, room=self.room_name, error=str(error))
            self.close("handshake_failed")
            return
        if dtls.state != "connected":
            self.close("handshake_failed")
            return
        self._up(dtls)

    def _prepared(self) -> RTCDtlsTransport:
        # of an RTCIceTransport it uses what a LiteTransport has: role, _recv, _send
        made = RTCDtlsTransport(cast("RTCIceTransport", self.transport), [self._certificate])
        made._srtp_profiles = PROFILES
        made._set_role("client" if self.offer.setup == "passive" else "server")
        return made

    def _up(self, dtls: RTCDtlsTransport) -> None:
        dtls.on("statechange", self._dtls_changed)
        self.session = dtls._tx_srtp
        self.decryptor = Decryptor(dtls._rx_srtp)
        self.transport.heard = time.monotonic()
        self.handshake_seconds = time.monotonic() - self.created
        self.connected = True
        log.info("media.session_connected", kind=self.kind, room=self.room_name)
        self.started()
        self.transport.receive(self._on_srtp)

    def _on_srtp(self, data: bytes) -> None:
        if len(data) > 1 and data[1] in RTCP_TYPES:
            plain = self.decryptor.rtcp(data)
            if plain is None:
                self.rejected += 1
                return
            self.transport.heard = time.monotonic()
            self.on_rtcp(plain)
        else:
            self.on_rtp(data)

    def _dtls_changed(self) -> None:
        if self._dtls is not None and self._dtls.state in ("closed", "failed"):
            self.close("left")

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
