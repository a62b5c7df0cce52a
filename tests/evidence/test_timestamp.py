"""Time stamps of a local authority (openssl): given over HTTP, checked by `verify`, refused where anything differs."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence import timestamp
from evidence.verify import check, stamped
from tests.evidence.packages import make
from tests.evidence.test_verify import relist
from tests.needed import needed

CONFIG = """
[req]
distinguished_name = dn
x509_extensions = tsa
prompt = no
[dn]
CN = {name}
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[tsa]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa_config]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


def openssl(*given: object) -> None:
    subprocess.run(["openssl", *map(str, given)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its address and its root certificate."""
    needed(shutil.which("openssl"), "openssl")
    folder = tmp_path_factory.mktemp("tsa")
    for name in ("root", "tsa"):
        (folder / f"{name}.cnf").write_text(CONFIG.format(name=f"Test {name}", folder=folder))
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", folder / f"{name}.key")
    (folder / "serial").write_text("01\n")
    openssl("req", "-x509", "-new", "-key", folder / "root.key", "-days", 30, "-config", folder / "root.cnf",
            "-extensions", "root", "-out", folder / "root.pem")  # fmt: skip
    openssl(
        "req", "-new", "-key", folder / "tsa.key", "-config", folder / "tsa.cnf", "-out", folder / "tsa.csr"
    )
    openssl("x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "root.pem", "-CAkey", folder / "root.key", "-days", 30,
            "-set_serial", 7, "-extfile", folder / "tsa.cnf", "-extensions", "tsa", "-out", folder / "tsa.pem")  # fmt: skip

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query, reply = folder / "query.tsq", folder / "reply.tsr"
            query.write_bytes(self.rfile.read(int(self.headers["content-length"])))
            openssl(
                "ts",
                "-reply",
                "-queryfile",
                query,
                "-config",
                folder / "tsa.cnf",
                "-section",
                "tsa_config",
                "-out",
                reply,
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(reply.read_bytes())

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", folder / "root.pem"
    server.shutdown()
    server.server_close()


def test_a_stamp_is_given_and_holds_for_its_text_alone(authority: tuple[str, Path]) -> None:
    url, root = authority
    assert timestamp.available()
    reply, roots = timestamp.ask(url, b"sunbid.example/log\n7\n"), root.read_bytes()
    found = stamped(reply, b"sunbid.example/log\n7\n", roots)
    assert found["ok"] is True and found["at"].endswith("+08:00")
    assert stamped(reply, b"sunbid.example/log\n8\n", roots)["ok"] is False
    for at in (60, len(reply) // 2, len(reply) - 5):
        raw = bytearray(reply)
        raw[at] ^= 1
        assert stamped(bytes(raw), b"sunbid.example/log\n7\n", roots)["ok"] is False


def test_a_changed_checkpoint_does_not_accuse_the_stamp_over_it(
    authority: tuple[str, Path], tmp_path: Path
) -> None:
    url, root = authority
    with zipfile.ZipFile(make(tmp_path, segments=8).zip) as packed:
        packed.extractall(tmp_path / "p")
    note = (tmp_path / "p/checkpoint").read_bytes()
    (tmp_path / "p/timestamps").mkdir()
    (tmp_path / "p/timestamps/1.tsr").write_bytes(timestamp.ask(url, note.rpartition(b"\n\n")[0] + b"\n"))
    (tmp_path / "p/keys/timestamp-ca.pem").write_bytes(root.read_bytes())
    relist(tmp_path / "p")
    sealed = {("keys/timestamp-ca.pem", "not_as_sealed")}  # it came later here than the seal
    assert {(one.file, one.why) for one in check(tmp_path / "p").broken} == sealed
    for name in ("checkpoint", "timestamps/1.tsr"):
        raw = bytearray(good := (tmp_path / "p" / name).read_bytes())
        raw[60] ^= 1
        (tmp_path / "p" / name).write_bytes(raw)
        found = {(one.file, one.why) for one in check(tmp_path / "p").broken}
        assert found == {*sealed, (name, "changed")}
        (tmp_path / "p" / name).write_bytes(good)


def test_another_authority_is_not_believed(authority: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = authority
    (tmp_path / "c.cnf").write_text(CONFIG.format(name="Other", folder=tmp_path))
    openssl("req", "-x509", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-days", 3, "-config",
            tmp_path / "c.cnf", "-extensions", "root", "-out", tmp_path / "other.pem")  # fmt: skip
    reply = timestamp.ask(url, b"x")
    assert stamped(reply, b"x", (tmp_path / "other.pem").read_bytes())["ok"] is False
    assert stamped(b"no reply", b"x", (tmp_path / "other.pem").read_bytes())["ok"] is False
    assert stamped(reply, b"x", b"no certificate")["ok"] is False


def test_an_authority_that_is_away_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError):
        timestamp.ask("http://127.0.0.1:9/", b"x")
