"""The live components' files: safe with record text, complete in both languages, constant from rerun to rerun."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard import components, context
from dashboard.config import DeskConfig
from records.states import OPENING_STEPS, STAGES
from supervision.warnings.handling import ACTIONS, DISPOSITIONS

FOLDER = Path(components.__file__).parent
NAMES = ("wall", "opening", "host", "warnings", "witness")
AREAS = {
    "wall": ("live",),
    "opening": ("live", "opening"),
    "host": ("live", "opening", "host"),
    "warnings": ("warnings",),
    "witness": ("live", "witness", "witnessing"),
}


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    context.configure(
        DeskConfig(database_url=f"sqlite:///{tmp_path}/x.db", data_dir=tmp_path, hub_url="http://hub:1/")
    )
    calls: list[tuple[str, dict[str, Any]]] = []

    def component(name: str) -> Any:
        return lambda **given: calls.append((name, given))

    monkeypatch.setattr(components, "_component", component)
    return calls


def mount_all(lang: str) -> None:
    components.wall(9, {"centre": "c1"}, lang)
    components.opening("o1", lang, room="r1", room_name="开标一室", control_price="1.00")
    components.host("o1", lang, room="r1", room_name="开标一室", title="一标段", place="余杭分中心")
    components.warning_desk(lang, {"state": "open"}, counts_only=False)
    components.witness(lang, {"period": "today"}, manages=True)


def scripts(name: str) -> dict[str, str]:
    """A component's module and the desk's own that it imports, by name."""
    found: dict[str, str] = {}
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one in found or not (FOLDER / f"{one}.js").is_file():
            continue
        found[one] = (FOLDER / f"{one}.js").read_text("utf-8")
        wanted += re.findall(r"""^import [^"]+"\./([\w-]+)\.js";$""", found[one], re.M)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scripts_never_turn_text_into_markup(name: str) -> None:
    css, js = components.source(name)
    js += "".join(scripts(name).values())
    for dangerous in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert dangerous not in js
    outside = re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"']+", css + js)
    assert outside == []


@pytest.mark.parametrize("name", NAMES)
def test_a_component_is_a_module_that_the_desk_serves_with_all_it_imports(name: str) -> None:
    files = components.files()
    client = TestClient(Starlette(routes=files.routes()))
    assert f"{files.base}/{name}.js" in components.source(name)[1]
    wanted, seen = {name}, set[str]()
    while wanted - seen:
        one = (wanted - seen).pop()
        answer = client.get(f"{files.base}/{one}.js")
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"], one
        wanted |= set(re.findall(r"""^import [^"]+"\./([\w-]+)\.js";$""", answer.text, re.M))
        seen.add(one)
    assert "export default" in client.get(f"{files.base}/{name}.js").text
    assert len(seen) > 2


@pytest.mark.parametrize("name", NAMES)
def test_every_word_a_script_asks_for_exists(name: str) -> None:
    js = "".join(scripts(name).values())
    chinese, english = (components.words(lang, *AREAS[name]) for lang in ("zh", "en"))
    asked = set(re.findall(r"\bwords\.([a-zA-Z]+)", js))
    assert asked, "the pattern finds what it looks for"
    assert asked <= set(chinese), asked - set(chinese)
    assert set(chinese) == set(english)


def test_data_is_the_same_at_every_rerun(mounted: list[tuple[str, dict[str, Any]]]) -> None:
    mount_all("zh")
    mount_all("zh")
    first, second = mounted[: len(NAMES)], mounted[len(NAMES) :]
    assert [json.dumps(call, ensure_ascii=False) for call in first] == [
        json.dumps(call, ensure_ascii=False) for call in second
    ]
    assert [name for name, _ in first] == list(NAMES)


def test_english_words_hold_no_chinese(mounted: list[tuple[str, dict[str, Any]]]) -> None:
    mount_all("en")
    for name, given in mounted:
        terms = given["data"]["words"]["terms"]  # looked up by what the records have
        said = given["data"]["words"] | {"terms": list(terms.values())}
        assert not re.search(r"[\u4e00-\u9fff]", json.dumps(said, ensure_ascii=False)), name


def test_the_opening_has_words_for_every_event(mounted: list[tuple[str, dict[str, Any]]]) -> None:
    mount_all("zh")
    data = mounted[1][1]["data"]
    assert [stage["id"] for stage in data["stages"]] == list(STAGES)
    assert {key.partition(".")[0] for key in data["said"]} == set(OPENING_STEPS)
    assert data["hub"] == "http://hub:1"


def test_every_action_has_a_key_of_its_own(mounted: list[tuple[str, dict[str, Any]]]) -> None:
    mount_all("zh")
    actions = mounted[3][1]["data"]["actions"]
    assert [action["id"] for action in actions] == list(ACTIONS)
    keys = [action["key"] for action in actions]
    assert len({*keys, "j", "k", "?"}) == len(keys) + 3
    dismiss = next(action for action in actions if action["id"] == "dismiss")
    assert dismiss["required"] and [reason["id"] for reason in dismiss["dispositions"]] == list(DISPOSITIONS)
    assert dismiss["dispositions"][0]["name"] == "属实，已另行处理", "true, and no lead is made of it"


def test_a_leaders_component_is_told_so(mounted: list[tuple[str, dict[str, Any]]]) -> None:
    components.warning_desk("zh", {}, counts_only=True)
    assert mounted[0][1]["data"]["counts_only"] is True
