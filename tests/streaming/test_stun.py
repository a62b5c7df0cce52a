import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.wire import stun

PASSWORD = "a-password-of-22-chars-or-more"

# RFC 5769 §2.1: a request with long attributes, integrity and fingerprint
RFC5769 = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)


def test_reads_the_vector_of_rfc_5769():
    message = stun.parse(RFC5769)
    assert message.kind == stun.BINDING_REQUEST
    assert message.username == "evtj:h6vY"
    assert message.authentic("VOkJxbRl1RmTxUk/WvJxBt")
    assert not message.authentic("VOkJxbRl1RmTxUk/WvJxBu")


def test_own_request_and_answer_agree():
    request = stun.parse(stun.binding_request("us:them", PASSWORD))
    assert request.nominates and request.authentic(PASSWORD) and request.username == "us:them"
    answer = stun.parse(stun.success(request, ("192.0.2.7", 50000), PASSWORD))
    assert answer.kind == stun.BINDING_SUCCESS and answer.transaction == request.transaction
    assert answer.authentic(PASSWORD)
    # port and address XOR the magic cookie (RFC 8489 §14.2)
    value = answer.attributes[stun.XOR_MAPPED_ADDRESS]
    assert int.from_bytes(value[2:4], "big") ^ 0x2112 == 50000
    assert bytes(a ^ b for a, b in zip(value[4:], b"\x21\x12\xa4\x42", strict=True)) == bytes((192, 0, 2, 7))


def test_ipv6_and_mapped_addresses():
    request = stun.parse(stun.binding_request("us:them", PASSWORD))
    six = stun.parse(stun.success(request, ("2001:db8::1", 1, 0, 0), PASSWORD))
    assert len(six.attributes[stun.XOR_MAPPED_ADDRESS]) == 20
    mapped = stun.parse(stun.success(request, ("::ffff:192.0.2.7", 1, 0, 0), PASSWORD))
    assert len(mapped.attributes[stun.XOR_MAPPED_ADDRESS]) == 8


def test_a_message_without_integrity_is_not_authentic():
    bare = bytes.fromhex("000100002112a442") + bytes(12)
    assert not stun.parse(bare).authentic(PASSWORD)


@pytest.mark.parametrize("at", range(20, len(RFC5769)))
def test_a_flipped_bit_never_passes(at):
    broken = bytearray(RFC5769)
    broken[at] ^= 1
    try:
        message = stun.parse(bytes(broken))
    except stun.StunError:
        return
    assert not message.authentic("VOkJxbRl1RmTxUk/WvJxBt")


@given(st.binary(max_size=200))
def test_garbage_is_refused_cleanly(data):
    for candidate in (data, RFC5769[:8] + data, RFC5769[: len(data)] + data):
        with contextlib.suppress(stun.StunError):
            stun.parse(candidate).authentic(PASSWORD)
