"""STUN (RFC 8489) as far as an ICE-lite agent needs it: read binding requests, answer them."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import struct
import zlib
from dataclasses import dataclass

MAGIC = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
BINDING_ERROR = 0x0111

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
ICE_CONTROLLING = 0x802A

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_CRC_MASK = 0x5354554E
MAX_LENGTH = 1500

Address = tuple[str, int] | tuple[str, int, int, int]


class StunError(ValueError):
    """Not a STUN message we can use; says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. `integrity_at` is the offset of MESSAGE-INTEGRITY, 0 where there is none."""

    kind: int
    transaction: bytes
    attributes: dict[int, bytes]
    integrity_at: int
    raw: bytes

    @property
    def username(self) -> str:
        """ "local:remote" fragments as the sender wrote them; "" where missing or not text."""
        return self.attributes.get(USERNAME, b"").decode("utf-8", "replace")

    @property
    def nominates(self) -> bool:
        return USE_CANDIDATE in self.attributes

    def authentic(self, password: str) -> bool:
        """Whether MESSAGE-INTEGRITY was made with this password (compared in constant time)."""
        if not self.integrity_at:
            return False
        sent = self.attributes[MESSAGE_INTEGRITY]
        return hmac.compare_digest(_integrity(self.raw[: self.integrity_at], password), sent)


def parse(data: bytes) -> Message:
    """Read one datagram. StunError on anything malformed, including a wrong fingerprint."""
    if not 20 <= len(data) <= MAX_LENGTH:
        raise StunError("length outside 20…1500")
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if magic != MAGIC or kind & 0xC000 or length % 4 or length + 20 != len(data):
        raise StunError("not a STUN header")
    attributes: dict[int, bytes] = {}
    position, integrity_at = 20, 0
    while position < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, position)
        end = position + 4 + size
        if end > len(data):
            raise StunError("attribute runs past the end")
        value = data[position + 4 : end]
        if name == FINGERPRINT:
            _check_fingerprint(data, position, value)
        elif integrity_at:
            raise StunError("attribute after MESSAGE-INTEGRITY")
        if name == MESSAGE_INTEGRITY:
            integrity_at = position
        attributes.setdefault(name, value)
        position = end + (-size) % 4
    return Message(kind, transaction, attributes, integrity_at, data)


def success(request: Message, address: Address, password: str) -> bytes:
    """The success response to a binding request that came from `address`."""
    mapped = _xor_address(address, request.transaction)
    return _seal(BINDING_SUCCESS, request.transaction, [(XOR_MAPPED_ADDRESS, mapped)], password)


def gone(request: Message, password: str) -> bytes:
    """The error response 400 to a check of a session that is over: a browser gives the pair up at once, where
    silence keeps it waiting for fifteen seconds and more."""
    code = struct.pack("!HBB", 0, 4, 0) + b"Session over"
    return _seal(BINDING_ERROR, request.transaction, [(ERROR_CODE, code)], password)


def binding_request(username: str, password: str, *, nominate: bool = True) -> bytes:
    """A check as a full ICE agent in the controlling role sends it (light viewers and tests are one)."""
    attributes = [
        (USERNAME, username.encode()),
        (PRIORITY, struct.pack("!I", 1853824767)),
        (ICE_CONTROLLING, secrets.token_bytes(8)),
    ]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return _seal(BINDING_REQUEST, secrets.token_bytes(12), attributes, password)


def _seal(kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], password: str) -> bytes:
    body = b"".join(_attribute(name, value) for name, value in attributes)
    message = _HEADER.pack(kind, len(body), MAGIC, transaction) + body
    message = _with_length(message, len(body) + 24)
    message += _attribute(MESSAGE_INTEGRITY, _hmac(message, password))
    message = _with_length(message, len(message) - 20 + 8)
    return message + _attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ _CRC_MASK))


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes((-len(value)) % 4)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]


def _integrity(before: bytes, password: str) -> bytes:
    # the length field counts up to and including MESSAGE-INTEGRITY, whatever follows it
    return _hmac(_with_length(before, len(before) - 20 + 24), password)


def _hmac(message: bytes, password: str) -> bytes:
    return hmac.new(password.encode(), message, hashlib.sha1).digest()


def _check_fingerprint(data: bytes, position: int, value: bytes) -> None:
    if position + 8 != len(data) or len(value) != 4:
        raise StunError("fingerprint is not the last attribute")
    if struct.unpack("!I", value)[0] != zlib.crc32(data[:position]) ^ _CRC_MASK:
        raise StunError("fingerprint differs")


def _xor_address(address: Address, transaction: bytes) -> bytes:
    host = ipaddress.ip_address(str(address[0]).split("%")[0])
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
        host = host.ipv4_mapped
    key = struct.pack("!I", MAGIC) + transaction
    masked = bytes(a ^ b for a, b in zip(host.packed, key, strict=False))
    family = 1 if host.version == 4 else 2
    return struct.pack("!BBH", 0, family, address[1] ^ (MAGIC >> 16)) + masked
