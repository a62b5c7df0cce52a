"""Why a record is not taken: the place in it, and the reason as a message."""

from __future__ import annotations

from messages import Fault, Message


def storable(text: str) -> str:
    """Text that every database takes: NUL and halves of characters written out as escapes."""
    return text.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode()


class Refusal(Fault):
    """A record is not taken. `reason` is what is kept, in every language: nobody knows who will read it."""

    def __init__(self, path: str, why: Message, kind: str | None = None, key: str | None = None) -> None:
        super().__init__(why)
        reason = why.in_every_language()
        self.path, self.reason = _short(storable(path), 500) or ".", _short(storable(reason), 2_000)
        self.kind, self.key = kind, key

    def text(self, lang: str) -> str:
        """The reason as the sender is answered, in its language."""
        return _short(storable(self.message.text(lang)), 2_000)


def _short(text: str, limit: int) -> str:
    """A name may be as long as its sender likes; what is said of it is not."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
