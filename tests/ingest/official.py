"""The official OCDS schemas and real packages, out of the source distributions of the standard's own tools.

No package installs the files themselves, but the source distributions of `ocdsmerge` and `ocdskit` keep
them among their tests. They are fetched once with pip, which checks the digests below before it opens
them, and stay in pytest's cache: later runs need no network. They are read where they lie, never unpacked.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT4

Json = dict[str, Any]

SDISTS = {
    "ocdsmerge==0.8.0": "a9f6d8f1e854b79d07d378f3effaaefcc2687efd52e9edacd89b6b4a79538160",
    "ocdskit==1.7.0": "02a7d6182bbd7672cfd26cdbcae9726fbacdb917203d2bd5a726caa30040ff76",
    "libcoveocds==0.17.0": "708927a0a81290bae6c4be7827b17aff9dd8214f4035f300af50ff0a43575a7c",
}
"""Source distribution → SHA-256 of its archive."""
RELEASE_SCHEMA = "ocdsmerge-0.8.0/tests/fixtures/release-schema-1__1__4.json"
PACKAGE_SCHEMA = "ocdskit-1.7.0/tests/fixtures/release-package-schema.json"
"""1.1.5, whose release packages are those of 1.1.4."""
EXTENDED_SCHEMA = "ocdskit-1.7.0/tests/fixtures/a/release-schema.json"
"""The release schema 1.1.5 with every extension of the registry merged into it, bids and lots among them."""
_NO_DOCUMENT = re.compile(r"/fixtures/([ab]|schema|libcove|ofds|bods|sedl|rdls)/|schema|/extension\.json$")
"""Schemas, and what tests of the tools compare with."""

FORMATS = FormatChecker()
_TIME = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$")
_URI = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$")


@FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    """RFC 3339: a day, a time and an offset."""
    return not isinstance(value, str) or bool(_TIME.match(value) and datetime.fromisoformat(value.upper()))


@FORMATS.checks("uri")
def _uri(value: object) -> bool:
    """RFC 3986: with a scheme, only the characters of a URI."""
    return not isinstance(value, str) or bool(_URI.match(value))


class Official:
    """What the archives hold."""

    def __init__(self, archives: list[Path]) -> None:
        self._archives = archives

    def text(self, member: str) -> bytes:
        """One file of the archives."""
        return next(content for name, content in self._members() if name == member)

    def _members(self) -> Iterator[tuple[str, bytes]]:
        for archive in self._archives:
            with tarfile.open(archive) as opened:
                for member in opened:
                    file = opened.extractfile(member)
                    if file is not None:
                        yield member.name, file.read()

    def documents(self) -> Iterator[tuple[str, bytes]]:
        """(name, content) of every JSON file that may be an OCDS document: packages, records, releases,
        lists of them, and files that are broken on purpose."""
        for name, content in self._members():
            if name.endswith(".json") and "/fixtures/" in name and not _NO_DOCUMENT.search(name):
                yield name, content

    @cached_property
    def _core(self) -> Json:
        found: Json = json.loads(self.text(RELEASE_SCHEMA))
        return found

    @cached_property
    def extended(self) -> Json:
        """The release schema with every registered extension."""
        found: Json = json.loads(self.text(EXTENDED_SCHEMA))
        return found

    @property
    def core(self) -> Json:
        """A copy of the release schema 1.1.4."""
        found: Json = json.loads(json.dumps(self._core))
        return found

    @cached_property
    def release(self) -> Draft4Validator:
        """Validates single releases; fields the standard does not know are allowed."""
        return Draft4Validator(self._core, format_checker=FORMATS)

    @cached_property
    def package(self) -> Draft4Validator:
        """Validates release packages."""
        return self.packages_of(self._core)

    def packages_of(self, release: Json) -> Draft4Validator:
        """Validates packages of releases after another schema."""
        schema = json.loads(self.text(PACKAGE_SCHEMA))
        named = schema["properties"]["releases"]["items"]["$ref"]
        registry: Registry[Json] = Registry().with_resource(named, DRAFT4.create_resource(release))
        return Draft4Validator(schema, registry=registry, format_checker=FORMATS)


def _whole(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _download(missing: dict[str, str], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text("".join(f"{name} --hash=sha256:{digest}\n" for name, digest in missing.items()))
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r", str(wanted), "-d", scratch,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            pytest.fail(
                f"取不到 OCDS 官方文件，需要联网一次 / the official OCDS files cannot be fetched, and this needs "
                f"the network once; archives laid into {folder} by hand do as well: {', '.join(missing)}\n"
                f"{done.stderr[-2000:]}",
                pytrace=False,
            )
        for archive in Path(scratch).glob("*.tar.gz"):
            archive.replace(folder / archive.name)


def fetch(folder: Path) -> Official:
    """The archives in `folder`, fetched if they are not there or not what they should be; a test fails,
    and is never left out, where they cannot be had. Of several processes one fetches and the others wait."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _fetched(folder)


def _fetched(folder: Path) -> Official:
    archives = {name: folder / f"{name.replace('==', '-')}.tar.gz" for name in SDISTS}
    missing = {name: SDISTS[name] for name, path in archives.items() if not _whole(path, SDISTS[name])}
    if missing:
        _download(missing, folder)
    wrong = [name for name, path in archives.items() if not _whole(path, SDISTS[name])]
    assert not wrong, f"校验不符 / not the files they should be: {wrong}"
    return Official(list(archives.values()))
