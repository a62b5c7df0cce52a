"""The arrows between the packages run down only (architecture: imports are checked, not promised)."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "lint-imports"
    env = {
        name: value for name, value in os.environ.items() if name != "PYTHONPATH"
    }  # the packages of `folder`
    return subprocess.run(
        [command, "--no-cache"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_the_arrows_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout
    assert "2 kept, 0 broken" in result.stdout


def test_an_arrow_that_runs_up_is_noticed(tmp_path: Path) -> None:
    linted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for package in linted["root_packages"]:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / "records" / "bad.py").write_text("import ingest\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    result = lint(tmp_path)
    assert result.returncode != 0
    assert "records.bad -> ingest" in result.stdout


PACKAGES = (
    "sunbid", "pages", "dashboard", "supervision", "ingest", "streaming", "records", "messages", "web", "evidence",
)  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *(name for name in PACKAGES if (ROOT / name / "__init__.py").exists()), cache_dir=None
    )


def refuse_circles(arrows: Mapping[str, Collection[str]]) -> None:
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


def test_no_file_leads_back_to_itself(graph: grimp.ImportGraph) -> None:
    """Imports inside functions and those for types alone count: who reads the one has to read the other."""
    refuse_circles({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})


def room_of(module: str, graph: grimp.ImportGraph) -> str:
    """The folder of a package in which a module stands; a file at the package's root stands for itself."""
    package, *rest = module.split(".")
    inside = len(rest) > 1 or bool(graph.find_children(module))
    return ".".join([package, *rest[:1]]) if inside else module


def test_no_folder_leads_back_to_itself(graph: grimp.ImportGraph) -> None:
    arrows: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        own = room_of(module, graph)
        arrows[own] |= {
            room_of(other, graph) for other in graph.find_modules_directly_imported_by(module)
        } - {own}
    refuse_circles(arrows)


def test_a_circle_of_folders_is_noticed() -> None:
    with pytest.raises(graphlib.CycleError):
        refuse_circles({"a.x": {"a.y"}, "a.y": {"a.z"}, "a.z": {"a.x"}})


def files_of_others(source: str, package: str) -> set[str]:
    """Packages whose files a module reaches for by path: it starts from its own place, `__file__`, and names them."""
    others = set(PACKAGES) - {package} if "__file__" in source else set()
    tree = ast.parse(source)
    divided = (
        node.right for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    )
    called = (
        argument for node in ast.walk(tree) if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("Path", "joinpath", "glob", "rglob", "open")
        for argument in node.args
    )  # fmt: skip
    texts = (part.value for part in (*divided, *called) if isinstance(part, ast.Constant))
    return {text.partition("/")[0] for text in texts if isinstance(text, str)} & others


def test_no_package_reads_anothers_files_by_path() -> None:
    found = {
        (str(path.relative_to(ROOT)), other)
        for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts
        for other in files_of_others(path.read_text(encoding="utf-8"), package)
    }  # fmt: skip
    assert found == {("dashboard/screens.py", "pages")}, "Streamlit runs a screen from its file; no other"


def test_a_path_into_another_package_is_noticed() -> None:
    reaching = 'SITE = Path(__file__).parents[1] / "streaming" / "site"\nx = SITE.joinpath("records/tables")'
    assert files_of_others(reaching, "dashboard") == {"streaming", "records"}
    assert files_of_others('FOLDER = Path(__file__).parent / "records"', "records") == set()
