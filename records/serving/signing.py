"""The one key the processes share: sign-in cookies, view tokens for non-public pictures, keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

from messages import Message
from records.serving import private

KEY_FILE = "signing.key"
TICKET_SECONDS = 60
"""How long after it was made a publishing ticket opens its room."""


def load_key(data_dir: Path) -> bytes:
    """The signing key of this installation, made on first use; readable by its owner only."""
    path = data_dir / KEY_FILE
    private.folder(data_dir)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    return _read(path)


def _read(path: Path) -> bytes:
    """Another process may have made the file and not yet written it."""
    for _ in range(200):
        text = path.read_text().strip()
        if len(text) == 64:
            return bytes.fromhex(text)
        os.sched_yield()
    raise RuntimeError(Message("records.signing_key_incomplete", file=path.name))


def serializer(key: bytes, purpose: str) -> URLSafeTimedSerializer:
    """Signed, dated tokens for one purpose; a token for one purpose is no good for another."""
    return URLSafeTimedSerializer(
        key, salt=f"sunbid/{purpose}", signer_kwargs={"digest_method": hashlib.sha256}
    )


def view_token(key: bytes, room_id: str, viewer: str, look: str = "") -> str:
    """A token with which `viewer` may watch a non-public room; the desk signs it, the hub checks it. `look` is the number
    of the entry that says why."""
    return serializer(key, "view").dumps({"room": room_id, "viewer": viewer, "look": look})


def check_view_token(key: bytes, token: str, room_id: str, max_age: int = 600) -> str | None:
    """The viewer's name if `token` opens `room_id` and is younger than `max_age` seconds, else None."""
    found = read_view_token(key, token, room_id, max_age)
    return found[0] if found else None


def read_view_token(key: bytes, token: str, room_id: str, max_age: int = 600) -> tuple[str, str] | None:
    """Viewer and look of a token that opens `room_id` and is younger than `max_age` seconds, else None."""
    try:
        data = serializer(key, "view").loads(token, max_age=max_age)
    except BadSignature:
        return None
    return (data["viewer"], data.get("look", "")) if data.get("room") == room_id else None


def publish_ticket(key: bytes, room_id: str) -> str:
    """What opens a room to one publisher, once and soon: for programs that can be given it on a command line only,
    where others read it; by then it is spent."""
    return serializer(key, "publish").dumps({"room": room_id, "once": secrets.token_hex(8)})


def check_publish_ticket(key: bytes, ticket: str, room_id: str, max_age: int = TICKET_SECONDS) -> str | None:
    """The ticket's number if it opens `room_id` and is younger than `max_age` seconds, else None. Whoever asks keeps
    the numbers that are spent."""
    try:
        data = serializer(key, "publish").loads(ticket, max_age=max_age)
    except BadSignature:
        return None
    return data["once"] if data.get("room") == room_id else None


def keyed_hash(key: bytes, value: str) -> str:
    """Keyed hash of an identifier (an account number): equal inputs can be matched, none can be guessed."""
    return hmac.new(key, value.strip().encode(), hashlib.sha256).hexdigest()


def token_hash(token: str) -> str:
    """SHA-256 of a bearer token with 256 bits of entropy, as stored."""
    # a client may send halves of characters; no token of ours has any
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()


def new_token() -> str:
    """A fresh bearer token."""
    return secrets.token_urlsafe(32)
