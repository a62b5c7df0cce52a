import contextlib
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time

import pytest
from media_helper import Camera
from pylibsrtp import Policy, Session

from streaming import fanout
from streaming.fanout import Target, native_build
from streaming.fanout.base import await_room
from streaming.rooms.rewriting import Rewriter
from streaming.wire import rtcp
from tests.files import open_files
from tests.needed import needs_native

PROFILES = {
    Policy.SRTP_PROFILE_AES128_CM_SHA1_80: 30,
    Policy.SRTP_PROFILE_AEAD_AES_128_GCM: 28,
    Policy.SRTP_PROFILE_AEAD_AES_256_GCM: 44,
}


@pytest.fixture(params=["native", "abi", "plain"])
def name(request):
    if request.param == "native":
        needs_native()
    if request.param == "abi" and sys.platform != "linux":
        pytest.skip("sendmmsg is Linux'")
    return request.param


def session(profile, key):
    policy = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile)
    policy.allow_repeat_tx = True
    return Session(policy)


def packets(count=40):
    """A keyframe's worth: equal, shorter and longer packets in a row, and a very small one."""
    camera, rewriter, dice = Camera(payload_type=0), Rewriter(90000), random.Random(7)
    made = []
    for index in range(count):
        size = dice.choice([1100, 1100, 1100, 1100, 700, 1101, 4])
        payload = dice.randbytes(size)
        made.append(rewriter.rewrite(camera.packet(payload, 0x80 * (index % 5 == 4)), 0.0)[1])
    return made


class Wire:
    """A sending socket and a few receivers."""

    def __init__(self, name, receivers=3):
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.setblocking(False)
        self.sender.bind(("127.0.0.1", 0))
        self.receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(receivers)]
        for receiver in self.receivers:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            receiver.bind(("127.0.0.1", 0))
            receiver.connect(self.sender.getsockname())  # nothing from others, who had the port before
            receiver.settimeout(1)
        self.fanout = fanout.choose(name, self.sender)
        self.group = self.fanout.group()

    def targets(self):
        made = []
        for index, (profile, receiver) in enumerate(zip(PROFILES, self.receivers, strict=True)):
            key = bytes((index + number) & 255 for number in range(PROFILES[profile]))
            made.append(self.target(session(profile, key), receiver.getsockname(), 96 + index))
        return made

    def target(self, session, address, payload_type):
        return Target(self.fanout.line(session, address), payload_type)

    def send(self, packets):
        """Datagrams that left for one burst."""
        before = self.group.sent
        self.group.send(packets)
        self.fanout.drain()
        return self.group.sent - before

    def received(self, receiver, count):
        return [receiver.recv(2048) for _ in range(count)]

    def close(self):
        self.fanout.close()
        for sock in (self.sender, *self.receivers):
            sock.close()


@pytest.fixture
def wire(name):
    made = Wire(name)
    yield made
    made.close()


def expected(target_index, sent):
    profile = list(PROFILES)[target_index]
    key = bytes((target_index + number) & 255 for number in range(PROFILES[profile]))
    reference = session(profile, key)
    return [reference.protect(p[:1] + bytes((p[1] | 96 + target_index,)) + p[2:]) for p in sent]


def test_all_three_send_the_same_bytes(wire):
    for target in wire.targets():
        wire.group.add(target)
    sent = packets()
    bursts = [sent[:1], sent[1:17], sent[17:]]
    assert sum(wire.send(burst) for burst in bursts) == 3 * len(sent)
    for index, receiver in enumerate(wire.receivers):
        assert wire.received(receiver, len(sent)) == expected(index, sent)


def test_viewers_come_and_go(wire):
    first, second, third = wire.targets()
    for target in (first, second, third):
        wire.group.add(target)
    sent = packets(9)
    wire.send(sent[:3])
    wire.group.remove(first)
    wire.group.remove(first)
    assert wire.send(sent[3:6]) == 6 and len(wire.group) == 2
    wire.group.add(first)
    wire.send(sent[6:])
    want = expected(0, sent[:3] + sent[6:])
    assert wire.received(wire.receivers[0], 6) == want
    assert wire.received(wire.receivers[2], 9) == expected(2, sent)


def test_many_viewers(wire):
    """More than the buffers were first made for."""
    receiver = wire.receivers[0]
    key, profile = bytes(28), Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    targets = [wire.target(session(profile, key), receiver.getsockname(), 96) for _ in range(50)]
    for target in targets:
        wire.group.add(target)
    [packet] = packets(1)
    assert wire.send([packet]) == 50
    assert len(set(wire.received(receiver, 50))) == 1
    for target in targets[::2]:
        wire.group.remove(target)
    assert wire.send([packet]) == 25


def test_one_unreachable_viewer_hurts_nobody(wire):
    first, second, third = wire.targets()
    second.line.move(("255.255.255.255", 9))  # broadcast is not permitted on this socket
    for target in (first, second, third):
        wire.group.add(target)
    sent = packets(8)
    assert wire.send(sent) == 16
    assert second.line.dropped == 8 and first.line.dropped == 0
    assert wire.received(wire.receivers[0], 8) == expected(0, sent)
    assert wire.received(wire.receivers[2], 8) == expected(2, sent)


