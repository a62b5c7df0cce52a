"""Telephone sound (G.711, G.722) made Opus on its way in: everything behind a room knows one codec of sound.

About 0.07 ms of work a packet, only where an encoder offers no Opus.
"""

from __future__ import annotations

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo

from streaming.rooms.stream import Stream
from streaming.wire import rtp
from streaming.wire.codecs import CLOCK, OPUS, TELEPHONE, TELEPHONE_CLOCK, Codec
from streaming.wire.reorder import Reorder
from streaming.wire.serial import sequence, ticks_between
from streaming.wire.serial import timestamp as rtp_time

SCALE = CLOCK["audio"] // TELEPHONE_CLOCK
"""Ticks of Opus' RTP clock a tick of theirs."""
BIT_RATE = 32_000
_DECODERS = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw", "G722": "g722"}
_OPTIONS = {"application": "voip", "frame_duration": "20"}


class Voice:
    """RTP of one codec in, Opus of the same times out into the stream."""

    def __init__(self, codec: Codec, stream: Stream) -> None:
        self._name, self._stream = codec.name, stream
        self._rate = TELEPHONE[codec.name]
        self._order = Reorder()
        self._sequence = self._ssrc = 0
        self._expected: int | None = None
        self._began = self._written = 0

    def push(self, packet: bytes, now: float) -> None:
        """Take one packet of the source, in any order."""
        for ordered in self._order.push(packet, now):
            self._transcode(ordered, now)

    def _transcode(self, packet: bytes, now: float) -> None:
        payload, timestamp = rtp.payload(packet), rtp.timestamp(packet)
        if not payload:
            return
        if self._expected is None or abs(ticks_between(timestamp, self._expected)) > TELEPHONE_CLOCK // 100:
            self._begin(timestamp)  # the first packet, or one after a hole: a new piece of sound
        self._ssrc = rtp.ssrc(packet)
        for frame in self._decoder.decode(av.Packet(payload)):
            frame.pts = None
            self._fifo.write(frame)
        # each of the three spends a byte on a tick of the RTP clock
        self._expected = rtp_time(timestamp + len(payload))
        self._encode(now)

    def _begin(self, timestamp: int) -> None:
        decoder = av.CodecContext.create(_DECODERS[self._name], "r")
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(decoder, AudioCodecContext) and isinstance(encoder, AudioCodecContext)
        decoder.sample_rate, decoder.layout = self._rate, "mono"
        encoder.sample_rate, encoder.layout, encoder.format = self._rate, "mono", "s16"
        encoder.bit_rate, encoder.options = BIT_RATE, _OPTIONS
        encoder.open()
        self._decoder, self._encoder, self._fifo = decoder, encoder, AudioFifo()
        self._began, self._written = timestamp * SCALE, 0

    def _encode(self, now: float) -> None:
        size = self._rate // 50
        while (frame := self._fifo.read(size)) is not None:
            frame.pts = None
            for packet in self._encoder.encode(frame):
                self._send(bytes(packet), now)

    def _send(self, opus: bytes, now: float) -> None:
        timestamp = rtp_time(self._began + self._written)
        self._written += CLOCK["audio"] // 50
        self._sequence = sequence(self._sequence + 1)
        header = rtp.HEADER.pack(rtp.VERSION_BITS, 0, self._sequence, timestamp, self._ssrc)
        self._stream.push(header + opus, now)


def outgoing(codec: Codec) -> Codec:
    """What leaves the room for what comes in."""
    if codec.name not in TELEPHONE:
        return codec
    return Codec(OPUS, codec.payload_type, CLOCK["audio"], 2)
