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
"""Kind, length of the attributes, magic cookie, transaction."""
_ATTRIBUTE = struct.Struct("!HH")
"""Name, length of the value; padded to whole words."""
_TOP_BITS = 0xC000
"""Bits of the kind that are zero in STUN: by them it is told from RTP on the same port."""
_INTEGRITY_SIZE, _FINGERPRINT_SIZE = _ATTRIBUTE.size + 20, _ATTRIBUTE.size + 4
"""Bytes of the two attributes: an HMAC-SHA1, a CRC-32."""
_CRC_MASK = 0x5354554E
"""What the CRC is combined with (RFC 8489 §14.7)."""
_ERROR = struct.Struct("!HBB")
"""Reserved, hundreds, rest of an error's number."""
_ADDRESS = struct.Struct("!BBH")
"""Reserved, family, port."""
_IPV4, _IPV6 = 1, 2
FIRST_BYTE_BELOW = 4
"""STUN packets begin with less, on a port shared with DTLS and SRTP (RFC 7983)."""
_CHECK_PRIORITY = 0x6E7F1EFF
"""Of a check: what a candidate found by it would have (type preference 110, RFC 8445 §5.1.2)."""
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
    if not _HEADER.size <= len(data) <= MAX_LENGTH:
        raise StunError(f"length {len(data)} outside {_HEADER.size}…{MAX_LENGTH}")
    kind, length, magic, transaction = _HEADER.unpack_from(data)
    if magic != MAGIC or kind & _TOP_BITS:
        raise StunError("not a STUN header")
    if length % 4 or length + _HEADER.size != len(data):
        raise StunError(f"attributes of {length} bytes in a packet of {len(data)}")
    attributes: dict[int, bytes] = {}
    position, integrity_at = _HEADER.size, 0
    while position < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, position)
        start = position + _ATTRIBUTE.size
        end = start + size
        if end > len(data):
            raise StunError(f"attribute {name:#06x} runs past the end")
        value = data[start:end]
        if name == FINGERPRINT:
            _check_fingerprint(data, position, value)
        elif integrity_at:
            raise StunError(f"attribute {name:#06x} after MESSAGE-INTEGRITY")
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
    code = _ERROR.pack(0, 4, 0) + b"Session over"
    return _seal(BINDING_ERROR, request.transaction, [(ERROR_CODE, code)], password)


def binding_request(username: str, password: str, *, nominate: bool = True) -> bytes:
    """A check as a full ICE agent in the controlling role sends it (light viewers and tests are one)."""
    attributes = [
        (USERNAME, username.encode()),
        (PRIORITY, struct.pack("!I", _CHECK_PRIORITY)),
        (ICE_CONTROLLING, secrets.token_bytes(8)),
    ]
    if nominate:
        attributes.append((USE_CANDIDATE, b""))
    return _seal(BINDING_REQUEST, secrets.token_bytes(12), attributes, password)


def _seal(kind: int, transaction: bytes, attributes: list[tuple[int, bytes]], password: str) -> bytes:
    body = b"".join(_attribute(name, value) for name, value in attributes)
    message = _HEADER.pack(kind, len(body), MAGIC, transaction) + body
    message = _with_length(message, len(body) + _INTEGRITY_SIZE)
    message += _attribute(MESSAGE_INTEGRITY, _hmac(message, password))
    message = _with_length(message, len(message) - _HEADER.size + _FINGERPRINT_SIZE)
    return message + _attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(message) ^ _CRC_MASK))


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes((-len(value)) % 4)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + struct.pack("!H", length) + message[4:]


def _integrity(before: bytes, password: str) -> bytes:
    # the length field counts up to and including MESSAGE-INTEGRITY, whatever follows it
    return _hmac(_with_length(before, len(before) - _HEADER.size + _INTEGRITY_SIZE), password)


def _hmac(message: bytes, password: str) -> bytes:
    return hmac.new(password.encode(), message, hashlib.sha1).digest()


def _check_fingerprint(data: bytes, position: int, value: bytes) -> None:
    if position + _FINGERPRINT_SIZE != len(data) or len(value) != 4:
        raise StunError("fingerprint is not the last attribute")
    if struct.unpack("!I", value)[0] != zlib.crc32(data[:position]) ^ _CRC_MASK:
        raise StunError("fingerprint differs")


def _xor_address(address: Address, transaction: bytes) -> bytes:
    host = ipaddress.ip_address(str(address[0]).split("%")[0])
    if isinstance(host, ipaddress.IPv6Address) and host.ipv4_mapped:
        host = host.ipv4_mapped
    key = struct.pack("!I", MAGIC) + transaction
    masked = bytes(a ^ b for a, b in zip(host.packed, key, strict=False))
    family = _IPV4 if host.version == 4 else _IPV6
    return _ADDRESS.pack(0, family, address[1] ^ (MAGIC >> 16)) + masked
