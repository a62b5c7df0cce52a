"""The OCDS 1.1 release package schema, as far as our exports and imports go, with bids and lots 1.1.5.

Written from the standard's reference (types, required fields, closed codelists, formats, unique lists): no
package ships the official files. `strict` also refuses fields the standard does not know, other than
`x_sunbid`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from jsonschema import Draft4Validator, FormatChecker

Json = dict[str, Any]

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


STRING: Json = {"type": ["string", "null"]}
TEXT: Json = {"type": "string", "minLength": 1}
ID: Json = {"type": ["string", "integer"], "minLength": 1}
NUMBER: Json = {"type": ["number", "null"]}
INTEGER: Json = {"type": ["integer", "null"]}
BOOLEAN: Json = {"type": ["boolean", "null"]}
DATE: Json = {"type": ["string", "null"], "format": "date-time"}
URI: Json = {"type": ["string", "null"], "format": "uri"}
STRINGS: Json = {"type": ["array", "null"], "items": {"type": "string"}}


def ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def closed(*values: str) -> Json:
    return {"type": ["string", "null"], "enum": [*values, None]}


def many(name: str, unique: bool = True) -> Json:
    return {"type": "array", "items": ref(name), **({"uniqueItems": True} if unique else {})}


STATUS = closed("planning", "planned", "active", "cancelled", "unsuccessful", "complete", "withdrawn")
TAGS = (
    "planning", "planningUpdate", "tender", "tenderAmendment", "tenderUpdate", "tenderCancellation", "award",
    "awardUpdate", "awardCancellation", "contract", "contractUpdate", "contractAmendment", "implementation",
    "implementationUpdate", "contractTermination", "compiled",
)  # fmt: skip

OBJECTS: dict[str, tuple[tuple[str, ...], Json]] = {
    "Release": (
        ("ocid", "id", "date", "tag", "initiationType"),
        {
            "ocid": TEXT, "id": {**TEXT, "pattern": "^[^#]+$"}, "date": {"type": "string", "format": "date-time"},
            "tag": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(TAGS)}},
            "initiationType": {"type": "string", "enum": ["tender"]}, "parties": many("Organization"),
            "buyer": ref("Reference"), "planning": ref("Planning"), "tender": ref("Tender"),
            "awards": many("Award"), "contracts": many("Contract"), "language": STRING, "bids": ref("Bids"),
            "relatedProcesses": {"type": "array"},
        },
    ),
    "Planning": ((), {"rationale": STRING, "budget": ref("Budget"), "documents": many("Document", False), "milestones": {"type": "array"}}),
    "Budget": (
        (),
        {"id": {"type": ["string", "integer", "null"]}, "description": STRING, "amount": ref("Value"),
         "project": STRING, "projectID": {"type": ["string", "integer", "null"]}, "uri": URI, "source": STRING},
    ),
    "Tender": (
        ("id",),
        {
            "id": ID, "title": STRING, "description": STRING, "status": STATUS, "procuringEntity": ref("Reference"),
            "items": many("Item"), "value": ref("Value"), "minValue": ref("Value"),
            "procurementMethod": closed("open", "selective", "limited", "direct"),
            "procurementMethodDetails": STRING, "procurementMethodRationale": STRING,
            "mainProcurementCategory": closed("goods", "works", "services"),
            "additionalProcurementCategories": STRINGS, "awardCriteria": STRING, "awardCriteriaDetails": STRING,
            "submissionMethod": STRINGS, "submissionMethodDetails": STRING, "tenderPeriod": ref("Period"),
            "enquiryPeriod": ref("Period"), "hasEnquiries": BOOLEAN, "eligibilityCriteria": STRING,
            "awardPeriod": ref("Period"), "contractPeriod": ref("Period"), "numberOfTenderers": INTEGER,
            "tenderers": many("Reference"), "documents": many("Document", False), "milestones": {"type": "array"},
            "amendments": {"type": "array"}, "lots": many("Lot"), "lotGroups": {"type": "array"},
        },
    ),
    "Lot": (("id",), {"id": TEXT, "title": STRING, "description": STRING, "status": STATUS, "value": ref("Value"), "contractPeriod": ref("Period")}),
    "Bids": ((), {"statistics": {"type": "array"}, "details": many("Bid", False)}),
    "Bid": (
        ("id",),
        {"id": {"type": "string"}, "date": DATE, "status": closed("invited", "pending", "valid", "disqualified", "withdrawn"),
         "tenderers": many("Reference", False), "value": ref("Value"), "documents": many("Document"), "relatedLots": STRINGS},
    ),
    "Award": (
        ("id",),
        {"id": ID, "title": STRING, "description": STRING, "status": closed("pending", "active", "cancelled", "unsuccessful"),
         "date": DATE, "value": ref("Value"), "suppliers": many("Reference"), "items": many("Item"),
         "contractPeriod": ref("Period"), "documents": many("Document"), "relatedLots": STRINGS, "relatedBid": STRING},
    ),
    "Contract": (
        ("id", "awardID"),
        {"id": ID, "awardID": ID, "title": STRING, "description": STRING, "status": closed("pending", "active", "cancelled", "terminated"),
         "period": ref("Period"), "value": ref("Value"), "items": many("Item"), "dateSigned": DATE, "documents": many("Document"), "relatedLots": STRINGS},
    ),
    "Organization": (
        (),
        {"name": STRING, "id": {"type": "string"}, "identifier": ref("Identifier"), "additionalIdentifiers": many("Identifier"),
         "address": ref("Address"), "contactPoint": {"type": "object"}, "roles": STRINGS, "details": {"type": ["object", "null"]}},
    ),
    "Reference": ((), {"name": STRING, "id": {**ID}}),
    "Identifier": ((), {"scheme": STRING, "id": {"type": ["string", "integer", "null"]}, "legalName": STRING, "uri": URI}),
    "Address": ((), {"streetAddress": STRING, "locality": STRING, "region": STRING, "postalCode": STRING, "countryName": STRING}),
    "Value": ((), {"amount": NUMBER, "currency": {"type": ["string", "null"], "pattern": "^[A-Z]{3}$"}}),
    "Period": ((), {"startDate": DATE, "endDate": DATE, "maxExtentDate": DATE, "durationInDays": INTEGER}),
    "Item": (("id",), {"id": ID, "description": STRING, "classification": ref("Classification"), "quantity": NUMBER, "unit": {"type": "object"}, "relatedLot": STRING}),
    "Classification": ((), {"scheme": STRING, "id": {"type": ["string", "integer", "null"]}, "description": STRING, "uri": URI}),
    "Document": (
        ("id",),
        {"id": ID, "documentType": STRING, "title": STRING, "description": STRING, "url": URI, "datePublished": DATE,
         "dateModified": DATE, "format": STRING, "language": STRING, "relatedLots": STRINGS},
    ),
    "Publisher": (("name",), {"name": {"type": "string"}, "scheme": STRING, "uid": STRING, "uri": URI}),
}  # fmt: skip


def _object(required: tuple[str, ...], properties: Json, strict: bool) -> Json:
    found: Json = {"type": "object", "properties": properties}
    if required:
        found["required"] = list(required)
    if strict:
        found |= {"additionalProperties": False, "properties": {**properties, "x_sunbid": {"type": "object"}}}
    return found


def package_validator(strict: bool = True) -> Draft4Validator:
    """Validates release packages."""
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        **_object(
            ("uri", "publisher", "publishedDate", "releases", "version"),
            {
                "uri": {"type": "string", "format": "uri"}, "version": {"type": "string", "pattern": r"^(\d+\.)(\d+)$"},
                "extensions": {"type": "array", "items": {"type": "string", "format": "uri"}},
                "publishedDate": {"type": "string", "format": "date-time"}, "publisher": ref("Publisher"),
                "license": URI, "publicationPolicy": URI,
                "releases": {"type": "array", "minItems": 1, "items": ref("Release"), "uniqueItems": True},
            },
            strict,
        ),
        "definitions": {name: _object(*parts, strict) for name, parts in OBJECTS.items()},
    }  # fmt: skip
    Draft4Validator.check_schema(schema)
    return Draft4Validator(schema, format_checker=FORMATS)


def release_validator() -> Draft4Validator:
    """Validates single releases, as the standard does: fields it does not know are allowed."""
    schema = dict(package_validator(strict=False).schema)
    return Draft4Validator(
        {"definitions": schema["definitions"], **schema["definitions"]["Release"]}, format_checker=FORMATS
    )
