"""The documentation says what the code does."""

from __future__ import annotations

from ingest import docs
from ingest.config import IntakeConfig
from ingest.http.feed import BAD_USE, DISABLED, UNAVAILABLE, UNKNOWN
from ingest.kinds.registry import KINDS


def test_the_generated_part_is_up_to_date() -> None:
    document = docs.DOCUMENT.read_text(encoding="utf-8")
    assert docs.updated(document) == document, "run python -m ingest.docs"


def test_limits_and_close_codes_are_the_real_ones() -> None:
    document = docs.DOCUMENT.read_text(encoding="utf-8")
    limits = {name: field.default for name, field in IntakeConfig.__dataclass_fields__.items()}
    assert f"正文 {limits['max_body'] >> 20} MiB，解压后 {limits['max_unpacked'] >> 20} MiB" in document
    assert f"{limits['max_records'] // 10_000} 万条，单行 {limits['max_message'] >> 20} MiB" in document
    assert all(str(code) in document for code in (BAD_USE, UNKNOWN, DISABLED, UNAVAILABLE))


def test_the_kinds_are_those_of_the_contract() -> None:
    contract = (
        "centre, room, organisation, relation, project, lot, notice, bid, deposit, opening, opening_event, "
        "control_price, objection, expert, evaluation, score, fee, award, contract, credit, opinion, inspection"
    )
    assert set(KINDS) == set(contract.split(", "))
