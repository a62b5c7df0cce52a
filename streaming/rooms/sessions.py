"""The sessions of the hub by id, and the limits that keep strangers from filling its memory."""

from __future__ import annotations

from collections import deque

from streaming.rooms.peer import Peer

VIEWERS_PER_ROOM = 3000
UNFINISHED = 256  # sessions whose handshake is under way; beyond that the oldest viewer's is ended
REMEMBERED = 10_000  # ids of ended sessions that still answer DELETE with 200


class Sessions:
    def __init__(self) -> None:
        self._alive: dict[str, Peer] = {}
        self._unfinished: dict[str, Peer] = {}  # looked through at each join, so without the audience
        self._ended: deque[str] = deque(maxlen=REMEMBERED)
        self.evicted = 0

    def add(self, peer: Peer) -> None:
        """Register a new session, making room among the unfinished ones."""
        self._unfinished = {id: one for id, one in self._unfinished.items() if not one.connected}
        if len(self._unfinished) >= UNFINISHED:
            waiting = self._unfinished.values()
            oldest = next((one for one in waiting if one.kind == "viewer"), next(iter(waiting)))
            self.evicted += 1
            oldest.close("evicted")
        self._alive[peer.id] = self._unfinished[peer.id] = peer
        peer.on_closed.append(self._forget)

    def get(self, kind: str, room: str, session: str) -> Peer | None:
        peer = self._alive.get(session)
        return peer if peer is not None and (peer.kind, peer.room_name) == (kind, room) else None

    def ended(self, session: str) -> bool:
        """Whether that was a session of ours not long ago."""
        return session in self._ended

    def all(self) -> list[Peer]:
        return list(self._alive.values())

    def _forget(self, peer: Peer) -> None:
        self._unfinished.pop(peer.id, None)
        if self._alive.pop(peer.id, None) is not None:
            self.remember(peer.id)

    def remember(self, session: str) -> None:
        """Note a session that is over (one on an edge was never kept here)."""
        self._ended.append(session)
