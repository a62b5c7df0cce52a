"""Notices by webhook: JSON over HTTP, signed where a secret is set."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from supervision.notices.channel import TIMEOUT, NotDelivered, Notice

SIGNATURE = "X-Sunbid-Signature"
"""Header with `sha256=` and the HMAC of the body, where a secret is set."""


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
