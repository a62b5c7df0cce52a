"""Every way in which a model can refuse a value has words of ours."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, ValidationError
from pydantic_core._pydantic_core import list_all_errors

from ingest.kinds.registry import KINDS
from ingest.schema import kind_schema
from messages import Invalid, Message
from records.decimals import SIGNED, Plain
from records.events import public_payload
from records.wrong_values import explain, reason

ERRORS = list_all_errors()


@pytest.mark.parametrize("error", ERRORS, ids=[error["type"] for error in ERRORS])
def test_every_kind_of_error_is_said_in_our_words(error: dict[str, object]) -> None:
    context = error.get("example_context") or {}
    assert isinstance(context, dict)
    told = reason(str(error["type"]), context)
    for value in context.values():
        context = {**context, "said": str(value)}
    words = told.text("zh")
    for value in sorted(map(str, context.values()), key=len, reverse=True):
        words = words.replace(value.replace(" or ", ", "), "")
    assert re.search("[\u4e00-\u9fff]", words) and not re.search(
        "[A-Za-z]{5,}", re.sub("false|https?", "", words)
    )
    assert told.text("en") and told.text("en") != str(error["message_template_python"])


def test_every_pattern_of_a_record_is_described() -> None:
    patterns = {
        text for kind in KINDS for text in re.findall(r"'pattern': '(.*?)'[,}]", str(kind_schema(kind)))
    }
    assert len(patterns) > 5
    for pattern in patterns:
        told = reason("string_pattern_mismatch", {"pattern": pattern.encode().decode("unicode_escape")})
        assert told.key != "refused.unfit" or "[0-9]" in pattern, pattern


def test_a_fault_within_a_model_speaks_for_itself() -> None:
    assert reason("value_error", {"error": Invalid(Message("refused.empty"))}) == Message("refused.empty")


def test_how_many_more_faults_there_are_is_said() -> None:
    class Two(BaseModel):
        a: int
        b: int

    with pytest.raises(ValidationError) as refused:
        Two.model_validate({"a": "x", "b": "y"})
    assert explain(refused.value, ("data",))[0] == "data.a" and "1" in explain(refused.value)[1].text("zh")


def test_minus_nought_is_nought() -> None:
    """JSON and binary numbers know a nought below nought: nobody is to read it aloud with its sign."""
    told = [
        public_payload("bid_read", {"no": 1, "name": "甲公司", "price": price}) for price in (-0.0, 0.0, "0")
    ]
    assert [payload["price"] for payload in told] == ["0.0", "0.0", "0"]
    assert Plain(SIGNED)("-0.00") == "0.00" and Plain(SIGNED)("-0.01") == "-0.01"
