"""Debian's Janus with its streaming plugin as the yardstick: start it, feed it, watch it.

Only what the comparison needs of the Janus API over WebSocket (it makes the offer, the viewer answers).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.lightpeer import FINGERPRINT, LightPeer
from messages import local

MOUNTPOINT = 1
_FOLDER = Path("/usr/lib/x86_64-linux-gnu/janus")


def available() -> str | None:
    """None if Janus can run here, else what is missing."""
    if shutil.which("janus") is None:
        return local("bench.no_janus")
    if not _FOLDER.exists():
        return local("bench.no_folder", folder=str(_FOLDER))
    return None


def start(folder: Path, address: str, websocket_port: int, video: int, audio: int) -> subprocess.Popen[bytes]:
    """Run Janus with one H.264 + Opus mountpoint fed by plain RTP on two loopback ports."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "janus.jcfg").write_text(
        f"""general: {{ configs_folder = "{folder}"; plugins_folder = "{_FOLDER}/plugins";
  transports_folder = "{_FOLDER}/transports"; events_folder = "{_FOLDER}/events"; loggers_folder = "{_FOLDER}/loggers";
  debug_level = 2; event_loops = 2 }}
media: {{ rtp_port_range = "20000-40000" }}
nat: {{ ice_lite = true; ice_enforce_list = "{address}"; full_trickle = false }}
plugins: {{ disable = "{_others("plugins", "streaming")}" }}
transports: {{ disable = "{_others("transports", "websockets")}" }}
"""
    )
    (folder / "janus.transport.websockets.jcfg").write_text(
        f'general: {{ json = "compact"; ws = true; ws_port = {websocket_port}; ws_ip = "127.0.0.1"; wss = false }}\n'
    )
    fmtp = "packetization-mode=1;profile-level-id=42e01f"
    (folder / "janus.plugin.streaming.jcfg").write_text(
        f"""rig: {{ type = "rtp"; id = {MOUNTPOINT}; description = "rig"; media = (
  {{ type = "video"; mid = "v"; label = "v"; port = {video}; pt = 96; codec = "h264"; fmtp = "{fmtp}" }},
  {{ type = "audio"; mid = "a"; label = "a"; port = {audio}; pt = 111; codec = "opus" }} ) }}
"""
    )
    log = (folder / "janus.log").open("wb")
    return subprocess.Popen(["janus", "-F", str(folder)], stdout=log, stderr=log)


def _others(kind: str, wanted: str) -> str:
    names = (path.name for path in (_FOLDER / kind).glob("libjanus_*.so"))
    return ",".join(name for name in names if wanted not in name)


class JanusViewers:
    """A Janus session; `join` watches the mountpoint with one more handle."""

    def __init__(self, socket: ClientConnection, mountpoint: int) -> None:
        self._socket = socket
        self._mountpoint = mountpoint
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._offers: dict[int, asyncio.Future[str]] = {}
        self._session = 0
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def open(cls, url: str, mountpoint: int) -> JanusViewers:
        socket = await connect(url, subprotocols=["janus-protocol"])  # type: ignore[list-item]
        made = cls(socket, mountpoint)
        made._tasks.append(asyncio.create_task(made._read()))
        made._session = (await made._ask(janus="create"))["data"]["id"]
        made._tasks.append(asyncio.create_task(made._keep_alive()))
        return made

    async def join(self, peer: LightPeer) -> str:
        """Watch with a new handle: Janus' offer, after it has our answer."""
        attached = await self._ask(janus="attach", session_id=self._session, plugin="janus.plugin.streaming")
        handle = attached["data"]["id"]
        self._offers[handle] = asyncio.get_running_loop().create_future()
        await self._message(handle, {"request": "watch", "id": self._mountpoint})
        offer = await asyncio.wait_for(self._offers[handle], 10)
        answer = {"type": "answer", "sdp": _answer(offer, peer)}
        await self._message(handle, {"request": "start"}, jsep=answer)
        return offer

    async def _message(self, handle: int, body: dict[str, Any], **more: Any) -> None:
        await self._ask(janus="message", session_id=self._session, handle_id=handle, body=body, **more)

    async def _ask(self, **fields: Any) -> dict[str, Any]:
        transaction = secrets.token_hex(6)
        answer = self._answers[transaction] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"transaction": transaction, **fields}))
        return await asyncio.wait_for(answer, 10)

    async def _read(self) -> None:
        async for text in self._socket:
            event = json.loads(text)
            waiting = self._answers.get(event.get("transaction", ""))
            if event["janus"] == "event" and "jsep" in event:
                offer = self._offers.get(event["sender"])
                if offer is not None and not offer.done():
                    offer.set_result(event["jsep"]["sdp"])
            elif waiting is not None and not waiting.done():
                waiting.set_result(event)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(20)
            await self._ask(janus="keepalive", session_id=self._session)


def _answer(offer: str, peer: LightPeer) -> str:
    """Janus' offer turned round: our ICE and DTLS identity, everything else accepted."""
    ours = {
        "a=ice-ufrag": [f"a=ice-ufrag:{peer.ufrag}"],
        "a=ice-pwd": [
            f"a=ice-pwd:{peer.password}",
            f"a=fingerprint:sha-256 {FINGERPRINT}",
            f"a=candidate:1 1 udp 2130706431 {peer.address[0]} {peer.address[1]} typ host",
        ],
        "a=setup": ["a=setup:active"],
        "a=sendonly": ["a=recvonly"],
    }
    dropped = ("a=candidate", "a=end-of", "a=ssrc", "a=msid:", "a=fingerprint", "a=ice-lite", "a=extmap:")
    lines: list[str] = []
    for line in offer.replace("\r", "").split("\n"):
        if line and not line.startswith(dropped):
            lines += ours.get(line.split(":")[0], [line])
    return "\r\n".join(lines) + "\r\n"
