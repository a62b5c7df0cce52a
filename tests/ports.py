"""Ports for the servers that tests start."""

from __future__ import annotations

import socket
from contextlib import suppress


def free_port() -> int:
    """A port free for both TCP and UDP: media has one number for the two, and other programs' connections come and go."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with suppress(OSError):  # UDP has it for something else
                udp.bind(tcp.getsockname())
                return int(tcp.getsockname()[1])
