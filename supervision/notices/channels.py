"""The ways a notice goes out: a webhook (JSON over HTTP) and e-mail (SMTP).

A notice names nobody: rule, level, title and lot, and the address at which a supervisor signs in and sees the rest
(warnings are for supervisors only).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import httpx

from messages import DEFAULT, Message

TIMEOUT = 10.0
"""Seconds a receiver has to answer."""
SIGNATURE = "X-Sunbid-Signature"
"""Header with `sha256=` and the HMAC of the body, where a secret is set."""

Notice = dict[str, Any]
"""{"id", "rule", "level", "title", "lot", "lot_name", "raised_at", "url"}."""


class NotDelivered(Exception):
    """A receiver did not take the notices; the text says why, without addresses or secrets."""


class Channel(Protocol):
    """A way to tell of warnings."""

    @property
    def name(self) -> str:
        """What it is called in the log, and under which how far it has come is kept."""

    def send(self, notices: Sequence[Notice]) -> None:
        """Hand over the notices, oldest first. Raises NotDelivered."""


@dataclass(frozen=True)
class Webhook:
    """POST {"warnings": […]} to an address; any 2xx is taken as received."""

    url: str
    secret: str = ""
    name: str = "webhook"

    def send(self, notices: Sequence[Notice]) -> None:
        """Raises NotDelivered."""
        body = json.dumps({"warnings": list(notices)}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers[SIGNATURE] = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        try:
            answer = httpx.post(self.url, content=body, headers=headers, timeout=TIMEOUT)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotDelivered(type(error).__name__) from None
        if not answer.is_success:
            raise NotDelivered(f"HTTP {answer.status_code}")


@dataclass(frozen=True)
class Mail:
    """One plain message to all receivers, by the server of an address smtp(s)://[user:password@]host[:port]."""

    server: str
    sender: str
    receivers: tuple[str, ...]
    name: str = "mail"

    def send(self, notices: Sequence[Notice]) -> None:
        """Raises NotDelivered."""
        try:
            with self._connected() as server:
                server.send_message(self.letter(notices))
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        """Signed in where the address has a user; a password is never sent in the clear."""
        address = urlsplit(self.server)
        secure, host = ssl.create_default_context(), address.hostname or ""
        if address.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, address.port or 465, timeout=TIMEOUT, context=secure
            )
        else:
            server = smtplib.SMTP(host, address.port or 25, timeout=TIMEOUT)
            if server.has_extn("starttls") or address.username:
                server.starttls(context=secure)
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        return server

    def letter(self, notices: Sequence[Notice]) -> EmailMessage:
        """The message: a line and an address each, and that a warning is no verdict."""
        letter = EmailMessage()
        letter["From"], letter["To"] = self.sender, ", ".join(self.receivers)
        letter["Subject"] = Message("notice.subject", n=len(notices)).text(DEFAULT)
        letter.set_content(
            "\n\n".join([*map(_line, notices), Message("notice.caution").text(DEFAULT)]) + "\n"
        )
        return letter


def _line(notice: Notice) -> str:
    level = Message(f"level.{notice['level']}").text(DEFAULT)
    lot = notice["lot_name"] or Message("notice.no_lot").text(DEFAULT)
    return f"{level}  {notice['title']}  {lot}\n{notice['raised_at']}  {notice['url']}"
