"""The opening that /schema and docs/records.md tell from project to end can be sent as it stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from ingest import docs
from ingest.config import IntakeConfig
from ingest.http.server import create_app
from records.ledger import Ledger
from records.sources import add_source
from records.tables.openings import Opening

EVENTS = (
    "scheduled", "sign_in", "bidders_published", "decrypt_progress", "control_price", "coefficient_committed", "coefficient_revealed", "coefficient_drawn",
    "bid_read", "bid_corrected", "objection", "objection_answered", "record_confirmed", "paused", "resumed", "ended", "sealed",
)  # fmt: skip


@pytest.fixture(scope="module")
def document() -> str:
    return docs.DOCUMENT.read_text(encoding="utf-8")


def written(document: str) -> list[str]:
    """The lines of the worked example."""
    block = (
        document.partition("### 一场开标，从项目到结束")[2].partition("```json\n")[2].partition("\n```")[0]
    )
    return block.splitlines()


def test_the_example_is_taken_line_by_line(document: str, sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with sqlite_ledger.write() as session:
        token = add_source(session, "platform")
    config = IntakeConfig(sqlite_ledger.url.render_as_string(hide_password=False), tmp_path)
    with TestClient(create_app(config), headers={"Authorization": f"Bearer {token}"}) as client:
        head = {"content-type": "application/x-ndjson"}
        for line in written(document):
            answer = client.post("/records", content=line, headers=head).json()
            assert answer["status"] == "accepted", (line, answer)
        schema = client.get("/schema").json()
    with sqlite_ledger.read() as session:
        opening = session.get_one(Opening, "O-1")
    assert (opening.state, opening.stage, opening.result) == ("ended", "end", "opened")
    assert schema["examples"] == [json.loads(line) for line in written(document)]
    check = Draft202012Validator(schema)
    assert [error.message for record in schema["examples"] for error in check.iter_errors(record)] == []


@pytest.mark.parametrize("kind", EVENTS)
def test_each_event_is_described_with_its_place_in_the_order(kind: str, document: str) -> None:
    section = document.partition("## 开标事件逐一说明")[2]
    (row,) = [line for line in section.splitlines() if line.startswith(f"| `{kind}` |")]
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    assert len(cells) == 4 and all(cells) and "·" in cells[1]
    from ingest.schema import schema

    told: dict[str, Any] = schema()["$defs"][f"payload.{kind}"]
    assert told["description"] and told["$comment"] == cells[1]
    for name in told.get("properties", {}):
        assert f"`{name}`" in cells[2]


def test_the_example_has_every_event_a_platform_sends(document: str) -> None:
    told = {json.loads(line)["data"].get("type") for line in written(document)} - {None}
    assert told == set(EVENTS) - {"scheduled", "sealed"}


def test_the_example_says_when_it_is_sealed_and_counts_where_it_is_held(document: str) -> None:
    end = document.partition("```json\n")[2].partition("### 内部内容")[0].rpartition("```")[2]
    assert "自动封存" in end and "409" in end and "sealed by itself" in end
    said = {(record["kind"], record["key"]): record["data"] for record in map(json.loads, written(document))}
    assert said["lot", "L-1"]["centre"] == said["room", "R-1"]["centre"] == "C-1"
    readme = (docs.DOCUMENT.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"--centre {said['centre', 'C-1']['name']}" not in readme
