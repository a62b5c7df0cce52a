"""The study of associations over a lens of files, with names, steps and the lots behind a pair."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from records.clock import now
from records.ledger import Ledger
from supervision.lens.reader import Lens, lens_folder
from supervision.lens.schema import BIDS, FORMAT, LOTS
from supervision.lists.associations import lots_of_pair, side
from supervision.studies import associations
from supervision.studies.store import keep
from tests.supervision.conftest import Market
from tests.supervision.test_market_rules import CAPTIVE, FAVOURITE, made_up


def lens_of(folder: Path) -> Lens:
    tables = {}
    for name, schema, held in zip(("bids", "lots"), (BIDS, LOTS), made_up(), strict=True):
        path = lens_folder(folder) / name / "month=2024-01" / "data.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(held, schema=schema), path)
        tables[name] = {"file": str(path.relative_to(lens_folder(folder))), "rows": len(held)}
    lens = Lens(folder)
    months = {"2024-01": {"tables": tables, "prints": {}}}
    told = {"format": FORMAT, "version": 1, "as_of": now().isoformat(), "months": months, "home": []}
    lens.manifest_path.write_text(json.dumps(told))
    return lens


def test_both_sides_are_studied_named_and_traced_to_their_lots(
    ledger: Ledger, market: Market, tmp_path: Path
) -> None:
    market.firm(FAVOURITE)
    lens = lens_of(tmp_path)
    with ledger.read() as session:
        assert side(session, tmp_path, "tenderer") is None
    keep(tmp_path, associations.NAME, associations.study(lens, now()))
    with ledger.read() as session:
        found, agencies = side(session, tmp_path, "tenderer"), side(session, tmp_path, "agency")
    assert found is not None and agencies is not None
    assert found.met >= found.often >= found.lifted >= found.through == 1
    first = found.pairs[0]
    assert (first.buyer, first.buyer_name, first.firm_name, first.through) == (
        CAPTIVE,
        CAPTIVE,
        f"企业{FAVOURITE}",
        True,
    )
    behind = lots_of_pair(lens, "tenderer", first)
    assert len(behind) == first.bid and sum(row["is_winner"] for row in behind) == first.wins
    assert [row["opened_on"] for row in behind] == sorted((row["opened_on"] for row in behind), reverse=True)
