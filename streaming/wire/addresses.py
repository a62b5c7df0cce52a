"""The addresses that answers announce."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import ifaddr

ANY_ADDRESS = {"0.0.0.0", "::", ""}
MOST = 8
"""Addresses announced at the most; every one costs each client a pair of checks."""


async def announced(host: str, public_host: str) -> list[str]:
    """Addresses for our host candidates: the public one, then those of the machine that `host` binds.

    host         what the media port is bound to; 0.0.0.0 or :: for all addresses
    public_host  address or name to announce; empty: the machine's own, all of them if all are bound

    OSError where a name cannot be resolved.
    """
    found: list[str] = []
    name = public_host or host
    if name not in ANY_ADDRESS:
        found.append(await _resolve(name))
    if host in ANY_ADDRESS:
        found += _leaving(ipv6=host == "::")
        if not found or public_host in ANY_ADDRESS:
            found += _own(ipv6=host == "::")
    elif host not in found:
        found.append(await _resolve(host))
    return list(dict.fromkeys(found))[:MOST] or ["127.0.0.1"]


async def _resolve(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        infos = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        infos.sort(key=lambda info: info[0] != socket.AF_INET)
        return str(infos[0][4][0])


def _leaving(ipv6: bool) -> list[str]:
    """The addresses that packets to the outside would leave from; nothing is sent to find out."""
    probes = [(socket.AF_INET, "192.0.2.1")] + ([(socket.AF_INET6, "2001:db8::1")] if ipv6 else [])
    found = []
    for family, target in probes:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
            except OSError:
                continue
            found.append(str(probe.getsockname()[0]))
    return found


def _own(ipv6: bool) -> list[str]:
    """The addresses of all interfaces but loopback and link-local ones."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if not (address.is_loopback or address.is_link_local) and (ipv6 or address.version == 4):
                found.append(str(address))
    return found
