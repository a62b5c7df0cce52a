"""The desk as one process: Streamlit, sign-in, exports and feeds in one uvicorn."""

from __future__ import annotations

import logging
import socket
import tomllib
from pathlib import Path
from typing import Any

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from streamlit import config as streamlit_config
from streamlit import logger as streamlit_logger

from dashboard import components, context
from dashboard import metrics as ops
from dashboard.config import DeskConfig
from dashboard.exports import routes as exports
from dashboard.http import display_entry, sign_in_pages
from dashboard.http import sign_in as auth
from dashboard.http.gate import Gate
from dashboard.kiosk import views as wall
from dashboard.live import feeds
from dashboard.live.equipment import Watching
from dashboard.shell import screen as shell
from dashboard.shell import unavailable as failing
from records.serving import signing
from records.serving.doorway import guarded
from records.serving.requests import PlainAddresses

FOLDER = Path(__file__).parent
_MAX_MESSAGE = 200 * 1024 * 1024


def streamlit_options() -> dict[str, Any]:
    """What look.toml says, as Streamlit's dotted option names."""
    table = tomllib.loads((FOLDER / "look.toml").read_text(encoding="utf-8"))
    options: dict[str, Any] = {}

    def walk(prefix: str, part: dict[str, Any]) -> None:
        for name, value in part.items():
            if isinstance(value, dict):
                walk(f"{prefix}{name}.", value)
            else:
                options[prefix + name] = value

    walk("", table)
    return options


def create_app(config: DeskConfig) -> st.App:
    """The ASGI app of the desk. One a process: Streamlit's runtime and `context` are process-wide."""
    context.configure(config)
    options = streamlit_options() | {
        "server.address": config.host,
        "server.port": config.port,
        "server.cookieSecret": signing.load_key(config.data_dir).hex(),
        "server.trustedUserHeaders": {context.USER_HEADER: context.USER_KEY},
    }
    streamlit_config.get_config_options(force_reparse=True, options_from_flags=options)
    return st.App(
        FOLDER / "app.py",
        routes=own_routes(),
        middleware=[Middleware(PlainAddresses, refuse=sign_in_pages.refused), Middleware(Gate)],
        exception_handlers=dict(failing.handlers),
        on_script_error=shell.show_error,
    )


def _one_log() -> None:
    """Streamlit gives its loggers, and uvicorn's, a handler of their own, which would write whole errors with what
    they quote; they shall go the way of all lines of this process."""

    def hand_on(logger: logging.Logger) -> None:
        logger.handlers.clear()
        logger.propagate = True

    streamlit_logger.setup_formatter = hand_on
    streamlit_logger.update_formatter()


def own_routes() -> list[Any]:
    """Every address of the desk that is not Streamlit's."""
    return [
        *auth.routes, *display_entry.routes, *ops.routes, *exports.routes, *components.files().routes(), *feeds.routes,
        *wall.routes,
    ]  # fmt: skip


def serve(config: DeskConfig) -> None:
    """Serve the desk until SIGTERM or SIGINT. Raises OSError if the port is taken."""
    _one_log()
    app = create_app(config)
    sock = socket.create_server((config.host, config.port), reuse_port=False, backlog=2048)
    server = uvicorn.Server(
        uvicorn.Config(
            app, http=guarded(), ws="websockets-sansio", ws_max_size=_MAX_MESSAGE, ws_per_message_deflate=False,
            proxy_headers=bool(config.trusted_proxies), forwarded_allow_ips=list(config.trusted_proxies),
            log_config=None, access_log=False, timeout_graceful_shutdown=3, server_header=False,
        )
    )  # fmt: skip
    watching = Watching()
    try:
        server.run(sockets=[sock])
    finally:
        watching.close()
        feeds.end()