def test_a_viewer_who_moved_is_followed(wire):
    first, *_ = wire.targets()
    wire.group.add(first)
    sent = packets(4)
    wire.send(sent[:2])
    first.line.move(wire.receivers[1].getsockname())
    assert wire.send(sent[2:]) == 2
    assert wire.received(wire.receivers[0], 2) + wire.received(wire.receivers[1], 2) == expected(0, sent)


def test_a_closed_line_gets_nothing_more(wire):
    first, second, _ = wire.targets()
    wire.group.add(first)
    wire.group.add(second)
    sent = packets(6)
    assert wire.send(sent[:3]) == 6
    first.line.close()
    assert wire.send(sent[3:]) == 3
    assert not first.line.rtp(sent[0]) and not first.line.rtcp(rtcp.pli(1, 2))
    assert wire.received(wire.receivers[1], 6) == expected(1, sent)


def test_single_packets_and_reports_beside_the_group(wire):
    [first, *_] = wire.targets()
    wire.group.add(first)
    sent = packets(3)
    wire.send(sent)
    single = sent[0][:8] + b"\0\0\0\7" + sent[0][12:]
    assert first.line.rtp(single) and first.line.rtcp(rtcp.pli(1, 2))
    reference = session(next(iter(PROFILES)), bytes(range(30)))
    got = wire.received(wire.receivers[0], 5)
    assert got[:3] == expected(0, sent)
    assert got[3:] == [reference.protect(single), reference.protect_rtcp(rtcp.pli(1, 2))]


def test_viewers_come_and_go_while_the_thread_sends(name):
    """Membership changes race with the bursts under way: nothing is lost, repeated or sent to the gone."""
    wire = Wire(name)
    first, second, third = wire.targets()
    wire.group.add(first)
    sent = packets(120)
    for index, packet in enumerate(sent):
        wire.group.send([packet])
        (wire.group.add if index % 2 == 0 else wire.group.remove)(second)
        if index == 60:
            wire.group.add(third)
    wire.fanout.drain()
    assert wire.received(wire.receivers[0], 120) == expected(0, sent)
    assert wire.received(wire.receivers[1], 60) == expected(1, sent[1::2])
    assert wire.received(wire.receivers[2], 59) == expected(2, sent[61:])
    wire.close()


def test_native_without_segmentation_sends_the_same():
    needs_native()
    from streaming.fanout.native import lib

    wire = Wire("native")
    lib.sender_segmentation(wire.fanout._sender, 0)  # as on a kernel without UDP_SEGMENT
    wire.group.add(wire.targets()[0])
    sent = packets()
    wire.send(sent)
    assert wire.received(wire.receivers[0], len(sent)) == expected(0, sent)
    wire.close()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="native"):
        fanout.choose("fast", socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


def test_build_without_a_compiler_says_so_in_a_line(tmp_path):
    """No compiler: exit 1, one line, nothing half-built; the module in place stays."""
    before = sorted(path.name for path in native_build.HERE.iterdir() if path.is_file())
    result = subprocess.run(
        [sys.executable, "-m", "streaming.fanout.native_build"],
        env={**os.environ, "CC": str(tmp_path / "no-such-cc"), "PATH": str(tmp_path)},
        cwd=native_build.HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert len((result.stdout + result.stderr).strip().splitlines()) == 1
    assert sorted(path.name for path in native_build.HERE.iterdir() if path.is_file()) == before


def test_build_makes_a_module_that_loads(tmp_path):
    needs_native()
    built = native_build.build(tmp_path)
    assert built.exists() and [path.name for path in tmp_path.iterdir()] == [built.name]


def test_a_full_socket_beyond_the_thousandth_file_is_waited_for():
    """A hub with a thousand viewers has more files open than `select` can name."""
    with open_files(1100):
        sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        assert sender.fileno() > 1024
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(bytes(1100))
        began = time.monotonic()
        await_room(sender, 30)
        assert time.monotonic() - began >= 0.03
        threading.Timer(0.02, lambda: [receiver.recv(2048) for _ in range(50)]).start()
        await_room(sender, 10_000)
        assert sender.send(b"there is room again")


@pytest.mark.server
def test_eight_hundred_viewers_lose_nothing_and_leave_the_loop_free():
    """Two seconds of 1.1 Mbit/s: every datagram arrives, and of the work the caller's thread does next to none."""
    needs_native()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    viewers, frames, own = 800, 50, 0.0
    wire = Wire("native", receivers=viewers)
    key, profile = bytes(28), Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    for receiver in wire.receivers:
        receiver.setblocking(False)
        wire.group.add(wire.target(session(profile, key), receiver.getsockname(), 96))
    camera, rewriter = Camera(payload_type=0), Rewriter(90000)
    arrived, buffer = [0] * viewers, bytearray(64)
    for _ in range(frames):
        burst = [rewriter.rewrite(packet, 0.0)[1] for packet in camera.frame(packets=5, size=1100)]
        began = time.thread_time()
        wire.group.send(burst)
        own += time.thread_time() - began
        wire.fanout.drain()
        for index, receiver in enumerate(wire.receivers):
            with contextlib.suppress(BlockingIOError):
                while receiver.recv_into(buffer):
                    arrived[index] += 1
    assert wire.group.sent == viewers * frames * 5
    assert arrived == [frames * 5] * viewers
    assert own < 0.01 * frames * 0.04  # under a hundredth of the two seconds
    wire.close()
