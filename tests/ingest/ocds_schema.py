"""What the official schema leaves open, closed: fields nobody defined, and the bids and lots extensions.

The standard allows any field it does not know, so a misspelt one passes. Here only those of the core
1.1.4 and of the bids and lots extensions 1.1.5 may stand, and `x_sunbid` in a release. The types, formats
and codelists of all of them are the official ones.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft4Validator

from .official import Official

Json = dict[str, Any]

BIDS_AND_LOTS: dict[str, tuple[str, ...]] = {
    "Tender": ("lots", "lotDetails", "lotGroups"),
    "Lot": ("id", "title", "description", "status", "value", "contractPeriod"),
    "LotGroup": ("id", "relatedLots", "optionToCombine", "maximumValue"),
    "Bids": ("statistics", "details"),
    "BidsStatistic": ("id", "measure", "date", "value", "notes", "relatedLot"),
    "Bid": ("id", "date", "status", "tenderers", "value", "documents", "relatedLots"),
    "Award": ("relatedLots", "relatedBid"),
    "Item": ("relatedLot",),
    "Document": ("relatedLots",),
    "Milestone": ("relatedLots",),
}
"""Definition → the fields the two extensions give it."""


def strict_release(official: Official) -> Json:
    """The core with the two extensions and nothing else."""
    schema, merged = official.core, official.extended
    schema["properties"] |= {"bids": merged["properties"]["bids"], "x_sunbid": {"type": "object"}}
    for name, fields in BIDS_AND_LOTS.items():
        given = merged["definitions"][name]
        made = schema["definitions"].setdefault(name, {**given, "properties": {}})
        made["properties"] |= {field: given["properties"][field] for field in fields}
    _close(schema)
    return schema


def _close(schema: Any) -> None:
    """Every object with properties of its own has no others (but those a pattern allows)."""
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict) and "$ref" not in schema:
            schema["additionalProperties"] = False
        for one in schema.values():
            _close(one)


def strict_packages(official: Official) -> Draft4Validator:
    """Validates release packages, unknown fields of their releases refused."""
    return official.packages_of(strict_release(official))
