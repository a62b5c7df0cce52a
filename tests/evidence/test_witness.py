"""A witness cosigns what goes on, keeps a copy, refuses what was rewritten, and catches two versions of one log."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence.checkpoint import Ed25519Signer, sign, signature_line
from evidence.merkle import TileFolder
from evidence.verify import COSIGNATURE, ED25519, Head, Note
from evidence.witness import Refused, Unreachable, Witness
from sunbid.cli import app

LOG = Ed25519Signer("sunbid.example/log", ED25519, b"\1" * 32)
ME = Ed25519Signer("notary.example/w", COSIGNATURE, b"\2" * 32)


class Served:
    """A log over real HTTP; `folder` may be exchanged for another version."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.taken = folder, list[str]()
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = served.folder / self.path.removeprefix("/log/")
                self.send_response(200 if path.is_file() else 404)
                self.end_headers()
                if path.is_file():
                    self.wfile.write(path.read_bytes())

            def do_POST(self) -> None:
                served.taken.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/log"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def grow(folder: Path, size: int, marked: str = "") -> None:
    """A log of so many leaves, signed; `marked` makes its leaves others from the 300th on."""
    held = folder / "checkpoint"
    at = Head.parse(Note.parse(held.read_text()).text).size if held.exists() else 0
    tiles = TileFolder(folder, at)
    tiles.append(
        hashlib.sha256(f"{n}{marked if n >= 300 else ''}".encode()).digest() for n in range(at, size)
    )
    held.write_text(sign(LOG, Head(LOG.name, size, tiles.flush())))
    (folder / "keys").write_text(f"{LOG.verifier}\n{ME.verifier}\n")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    grow(tmp_path / "log", 290)
    made = Served(tmp_path / "log")
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_it_follows_cosigns_and_keeps_a_copy(served: Served, tmp_path: Path) -> None:
    witness = Witness(served.url, tmp_path / "copy", ME)
    assert witness.key == LOG.verifier
    assert (witness.look().size, witness.look().before) == (290, 290)
    grow(served.folder, 1000)
    seen = witness.look()
    assert (seen.before, seen.size, seen.taken) == (290, 1000, True)
    note = Note.parse(served.taken[-1])
    signed, when = note.check(ME.verifier)
    assert signed and when and Head.parse(note.text).size == 1000
    copied = (tmp_path / "copy" / "tile/entries/000").read_bytes()
    assert copied == (served.folder / "tile/entries/000").read_bytes()
    again = Witness(served.url, tmp_path / "copy", ME)
    assert again.look().before == 1000, "it remembers what it has seen"


def other_version(served: Served, tmp_path: Path, size: int) -> None:
    grow(tmp_path / "other", 290)
    grow(tmp_path / "other", size, "rewritten")
    served.folder = tmp_path / "other"


def test_a_log_rewritten_from_a_leaf_on_is_refused_and_both_heads_are_kept(
    served: Served, tmp_path: Path
) -> None:
    grow(served.folder, 500)
    witness = Witness(served.url, tmp_path / "copy", ME)
    witness.look()
    before, taken = witness.note, len(served.taken)
    other_version(served, tmp_path, 700)
    for _ in range(2):
        with pytest.raises(Refused, match="rewritten") as refused:
            witness.look()
    assert witness.note == before and len(served.taken) == taken
    assert refused.value.kept and refused.value.kept.read_text().count(LOG.name) == 4, "two signed heads"


@pytest.mark.parametrize("size", [500, 400])
def test_another_version_as_long_or_shorter_is_caught(served: Served, tmp_path: Path, size: int) -> None:
    grow(served.folder, 500)
    witness = Witness(served.url, tmp_path / "copy", ME)
    witness.look()
    other_version(served, tmp_path, size)
    with pytest.raises(Refused, match="two_versions"):
        witness.look()


def test_an_older_head_is_told_as_an_older_state_and_nothing_is_sent(served: Served, tmp_path: Path) -> None:
    old = (served.folder / "checkpoint").read_text()
    grow(served.folder, 500)
    witness = Witness(served.url, tmp_path / "copy", ME)
    witness.look()
    held, sent = witness.note, len(served.taken)
    (served.folder / "checkpoint").write_text(old)
    seen = witness.look()
    assert (seen.size, seen.before, seen.taken, seen.older) == (290, 500, False, True)
    assert witness.note == held and len(served.taken) == sent


def test_the_command_tells_an_older_state_with_both_sizes(served: Served, tmp_path: Path) -> None:
    old = (served.folder / "checkpoint").read_text()
    grow(served.folder, 500)
    given = ["witness", "--log", served.url, "--key", str(tmp_path / "my.key"), "--once"]
    assert CliRunner().invoke(app, given).exit_code == 0
    (served.folder / "checkpoint").write_text(old)
    told = CliRunner().invoke(app, given)
    assert told.exit_code == 1 and "已收会签" not in told.stdout
    assert "290" in told.stderr and "500" in told.stderr and "较早" in told.stderr
    told = CliRunner().invoke(app, [*given, "--json"])
    answer = json.loads(told.stdout)
    assert told.exit_code == 1 and (answer["size"], answer["before"], answer["older"]) == (290, 500, True)


