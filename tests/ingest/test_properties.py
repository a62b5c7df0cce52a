"""What must hold for any order, any repetition and any rubbish."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import schema as describe
from ingest.apply.envelopes import Answer, apply_batch, prepare
from ingest.kinds.registry import KINDS, ROWS, TABLES
from records.ledger import Ledger
from records.tables.intake import Held, Journal, Parked
from tests.ledgers import new_ledger

from .conftest import KEY, count, envelope, market, rows

BASE = [
    *market(2, 2),
    *(envelope("bid", f"b{i}", {"lot": f"l{i % 2}", "bidder": f"o{i % 2}", "price": str(i)}, v) for i in range(3) for v in (1, 2)),
    envelope("award", "a", {"lot": "l0", "bidder": "o1"}),
    envelope("deposit", "d", {"lot": "l0", "bidder": "o0", "bid": "b0", "amount": "1"}),
]  # fmt: skip
NEWEST = {
    (e["kind"], e["key"]): max(x["version"] for x in BASE if (x["kind"], x["key"]) == (e["kind"], e["key"]))
    for e in BASE
}


def contents(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    with ledger.read() as session:
        return {
            kind: [
                {k: v for k, v in row.items() if k != "updated_at"}
                for row in session.execute(table.select().order_by(table.c.id)).mappings()
            ]
            for kind, table in TABLES.items()
        }


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    ledger = new_ledger(tmp_path_factory.mktemp("order") / "l.db")
    apply_batch(ledger, "hz", BASE)
    return contents(ledger)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_order_any_repetition_any_batches_give_the_same_ledger(
    data: st.DataObject, in_order: dict[str, list[dict[str, Any]]]
) -> None:
    shuffled = data.draw(st.permutations(BASE + data.draw(st.lists(st.sampled_from(BASE), max_size=10))))
    size = data.draw(st.integers(1, len(shuffled)))
    with tempfile.TemporaryDirectory() as folder:
        ledger = new_ledger(Path(folder) / "l.db")
        answers: list[Answer] = []
        for start in range(0, len(shuffled), size):
            answers += apply_batch(ledger, "hz", shuffled[start : start + size])
        assert {a.status for a in answers} <= {"accepted", "duplicate"}
        assert contents(ledger) == in_order
        assert count(ledger, Parked) == 0
        kept = [(j.kind, j.key, j.version) for j in rows(ledger, Journal, Journal.kind != "applied")]
        assert len(kept) == len(set(kept)) == sum(a.status == "accepted" for a in answers)
        assert {(h.kind, h.key): h.version for h in rows(ledger, Held)} == NEWEST
        ledger.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(raw=JSON | st.binary(max_size=60) | st.text(max_size=60))
def test_rubbish_is_refused_with_a_place_and_a_reason(raw: Any) -> None:
    entry = prepare("hz", raw)
    assert entry.record is None and entry.refusal is not None
    assert entry.refusal.path and entry.refusal.reason


GOOD = {
    **envelope("bid", "b", {"lot": "l0", "bidder": "o0", "price": "1", "received_at": "2026-01-01T00:00:00Z"})
}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    where=st.sampled_from(["kind", "key", "version", "occurred_at", "data", "extra", "data.lot", "data.price",
                           "data.received_at", "data.rank", "data.on_site", "data.extra", "data.consortium"]),
    value=JSON,
)  # fmt: skip
def test_one_wrong_field_is_named(where: str, value: Any) -> None:
    record = json.loads(json.dumps(GOOD))
    target, name = (record["data"], where[5:]) if where.startswith("data.") else (record, where)
    target[name] = value
    entry = prepare("hz", record, KEY)
    if entry.refusal is not None:
        assert entry.refusal.path == where or entry.refusal.path.startswith((f"{where}.", "data"))
        assert entry.refusal.path.startswith(where) or entry.refusal.path == "data"
        assert entry.refusal.reason
    else:
        assert where not in ("extra", "data.extra")


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_says_what_the_intake_does(kind: str) -> None:
    schema = describe.kind_schema(kind)
    assert schema is not None
    jsonschema.Draft202012Validator.check_schema(schema)
    bad = envelope(kind, "k", {"nonsense": 1})
    assert not jsonschema.Draft202012Validator(schema).is_valid(bad)
    for good in BASE:
        if good["kind"] == kind:
            jsonschema.validate(good, schema)


@pytest.mark.parametrize("kind", ROWS)
def test_every_field_is_a_column_and_every_reference_is_known(kind: str) -> None:
    columns = set(TABLES[kind].c.keys())
    if kind not in KINDS:
        return
    hidden = set(KINDS[kind].hidden) | {"organise_form"}
    assert set(KINDS[kind].data.model_fields) - columns <= hidden
    assert {attribute for attribute, _ in KINDS[kind].references} <= columns
