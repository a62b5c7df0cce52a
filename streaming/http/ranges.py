"""Answers by byte ranges (RFC 9110 §14): what players seek in, and what a broken download goes on from."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from records.serving.requests import has_tag

STRIDE = 256 << 10
"""Bytes read at a time: a slow reader holds no more than that in memory."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)

Read = Callable[[int, int], bytes]
"""(first byte, byte behind the last) → those bytes; called in worker threads."""


def asked(header: str, size: int) -> tuple[int, int] | None:
    """The one range asked for, (first byte, byte behind the last); None where all is to be sent, as for several ranges or
    what is no range. (0, 0) where nothing of it is there."""
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2] or size) + 1)
    return (start, end) if start < end else (0, 0)


def ranged(request: Request, size: int, read: Read, headers: Mapping[str, str], media_type: str) -> Response:
    """The whole or the range asked for; `headers` hold the ETag."""
    tag, sent = headers["etag"], {**headers, "accept-ranges": "bytes"}
    if has_tag(request, tag):
        return Response(status_code=304, headers=sent)
    wanted = asked(request.headers.get("range", ""), size)
    if wanted and request.headers.get("if-range", tag) != tag:
        wanted = None
    if wanted == (0, 0):
        return Response(status_code=416, headers={**sent, "content-range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    sent["content-length"] = str(end - start)
    if wanted:
        sent["content-range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=sent, media_type=media_type)
    return StreamingResponse(_body(read, start, end), status, sent, media_type)


async def _body(read: Read, start: int, end: int) -> AsyncIterator[bytes]:
    while start < end:
        until = min(end, start + STRIDE)
        yield await asyncio.to_thread(read, start, until)
        start = until
