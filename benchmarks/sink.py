"""Empties the sockets of many light viewers with little work: recvmmsg, headers looked at all at once.

A load generator that needs more than the server it loads measures itself. Sockets are swept four times a
second instead of being woken up for, as if the viewers sat on machines of their own.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from cffi import FFI

from benchmarks.lightpeer import LightPeer
from streaming.fanout.abi import ffi as abi

AUDIO_PAYLOAD_TYPE = 111
SWEEP, YOUNG_SWEEP = 0.25, 0.005  # seconds between looks; at those who have seen nothing yet
BATCH, SLOT = 64, 2048
_MSG_DONTWAIT = 0x40

ffi: Any = FFI()
ffi.include(abi)
ffi.cdef("int recvmmsg(int, struct mmsghdr *, unsigned, int, void *);")


@dataclass
class Seat:
    """One viewer: its peer, and what the sink counts of it."""

    peer: LightPeer
    asked: float
    first: float | None = None
    packets: int = 0
    octets: int = 0
    gaps: int = 0
    last: int = -1


class Sink:
    """A thread that reads for all seats."""

    def __init__(self) -> None:
        self._libc: Any = ffi.dlopen(None)
        self._buffers = ffi.new(f"unsigned char[{BATCH * SLOT}]")
        self._vectors = ffi.new(f"struct iovec[{BATCH}]")
        self._messages = ffi.new(f"struct mmsghdr[{BATCH}]")
        for index in range(BATCH):
            self._vectors[index].iov_base = self._buffers + index * SLOT
            self._vectors[index].iov_len = SLOT
            self._messages[index].msg_hdr.msg_iov = self._vectors + index
            self._messages[index].msg_hdr.msg_iovlen = 1
        flat: Any = np.frombuffer(ffi.buffer(self._buffers), dtype=np.uint8)
        self._octets = flat.reshape(BATCH, SLOT)
        sizes: Any = np.frombuffer(ffi.buffer(self._messages), dtype=np.uint32)
        words = ffi.sizeof("struct mmsghdr") // 4
        self._sizes = sizes.reshape(BATCH, words)[:, ffi.offsetof("struct mmsghdr", "msg_len") // 4]
        self._seats: list[Seat] = []
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def add(self, seat: Seat) -> None:
        """Read this seat's socket from now on."""
        self._seats.append(seat)

    def _run(self) -> None:
        whole = 0.0
        while not self._stop.wait(YOUNG_SWEEP):
            due = time.monotonic() - whole >= SWEEP
            if due:
                whole = time.monotonic()
            for seat in tuple(self._seats):
                if due or seat.first is None:
                    self._empty(seat)

    def _empty(self, seat: Seat) -> None:
        fd = seat.peer.sock.fileno()
        while fd >= 0:
            count = self._libc.recvmmsg(fd, self._messages, BATCH, _MSG_DONTWAIT, ffi.NULL)
            if count <= 0:
                return
            self._note(seat, count)
            if count < BATCH:
                return

    def _note(self, seat: Seat, count: int) -> None:
        heads, sizes = self._octets[:count], self._sizes[:count]
        kinds = heads[:, 1]
        for index in np.flatnonzero(heads[:, 0] < 4):
            seat.peer.on_stun(bytes(heads[index, : sizes[index]]))
        rtp = (heads[:, 0] >= 128) & ((kinds < 192) | (kinds > 223))
        seat.packets += int(rtp.sum())
        seat.octets += int(sizes[rtp].sum())
        video = rtp & (kinds & 127 != AUDIO_PAYLOAD_TYPE)
        numbers = heads[video, 2].astype(np.int64) << 8 | heads[video, 3]
        if not len(numbers):
            return
        if seat.first is None:
            seat.first = time.monotonic()
            seat.last = int(numbers[0]) - 1
        ahead = np.diff(numbers, prepend=seat.last) & 0xFFFF
        seat.gaps += int((ahead[(ahead > 1) & (ahead < 0x8000)] - 1).sum())
        seat.last = int(numbers[-1])
