"""An import needs the same memory for a file ten times as long: OCDS packages and CSV packs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

SMALL, LARGE = 30_000_000, 300_000_000
ALLOWED_KB = 40_000
"""What the peaks may differ by: caches that fill slowly, not the file."""

IMPORT = """
import json, resource, sys
from pathlib import Path
from ingest.imports.files import import_paths
from records.ledger import Ledger
file, folder = map(Path, sys.argv[1:])
ledger = Ledger(f"sqlite:///{folder}/ledger.db")
ledger.upgrade()
report = import_paths(ledger, [file], data_dir=folder)
print(json.dumps([report.accepted, report.rejected, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


def release(number: int) -> dict[str, Any]:
    """Some 3 kB: one tender, its six bidders and its award."""
    firms = [(number * 7 + place * 13) % 40_000 for place in range(6)]
    named = [{"id": f"GB-COH-{firm}", "name": f"Firm {firm}"} for firm in firms]
    money = {"amount": 590.5 + number % 9_999, "currency": "GBP"}
    return {
        "ocid": f"ocds-213czf-{number}", "id": str(number), "date": "2024-05-01T00:00:00Z", "tag": ["compiled"],
        "initiationType": "tender", "parties": [{**firm, "roles": ["tenderer"]} for firm in named],
        "buyer": {"id": f"GB-LAC-{number % 500}", "name": f"Council {number % 500}"},
        "tender": {"id": "t", "title": f"School {number}", "description": "x" * 900, "status": "complete", "value": money},
        "bids": {"details": [{"id": f"b{place}", "status": "valid", "date": "2024-01-20T00:00:00Z", "tenderers": [firm],
                              "value": money} for place, firm in enumerate(named)]},
        "awards": [{"id": "w", "status": "active", "date": "2024-03-01T00:00:00Z", "suppliers": named[:1], "value": money}],
    }  # fmt: skip


def package(path: Path, size: int) -> int:
    """A release package of at least `size` bytes; the number of its releases."""
    number = 0
    with path.open("w") as file:
        file.write('{"uri": "urn:x:1", "version": "1.1", "publisher": {"name": "p"}, "publishedDate": ')
        file.write('"2024-01-01T00:00:00Z", "releases": [\n')
        while file.tell() < size:
            file.write((",\n" if number else "") + json.dumps(release(number)))
            number += 1
        file.write("\n]}\n")
    return number


def pack(path: Path, size: int) -> int:
    """A CSV file of organisations, in GB18030, of at least `size` bytes; the number of its rows."""
    number = 0
    with path.open("w", encoding="gb18030", newline="") as file:
        file.write("编号,名称,角色,行政区划,地址,成立日期\r\n")
        while file.tell() < size:
            file.write(
                f"ORG-{number},杭州第{number}建设工程有限公司,bidder,330106,{'浙江省杭州市文三路' * 30},2001-02-03\r\n"
            )
            number += 1
    return number


def imported(file: Path, folder: Path) -> tuple[int, int]:
    """(records accepted, peak of the process in kB) of an import in a process of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, str(file), str(folder)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    accepted, rejected, peak = json.loads(done.stdout)
    assert rejected == 0
    return accepted, peak


@pytest.mark.parametrize(("name", "write"), [("uk.json", package), ("organisations.csv", pack)])
def test_the_peak_does_not_grow_with_the_file(
    name: str, write: Callable[[Path, int], int], tmp_path: Path
) -> None:
    peaks: dict[int, int] = {}
    for size in (SMALL, LARGE):
        file = tmp_path / name
        written = write(file, size)
        accepted, peaks[size] = imported(file, tmp_path / str(size))
        assert accepted >= written > size // 5_000
    print(name, {size // 10**6: f"{peak // 1024} MB" for size, peak in peaks.items()})
    assert peaks[LARGE] - peaks[SMALL] < ALLOWED_KB
