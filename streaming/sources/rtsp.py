"""RTSP (RFC 2326, RFC 7826): over the connection itself where the camera can, else over UDP."""

from __future__ import annotations

from streaming.sources.protocol import MICROSECONDS, TIMEOUT, CameraProtocol, Transport

_PATIENCE = {"timeout": int(TIMEOUT * MICROSECONDS)}

PROTOCOL = CameraProtocol(
    schemes=("rtsp", "rtsps"),
    protocols=("rtsp", "rtsps", "rtp", "tcp", "udp", "tls", "crypto"),
    transports=(
        Transport(
            {"rtsp_transport": "tcp", **_PATIENCE},
            # status 461 and its kin: every SETUP over TCP was refused
            refused=("461", "Nonmatching transport", "Unsupported transport", "Protocol not supported"),
        ),
        Transport({"rtsp_transport": "udp", **_PATIENCE}, remark="camera.over_udp"),
    ),
)
