"""Notices by e-mail (SMTP)."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from messages import DEFAULT, Message
from supervision.notices.channel import TIMEOUT, NotDelivered, Notice


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
