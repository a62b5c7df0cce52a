"""No key leads out of a folder or makes a room that no address reaches."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.apply.envelopes import apply_batch
from ingest.csv.write import export_csv
from messages import Invalid
from records.filenames import file_name
from records.ledger import Ledger
from records.sources import add_source
from streaming.live.covers import Cover, Covers
from sunbid.cli import app

from .conftest import KEY, envelope, market

ODD = ["../../../tmp/x", "/etc/x", "..", ".", "...", "a/b", "a\\b"]
FINE = ["一号室", "hz.01", "hz-09", "hz:01", "%2e%2e%2f", "室" * 200]
HOSTILE = [*ODD, *FINE, "a\nb", "a\0b", "x" * 300]


@pytest.mark.parametrize("key", ODD)
def test_a_room_no_address_reaches_is_refused_with_its_place_and_the_rest_goes_on(
    sqlite_ledger: Ledger, key: str
) -> None:
    sent = envelope("room", key, {"centre": "hz", "name": "室"})
    after = envelope("organisation", "later", {"name": "后来的公司", "roles": ["bidder"]})
    *_, answer, other = apply_batch(sqlite_ledger, "hz", [*market(1, 1), sent, after], key=KEY)
    assert (answer.status, other.status) == ("rejected", "accepted")
    assert answer.path == "key" and "hz-01" in (answer.reason or "")


@pytest.mark.parametrize("key", FINE)
def test_a_harmless_id_is_taken(sqlite_ledger: Ledger, key: str) -> None:
    sent = envelope("room", key, {"centre": "hz", "name": "室"})
    assert apply_batch(sqlite_ledger, "hz", [*market(1, 1), sent], key=KEY)[-1].status == "accepted"


@pytest.mark.parametrize("key", ODD)
def test_such_a_room_is_not_made_by_hand_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SUNBID_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    told = CliRunner().invoke(app, ["room", "add", key, "--name", "室", "--centre", "hz"])
    assert told.exit_code != 0 and "bad room id" in told.output.lower()


@pytest.mark.parametrize("key", HOSTILE)
def test_every_key_is_one_name_inside_its_folder(tmp_path: Path, key: str) -> None:
    name = file_name(key)
    (tmp_path / name).mkdir(exist_ok=True)
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()
    assert file_name("杭州.hz-01") == "杭州.hz-01"


@pytest.mark.parametrize("key", HOSTILE)
def test_a_cover_of_any_room_is_kept(tmp_path: Path, key: str) -> None:
    held = Covers(tmp_path)
    held.put(key, Cover(slated=True))
    held.save(key)
    assert Covers(tmp_path).get(key).slated and not Covers(tmp_path).get(f"{key}-").slated
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path / "rooms"}


@pytest.mark.parametrize("source", ["..", ".", "hz\n", "../x"])
def test_no_source_bears_such_a_name(sqlite_ledger: Ledger, source: str) -> None:
    with sqlite_ledger.write() as session, pytest.raises(Invalid) as refused:
        add_source(session, source)
    assert refused.value.message.key == "source.bad_name"


@pytest.mark.parametrize("source", ["..", "../x", "源" * 100])
def test_a_pack_stays_in_its_folder_whatever_the_source_is_called(
    sqlite_ledger: Ledger, tmp_path: Path, source: str
) -> None:
    apply_batch(sqlite_ledger, source, market(1, 1), key=KEY)
    export_csv(sqlite_ledger, tmp_path / "a" / "out")
    written = list(tmp_path.rglob("*.csv"))
    assert written and all(path.parent.parent == tmp_path / "a" / "out" for path in written)
