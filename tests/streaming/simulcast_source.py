"""A publisher of two layers, as libwebrtc would send them."""

import asyncio
import struct

from media_helper import Camera, number, stamp

from benchmarks.lightpeer import H264_LINES
from streaming.wire import rtcp, simulcast

LARGE, SMALL = 0x2000, 0x1000  # SSRCs of the layers h and l
EXTMAPS = [f"a=extmap:{index} {uri}" for index, uri in enumerate(simulcast.EXTENSIONS, 4)]
LAYERED = [*H264_LINES, *EXTMAPS, "a=rid:l send", "a=rid:h send", "a=simulcast:send l;h"]


class Source:
    """A publisher of two layers that answers PLIs; `on` says which of them it sends. Numbers of packets in
    `lose` never leave it; it repeats them when asked, as libwebrtc does, naming the layer."""

    def __init__(self, peer, *, named=True, on=(LARGE, SMALL)):
        self.peer, self.named = peer, named
        self.cameras = {LARGE: Camera(ssrc=LARGE, sequence=700), SMALL: Camera(ssrc=SMALL, sequence=65000)}
        self.on = set(on)
        self.keys, self.asked, self.nacked, self.lose = {LARGE, SMALL}, [], [], set()
        self.sent = {}
        self._repeats = 0
        peer.on_rtcp = self._heard
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            for media in sorted(self.on):
                self.frame(media)
            await asyncio.sleep(0.02)

    def frame(self, media):
        key = media in self.keys
        self.keys.discard(media)
        for packet in self.cameras[media].frame(key=key, size=800 if media == LARGE else 80):
            self.sent[media, number(packet)] = packet
            if (media, number(packet)) not in self.lose:
                self.peer.send_rtp(self.name(packet, 5, media) if self.named else packet)

    def name(self, packet, key, media):
        name = b"h" if media == LARGE else b"l"
        body = bytes((key << 4,)) + name + bytes(2)
        return bytes((packet[0] | 0x10,)) + packet[1:12] + b"\xbe\xde\x00\x01" + body + packet[12:]

    def repeat(self, media, lost):
        packet = self.sent[media, lost]
        self._repeats += 1
        head = struct.pack("!BBHII", 0x80, packet[1] & 0x80 | 97, self._repeats, stamp(packet), media + 1)
        packet = head + packet[2:4] + packet[12:]
        self.peer.send_rtp(self.name(packet, 6, media) if self.named else packet)

    def _heard(self, data):
        for packet in rtcp.parse(data):
            if packet.kind == rtcp.PSFB and packet.format == rtcp.PLI:
                self.asked.append(packet.media)
                self.keys.add(packet.media)
            elif packet.kind == rtcp.RTPFB and packet.lost:
                self.nacked += [(packet.media, lost) for lost in packet.lost]
                for lost in packet.lost:
                    self.repeat(packet.media, lost)

    def stop(self):
        self._task.cancel()
