"""The browser's side that both sites share: tokens, pictures and their fallback ladder, feeds, the story of an opening.

`web/browser/` holds plain ES modules. A site serves them in one folder with modules of its own (`Files`), under an
address with a hash of all their bytes: they import each other as `./ladder.js`, caches keep them for good, and nothing
is built or rewritten. hls.js stands beside them where npm has installed it (`npm ci --prefix web`); the player does
without it where it has not.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["HLS_JS", "Files", "folder", "stylesheet"]

_FOLDER = Path(__file__).parent
HLS_JS = _FOLDER / "node_modules" / "hls.js" / "dist" / "hls.light.min.mjs"
"""Put there by npm at install; without it browsers use their own HLS player."""
WORTH_ZIPPING = 600
"""Bytes of a file above which it is kept compressed as well."""
_KINDS = {"css": "text/css", "json": "application/json", "js": "text/javascript", "svg": "image/svg+xml"}
_FOREVER, _AGAIN = "public, max-age=31536000, immutable", "no-cache"


@cache
def folder(path: Path) -> Mapping[str, bytes]:
    """The files of a folder by name; those below it are not looked at."""
    return {found.name: found.read_bytes() for found in sorted(path.iterdir()) if found.is_file()}


def stylesheet(name: str) -> str:
    """A stylesheet of `web/browser`, to be put before a site's own."""
    return folder(_FOLDER / "browser")[f"{name}.css"].decode()


class Files:
    """What browsers load from one site: the shared files and its own, below `prefix` and a hash of them all."""

    def __init__(self, prefix: str, own: Mapping[str, bytes]) -> None:
        self._prefix = prefix
        self._bodies = {**folder(_FOLDER / "browser"), **_library(), **own}
        self._zipped = {
            name: _zipped(body) for name, body in self._bodies.items() if len(body) > WORTH_ZIPPING
        }
        self.version = _digest(self._bodies.items())
        self.base = f"{prefix}/{self.version}"

    def routes(self) -> list[Route]:
        """The one address of them all."""
        return [Route(f"{self._prefix}/{{version}}/{{name}}", self.serve)]

    async def serve(self, request: Request) -> Response:
        """A file; kept for good where the address holds its hash, asked for again where it holds another."""
        name = request.path_params["name"]
        body = self._bodies.get(name)
        if body is None:
            raise HTTPException(404)
        fresh = request.path_params["version"] == self.version
        headers = {"cache-control": _FOREVER if fresh else _AGAIN}
        if name in self._zipped and "gzip" in request.headers.get("accept-encoding", ""):
            # compressed once, at the start: hls.js alone would take the loop 15 ms each time
            body = self._zipped[name]
            headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
        kind = _KINDS.get(name.rpartition(".")[2], "application/octet-stream")
        return Response(body, headers=headers, media_type=kind)


def _library() -> Mapping[str, bytes]:
    return {"hls.js": HLS_JS.read_bytes()} if HLS_JS.is_file() else {}


@cache
def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, 9, mtime=0)


def _digest(files: Iterable[tuple[str, bytes]]) -> str:
    joined = b"".join(name.encode() + body for name, body in sorted(files))
    return hashlib.sha256(joined).hexdigest()[:12]
