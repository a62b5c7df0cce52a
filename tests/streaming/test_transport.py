import asyncio
import random
import socket

import pytest
from media_helper import until

from streaming.wire import stun
from streaming.wire.transport import DTLS_QUEUE, LiteTransport, UdpPort


@pytest.fixture
async def udp():
    port = UdpPort()
    port.open("127.0.0.1", 0)
    yield port
    port.close()


@pytest.fixture
def client():
    made = []

    def make():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        made.append(sock)
        return sock

    yield make
    for sock in made:
        sock.close()


def check(transport, *, password=None, ufrag=None, nominate=True):
    name = f"{ufrag or transport.ufrag}:them"
    return stun.binding_request(name, password or transport.password, nominate=nominate)


async def answer(sock):
    return stun.parse(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 2048), 1))


async def test_a_check_opens_the_path(udp, client):
    transport, sock = LiteTransport(udp), client()
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    reply = await answer(sock)
    assert reply.kind == stun.BINDING_SUCCESS and reply.authentic(transport.password)
    assert transport.address == sock.getsockname() and transport.ready.is_set()
    sock.sendto(b"\x16dtls", ("127.0.0.1", udp.port))
    assert await transport._recv() == b"\x16dtls"


async def test_a_wrong_password_or_name_opens_nothing(udp, client):
    transport, sock = LiteTransport(udp), client()
    for bad in (check(transport, password="x" * 24), check(transport, ufrag="other")):
        sock.sendto(bad, ("127.0.0.1", udp.port))
    await until(lambda: udp.unknown == 2)
    assert transport.address is None
    with pytest.raises(ConnectionError):
        await transport._send(b"x")


async def test_the_nominated_address_wins_and_others_do_not(udp, client):
    transport, first, second = LiteTransport(udp), client(), client()
    moved = []
    transport.on_moved = lambda: moved.append(transport.address)
    for sock, nominate in ((first, True), (second, False), (second, True)):
        sock.sendto(check(transport, nominate=nominate), ("127.0.0.1", udp.port))
        await answer(sock)
    assert moved == [first.getsockname(), second.getsockname()]
    first.sendto(b"\x16old", ("127.0.0.1", udp.port))
    second.sendto(b"\x16new", ("127.0.0.1", udp.port))
    assert await transport._recv() == b"\x16new"


async def test_ice_restart_keeps_the_old_name_until_the_new_one_is_used(udp, client):
    transport, sock = LiteTransport(udp), client()
    old = check(transport)
    transport.new_credentials()
    sock.sendto(old, ("127.0.0.1", udp.port))
    await answer(sock)
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    await answer(sock)
    sock.sendto(old, ("127.0.0.1", udp.port))
    assert (await answer(sock)).kind == stun.BINDING_ERROR
    assert len(transport.ufrags) == 1


async def test_a_closed_transport_is_forgotten(udp, client):
    transport, sock = LiteTransport(udp), client()
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    await answer(sock)
    transport.close()
    transport.close()
    with pytest.raises(ConnectionError):
        await transport._recv()
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    reply = await answer(sock)
    assert reply.kind == stun.BINDING_ERROR and reply.authentic(transport.password)
    assert reply.attributes[stun.ERROR_CODE][2:4] == bytes((4, 0))
    assert udp.refused == 1


async def test_the_next_hub_ends_the_sessions_of_the_one_before_and_nobody_elses(client):
    key, sock = b"k" * 32, client()
    before, after, stranger = UdpPort(key), UdpPort(key), UdpPort()
    for port in (before, after, stranger):
        port.open("127.0.0.1", 0)
    transport = LiteTransport(before)
    sock.sendto(check(transport), ("127.0.0.1", after.port))
    reply = await answer(sock)
    assert reply.kind == stun.BINDING_ERROR and reply.authentic(transport.password)
    for bad in (check(transport), check(transport, password="x" * 32), check(transport, ufrag="0" * 12)):
        sock.sendto(bad, ("127.0.0.1", stranger.port))
    await until(lambda: stranger.unknown == 3)
    assert stranger.refused == 0 and after.refused == 1
    for port in (before, after, stranger):
        port.close()


async def test_a_flood_of_handshake_bytes_is_bounded(udp, client):
    transport, sock = LiteTransport(udp), client()
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    await answer(sock)
    for _ in range(3 * DTLS_QUEUE):
        transport.on_datagram(b"\x16" + bytes(100))
    assert transport._dtls.qsize() <= DTLS_QUEUE
    transport.close()
    assert transport._dtls.qsize() <= DTLS_QUEUE


async def test_garbage_does_not_stop_the_reader(udp, client):
    transport, sock, dice = LiteTransport(udp), client(), random.Random(3)
    srtp = []
    transport.on_srtp = srtp.append
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    await answer(sock)
    for _ in range(300):
        sock.sendto(dice.randbytes(dice.randrange(0, 60)), ("127.0.0.1", udp.port))
    sock.sendto(b"\x80last", ("127.0.0.1", udp.port))
    await until(lambda: srtp and srtp[-1] == b"\x80last")
    before = transport.heard
    await asyncio.sleep(0.01)
    sock.sendto(check(transport), ("127.0.0.1", udp.port))
    await until(lambda: transport.heard > before)
