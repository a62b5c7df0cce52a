"""Opus → AAC for players that take nothing else (Safari); the only place where the hub transcodes."""

from __future__ import annotations

from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from streaming.hls.fmp4 import AUDIO_SCALE, AUDIO_TRACK, Sample, Stretch
from streaming.hls.sound import SILENCE, SOUND_SLACK

FRAME = 1024
"""Samples in an AAC frame."""
BIT_RATE = 96_000
CODEC = "mp4a.40.2"
_TIME_BASE = Fraction(1, AUDIO_SCALE)


class AacEncoder:
    """Stretches of Opus in, stretches of AAC for the same times out. Not for the event loop: about
    0.2 ms of work a packet."""

    def __init__(self) -> None:
        self._begin(0)

    def _begin(self, place: int) -> None:
        """Start anew with the sound that follows at `place`."""
        decoder, encoder = av.CodecContext.create("libopus", "r"), av.CodecContext.create("aac", "w")
        assert isinstance(decoder, AudioCodecContext) and isinstance(encoder, AudioCodecContext)
        decoder.sample_rate, decoder.layout = AUDIO_SCALE, "stereo"
        encoder.sample_rate, encoder.layout, encoder.format = AUDIO_SCALE, "stereo", "fltp"
        encoder.bit_rate, encoder.time_base = BIT_RATE, _TIME_BASE
        encoder.open()
        self._decoder, self._encoder = decoder, encoder
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_SCALE)
        self._fifo = AudioFifo()
        self._fed = self._taken = place
        self._ready: list[tuple[int, Sample]] = []

    @property
    def config(self) -> bytes:
        """AudioSpecificConfig for the head of the file."""
        return bytes(self._encoder.extradata or b"")

    def push(self, sound: Stretch) -> None:
        """Transcode one stretch; a hole before it starts the encoder anew."""
        if abs(sound.start - self._fed) > SOUND_SLACK:
            self._begin(sound.start)
        for sample in sound.samples:
            self._fed += sample.duration
            for decoded in self._decoded(sample):
                decoded.pts = None
                for frame in self._resampler.resample(decoded):
                    self._fifo.write(frame)
            while (whole := self._fifo.read(FRAME)) is not None:
                self._encode(whole)

    def _decoded(self, sample: Sample) -> list[AudioFrame]:
        """A packet that is no Opus sounds like silence of its length."""
        try:
            return self._decoder.decode(av.Packet(sample.data))
        except av.error.InvalidDataError:
            return self._decoder.decode(av.Packet(SILENCE.data)) * max(1, sample.duration // SILENCE.duration)

    def _encode(self, frame: AudioFrame) -> None:
        frame.pts, frame.time_base = self._taken, _TIME_BASE
        self._taken += FRAME
        for packet in self._encoder.encode(frame):
            place = packet.pts if packet.pts is not None else self._taken - 2 * FRAME
            if place >= 0:
                self._ready.append((place, Sample(bytes(packet), FRAME)))

    def pop_before(self, end: int) -> Stretch | None:
        """The AAC frames that begin before `end` (ticks), up to the first hole."""
        chosen: list[Sample] = []
        start = following = self._ready[0][0] if self._ready else 0
        while self._ready and self._ready[0][0] < end and self._ready[0][0] == following:
            place, sample = self._ready.pop(0)
            chosen.append(sample)
            following = place + FRAME
        return Stretch(AUDIO_TRACK, start, tuple(chosen)) if chosen else None


def transcode(encoder: AacEncoder, sound: Stretch | None, end: int) -> Stretch | None:
    """One part's worth: push what there is, take what is ready before `end`."""
    if sound is not None:
        encoder.push(sound)
    return encoder.pop_before(end)
