"""Sign-in sessions 会话: a signed cookie, checked against the account at most a few seconds ago."""

from __future__ import annotations

import secrets
import threading
import time
from pathlib import Path

from itsdangerous import BadSignature

from dashboard.access.accounts import SignedIn
from evidence.files import write_whole
from records.clock import timestamp
from records.ledger import Ledger
from records.serving import signing
from records.tables.users import User

MAX_AGE = 12 * 3600
"""A session ends after a working day at the latest; seconds."""
FRESH = 3.0
"""For how many seconds an account's row is believed before it is read again."""
SIGNED_OUT = "signed-out.txt"


class Sessions:
    """Issues, checks and ends sessions. Signed-out ids are kept in a file, so a restart forgets none."""

    def __init__(self, ledger: Ledger, data_dir: Path) -> None:
        self._ledger = ledger
        self._signer = signing.serializer(signing.load_key(data_dir), "session")
        self._file = data_dir / SIGNED_OUT
        self._lock = threading.Lock()
        self._ended = self._read_ended()
        self._users: dict[str, tuple[float, SignedIn | None, int]] = {}

    def issue(self, user: User) -> str:
        """A token for `user`, good until MAX_AGE, sign-out, a new password or the account's end."""
        return self._signer.dumps({"u": user.name, "e": user.session_epoch, "s": secrets.token_urlsafe(12)})

    def check(self, token: str) -> SignedIn | None:
        """Who holds `token`; None if it is forged, expired, signed out, or the account is closed."""
        try:
            data = self._signer.loads(token, max_age=MAX_AGE)
        except BadSignature:
            return None
        if data["s"] in self._ended:
            return None
        user, epoch = self._user(data["u"])
        return user if epoch == data["e"] else None

    def end(self, token: str) -> None:
        """Sign out: this token is refused from now on, here and after a restart."""
        try:
            data = self._signer.loads(token, max_age=MAX_AGE)
        except BadSignature:
            return
        until = int(timestamp()) + MAX_AGE
        with self._lock:
            self._ended[data["s"]] = until
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{until} {data['s']}\n")

    def forget(self, name: str) -> None:
        """Read the account anew at the next check."""
        self._users.pop(name, None)

    def _user(self, name: str) -> tuple[SignedIn | None, int]:
        read_at, user, epoch = self._users.get(name, (0.0, None, -1))
        if not read_at or time.monotonic() - read_at > FRESH:
            with self._ledger.read() as session:
                row = session.get(User, name)
            user = SignedIn(row.name, row.role, row.display_name) if row and not row.disabled else None
            epoch = row.session_epoch if row else -1
            self._users[name] = (time.monotonic(), user, epoch)
        return user, epoch

    def _read_ended(self) -> dict[str, int]:
        """Read the file and rewrite it without what has expired anyway."""
        if not self._file.exists():
            return {}
        lines = [line.split() for line in self._file.read_text(encoding="ascii").splitlines()]
        kept = {pair[1]: int(pair[0]) for pair in lines if len(pair) == 2 and int(pair[0]) > timestamp()}
        write_whole(self._file, "".join(f"{until} {sid}\n" for sid, until in kept.items()).encode("ascii"))
        return kept
