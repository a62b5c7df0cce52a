"""A million malformed envelopes over the wire, and files: no crash, no 500, memory flat, every answer with its place."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
from pathlib import Path

import httpx
import pytest

from ingest.apply.envelopes import apply_batch
from ingest.imports.files import import_paths
from records.ledger import Ledger
from records.sources import add_source
from tests.ingest.conftest import market
from tests.ingest.fuzzing import envelopes, files
from tests.ingest.serving import free_port, start

pytestmark = [pytest.mark.soak, pytest.mark.server, pytest.mark.timeout(7_200)]

TOTAL = int(os.environ.get("SUNBID_FUZZ_TOTAL", "1000000"))
BODY = 1_000
FILES = 2_000


def resident(pid: int) -> int:
    """Memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    raise RuntimeError("no such process")


def _body(seed: int, rng: random.Random) -> tuple[bytes, dict[str, str], int]:
    lines = [line.replace(b"\n", b" ") for line in envelopes(BODY, seed)]
    lines = [line for line in lines if line.strip()]
    content = b"\n".join(lines)
    if rng.random() < 0.3:
        return gzip.compress(content, 1), {"Content-Encoding": "gzip"}, len(lines)
    return content, {}, len(lines)


def test_a_million_malformed_envelopes(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.upgrade()
    apply_batch(ledger, "hz", market(2, 3))
    with ledger.write() as session:
        token = add_source(session, "hz")
    port, rng = free_port(), random.Random(3)
    process = start(ledger.url.render_as_string(), tmp_path, port)
    seen, refused, sizes = 0, 0, []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            for number in range(TOTAL // BODY):
                content, more, lines = _body(number, rng)
                answer = client.post("/records", content=content, headers={**headers, **more})
                assert answer.status_code in (200, 400), answer.text[:300]
                if answer.status_code == 200:
                    told = [json.loads(line) for line in answer.text.splitlines()]
                    assert len(told) == lines
                    wrong = [one for one in told if one["status"] == "rejected"]
                    assert all(one["path"] and one["reason"] for one in wrong)
                    refused += len(wrong)
                seen += lines
                if number % 20 == 19:
                    sizes.append(resident(process.pid))
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    print(f"{seen} envelopes, {refused} refused, memory {sizes[0]} → {sizes[-1]} MiB, at most {max(sizes)}")
    assert seen >= TOTAL * 0.95
    assert sizes[-1] < sizes[len(sizes) // 4] + 60, "memory grew"


def test_malformed_files(tmp_path: Path) -> None:
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    ledger.upgrade()
    sizes = []
    for number, (name, content) in enumerate(files(FILES, 5)):
        path = tmp_path / name
        path.write_bytes(content)
        report = import_paths(ledger, [path], data_dir=tmp_path, source="fuzz")
        assert report.read == report.accepted + report.duplicate + report.rejected
        if number % 100 == 99:
            sizes.append(resident(os.getpid()))
    print(f"{FILES} files, memory {sizes[0]} → {sizes[-1]} MiB")
    assert sizes[-1] < sizes[len(sizes) // 4] + 60
