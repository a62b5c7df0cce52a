"""Every code the ledger knows has words in both languages, in the one catalogue that pages and scripts share."""

from __future__ import annotations

import json
import re

import pytest

from records.states import LOT_STATES, OPENING_STATES, STAGES
from records.tables.projects import TRADE_FAMILIES
from tests.streaming import hub_market as market
from tests.streaming.hub_market import Rig
from tests.streaming.test_hub_api import until

CODES = {
    "lot": LOT_STATES, "opening": OPENING_STATES, "stage": STAGES, "family": TRADE_FAMILIES,
    "result": ("opened", "failed", "terminated"), "method": ("open", "selective", "limited", "direct"),
    "award": ("publicity", "awarded", "cancelled"), "notice": ("documents", "tender", "change", "candidates", "result", "termination"),
    "decision.kind": ("objection", "complaint"), "decision.stage": ("documents", "opening", "candidates"),
    "term": ("施工", "监理", "货物", "服务", "合格", "浮动系数", "综合评估法", "works", "goods", "services"),
}  # fmt: skip


def catalogue(rig: Rig, lang: str) -> dict[str, str]:
    path = re.search(r'"(/static/[^"]+)/site\.css', rig.get("/").text)[1]  # type: ignore[index]
    script = rig.get(f"{path}/words.{lang}.js").text
    return dict(json.loads(script.removeprefix("export default ").rstrip().rstrip(";")))


@pytest.mark.parametrize("group", CODES)
def test_codes_have_words(rig: Rig, group: str) -> None:
    zh, en = catalogue(rig, "zh"), catalogue(rig, "en")
    for code in CODES[group]:
        key = f"{group}.{code}"
        assert re.search(r"[\u4e00-\u9fff]", zh[key]), key
        assert en[key] and not re.search(r"[\u4e00-\u9fff]", en[key]), key


def test_no_english_word_holds_chinese(rig: Rig) -> None:
    odd = {key: text for key, text in catalogue(rig, "en").items() if re.search(r"[\u4e00-\u9fff]", text)}
    assert not odd


def test_usual_reasons_and_remarks_are_told_in_the_readers_language_and_others_as_written(rig: Rig) -> None:
    market.opening(rig.ledger)
    market.begin(rig.ledger)
    market.event(rig.ledger, "O1", "paused", reason="身份核对环节")
    until(lambda: "Paused: Identities are being checked" in rig.get("/room/hz-01?lang=en").text, True)
    assert "身份核对" not in rig.get("/room/hz-01?lang=en").text
    assert "直播暂停：身份核对环节" in rig.get("/room/hz-01").text
    market.event(rig.ledger, "O1", "resumed")
    market.event(rig.ledger, "O1", "paused", reason="主持人更换座位")
    until(lambda: "Paused: 主持人更换座位" in rig.get("/room/hz-01?lang=en").text, True)
