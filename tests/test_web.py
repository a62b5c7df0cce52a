"""The files both sites share: the story holds the ledger's own table, tokens follow day and night in every form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

import web
from dashboard import components
from records.states import OPENING_STEPS, STAGES
from streaming.site.render import SITE
from web import tokens

STORY = (Path(web.__file__).parent / "browser" / "story.js").read_text("utf-8")


def table(name: str) -> str:
    """The source of a constant of story.js."""
    found = re.search(rf"const {name} = ([{{\[].*?[}}\]]);", STORY, re.S)
    assert found is not None, name
    return found[1]


def test_the_story_moves_the_stage_as_the_ledger_does() -> None:
    steps = dict(re.findall(r'(\w+): "(\w+)"', table("STEP_OF")))
    moving = {
        kind: step for kind, step in OPENING_STEPS.items() if step.to_stage and step.to_stage != "waiting"
    }
    told = {**steps, "objection_answered": steps["objection"]}
    assert told == {kind: step.to_stage for kind, step in moving.items()}
    only = {
        stage: re.findall(r'"(\w+)"', listed)
        for stage, listed in re.findall(r"(\w+): \[(.*?)\]", table("ONLY_FROM"))
    }
    assert {step.to_stage: set(step.advances) for step in moving.values() if step.advances} == {
        stage: set(listed) for stage, listed in only.items()
    }
    assert re.findall(r'"(\w+)"', table("STEPS")) == [stage for stage in STAGES if stage != "waiting"]


def test_a_file_is_kept_for_good_under_the_hash_of_all_and_asked_for_again_under_another() -> None:
    files = web.Files("/web", {"own.js": b"export default 1;"})
    client = TestClient(Starlette(routes=files.routes()))
    answer = client.get(f"{files.base}/own.js")
    assert answer.text == "export default 1;" and "immutable" in answer.headers["cache-control"]
    assert client.get("/web/old/own.js").headers["cache-control"] == "no-cache"
    assert client.get(f"{files.base}/whep.js").headers["content-type"].startswith("text/javascript")
    for outside in ("nothing.js", "tokens.py", "package.json"):
        assert client.get(f"{files.base}/{outside}").status_code == 404
    assert web.Files("/web", {"own.js": b"export default 2;"}).base != files.base


def test_tokens_are_the_same_by_scheme_and_by_selector() -> None:
    following, chosen = tokens.variables(), tokens.page()
    for name, (day, night) in tokens.DAY_AND_NIGHT.items():
        assert f"--{name}:light-dark({day},{night});" in following
        assert chosen.count(f"--{name}:{day};") >= 1 and chosen.count(f"--{name}:{night};") >= 2


def code(path: Path) -> str:
    """A script without its comments."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.S)


SCRIPTS = {
    path: code(path)
    for folder in (Path(web.__file__).parent / "browser", Path(components.__file__).parent, SITE / "static")
    for path in folder.glob("*.js")
}  # fmt: skip
EXPORTED = {
    name for text in SCRIPTS.values()
    for name in re.findall(r"^export (?:async )?(?:class|function|const) (\w+)", text, re.M)
}  # fmt: skip


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_a_script_imports_what_it_calls_of_another_and_nothing_else(path: Path) -> None:
    text = SCRIPTS[path]
    imported = {
        name.strip() for listed in re.findall(r"import \{([^}]*)\}", text) for name in listed.split(",")
    }
    own = set(re.findall(r"(?:class|function|const|let) (\w+)", text))
    calls = re.finditer(r"(?<![.\w#$])(?<!\n  )(?<!async )(\w+)\(", text)
    assert {call[1] for call in calls} & EXPORTED <= imported | own
    assert {name for name in imported - {"$"} if len(re.findall(rf"\b{name}\b", text)) < 2} == set()