def test_a_wrong_cosignature_in_the_logs_note_is_not_taken_for_ones_own(
    served: Served, tmp_path: Path
) -> None:
    witness = Witness(served.url, tmp_path / "copy", ME)
    witness.look()
    sent = len(served.taken)
    forged = Ed25519Signer(ME.name, COSIGNATURE, b"\3" * 32)
    text = (served.folder / "checkpoint").read_text()
    line = signature_line(forged, Note.parse(text).text).split(" ")
    raw = ME.verifier.id + base64.b64decode(line[2])[4:]
    (served.folder / "checkpoint").write_text(
        text + f"{line[0]} {line[1]} {base64.b64encode(raw).decode()}\n"
    )
    assert witness.look().taken and len(served.taken) == sent + 1


def test_two_witnesses_who_compare_heads_catch_two_versions(served: Served, tmp_path: Path) -> None:
    grow(served.folder, 500)
    one = Witness(served.url, tmp_path / "one", ME)
    one.look()
    other_version(served, tmp_path, 450)
    other = Witness(served.url, tmp_path / "two", Ed25519Signer("paper.example/w", COSIGNATURE, b"\3" * 32))
    other.look()
    with pytest.raises(Refused, match="two_versions"):
        one.compare(other.note)
    with pytest.raises(LookupError):
        other.compare(one.note)
    assert one.compare(one.note).size == 500


def test_tiles_that_do_not_lead_to_the_signed_root_are_not_taken_over(served: Served, tmp_path: Path) -> None:
    path = served.folder / "tile/entries/000"
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(raw)
    witness = Witness(served.url, tmp_path / "copy", ME)
    with pytest.raises(Refused, match="wrong_leaves"):
        witness.look()
    raw[40] ^= 1
    path.write_bytes(raw)
    assert witness.look().size == 290, "what was refused left nothing behind"


def test_another_key_is_refused(served: Served, tmp_path: Path) -> None:
    Witness(served.url, tmp_path / "copy", ME).look()
    other = Ed25519Signer(LOG.name, ED25519, b"\7" * 32)
    with pytest.raises(Refused, match="other_key"):
        Witness(served.url, tmp_path / "copy", ME, other.verifier)
    with pytest.raises(Refused, match="wrong_signature"):
        Witness(served.url, tmp_path / "new", ME, other.verifier).look()


def test_a_log_that_is_away_is_tried_again(served: Served, tmp_path: Path) -> None:
    witness = Witness(served.url, tmp_path / "copy", ME)
    (served.folder / "checkpoint").unlink()
    with pytest.raises(Unreachable):
        witness.look()
    grow(served.folder, 290)
    assert witness.look().size == 290


def test_the_command(served: Served, tmp_path: Path) -> None:
    run, key = CliRunner(), tmp_path / "my.key"
    given = ["witness", "--log", served.url, "--key", str(key), "--name", "paper.example/w", "--once"]
    first = run.invoke(app, given)
    assert first.exit_code == 0 and "paper.example/w+" in first.stdout and "0 → 290" in first.stdout
    assert key.stat().st_mode & 0o777 == 0o600 and (tmp_path / "my.key.copy" / "checkpoint").exists()
    shown = tmp_path / "shown"
    shown.write_text((served.folder / "checkpoint").read_text())
    assert run.invoke(app, [*given, "--compare", str(shown)]).exit_code == 0
    other_version(served, tmp_path, 400)
    grow(tmp_path / "log", 350)
    served.folder = tmp_path / "log"
    assert run.invoke(app, given).exit_code == 0
    served.folder = tmp_path / "other"
    refused = run.invoke(app, given)
    assert refused.exit_code == 1 and "拒绝会签" in refused.stderr
    key.write_text("nonsense")
    assert run.invoke(app, given).exit_code == 2


def test_bad_use_is_refused_before_a_key_is_made(served: Served, tmp_path: Path) -> None:
    run, key = CliRunner(), tmp_path / "my.key"
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\0")
    for log, more, said in (
        ("notaurl", [], "不是日志网址"),
        ("ftp://example/log", [], "不是日志网址"),
        ("http://example:port/log", [], "不是日志网址"),
        (served.url, ["--compare", str(binary)], "不是签名的检查点"),
        (served.url, ["--compare", str(tmp_path / "none")], "没有文件"),
        (served.url, ["--log-key", str(binary)], "没有公钥"),
        (served.url, ["--log-key", str(tmp_path / "none")], "核对路径"),
    ):
        told = run.invoke(app, ["witness", "--log", log, "--key", str(key), "--once", *more])
        assert (told.exit_code, told.stdout) == (2, "") and said in told.stderr, (log, more, told.stderr)
    assert not key.exists()
    told = run.invoke(app, ["witness", "--log", served.url, "--key", str(tmp_path), "--once"])
    assert told.exit_code == 2 and "--key" in told.stderr


def test_a_log_that_is_not_reached_is_told_with_a_remedy(served: Served, tmp_path: Path) -> None:
    run = CliRunner()

    def said(log: str) -> str:
        told = run.invoke(app, ["witness", "--log", log, "--key", str(tmp_path / "my.key"), "--once"])
        assert told.exit_code == 1
        return told.stderr

    bare = said(served.url.removesuffix("/log"))
    assert "以 /log 结尾" in bare and "HTTP" not in bare
    (served.folder / "checkpoint").unlink()
    assert "还没有签发" in said(served.url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = said(f"http://127.0.0.1:{free.getsockname()[1]}/log")
    assert "没有开着这个端口" in closed and "Errno" not in closed
    assert "主机名" in said("http://nowhere.invalid/log")
