"""Time stamps of an authority (RFC 3161) over a checkpoint; `rfc3161-client` is an optional extra.

They are checked in `evidence.verify`.
"""

from __future__ import annotations

import urllib.request
from importlib.util import find_spec

from evidence.verify import LARGEST_STAMP, is_stamp

LONGEST = 20.0
"""Seconds an authority may take."""


def available() -> bool:
    """Whether the extra is installed."""
    return find_spec("rfc3161_client") is not None


def ask(url: str, message: bytes) -> bytes:
    """The authority's reply over `message`, DER. Raises OSError where it cannot be reached, ValueError where it refuses."""
    from rfc3161_client import PKIStatus, TimestampRequestBuilder, decode_timestamp_response

    wanted = TimestampRequestBuilder().data(message).nonce(nonce=True).cert_request(cert_request=True).build()
    headers = {"content-type": "application/timestamp-query"}
    request = urllib.request.Request(url, wanted.as_bytes(), headers)
    with urllib.request.urlopen(request, timeout=LONGEST) as answer:
        reply: bytes = answer.read(LARGEST_STAMP + 1)
    if not is_stamp(reply):
        raise ValueError("no time stamp")
    if decode_timestamp_response(reply).status not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        raise ValueError("time stamp refused")
    return reply
