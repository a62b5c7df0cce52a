"""The line inside 内部画面 of a public room: what the desk sees of its cameras while the public sees nothing.

Before an opening begins and after it has ended the room is off air: who walks in is the number of bidders. Operators
must see whether the picture is good, witnesses what they witness: they watch a second pair of streams out of the same
source. Mute and slate apply to it as to the public's, being off air does not. While nobody watches it nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping

from streaming.fanout import Fanout
from streaming.rooms.stream import Outbox, Stream


class InsideLine:
    """A second pair of streams beside those of the public, fed by the same source while anybody watches it."""

    def __init__(self, public: Mapping[str, Stream], fanout: Fanout, outbox: Outbox) -> None:
        self._public = public
        self.streams = {kind: Stream(kind, fanout.group(), outbox) for kind in public}
        for kind, stream in self.streams.items():
            stream.rewriter.ssrc = public[kind].ssrc  # an answer names it before the first packet
        self.watched = False

    def begin(self) -> None:
        """Somebody watches: from the public's last keyframe on where that was shown, else from the next one."""
        if self.watched:
            return
        self.watched = True
        for kind, stream in self.streams.items():
            stream.go_on_from(self._public[kind])
            self._public[kind].inside = stream

    def rest(self) -> None:
        """Nobody watches any more."""
        self.watched = False
        for kind, stream in self.streams.items():
            self._public[kind].inside = None
            stream.idle()

    def cover(self, *, muted: bool, slated: bool) -> None:
        """Withhold sound or picture by order, as from the public."""
        self.streams["audio"].withhold(muted)
        self.streams["video"].withhold(slated)
