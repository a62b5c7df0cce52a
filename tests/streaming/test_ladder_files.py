"""hls.js: locked without an address, served for good, and never missed; every reason has its words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import messages
import web
from streaming.site.render import Site
from tests.streaming.hub_market import Rig

WEB = Path(web.__file__).parent


def test_the_lock_names_no_address_and_holds_its_hashes() -> None:
    wanted = json.loads((WEB / "package.json").read_text("utf-8"))
    lock = (WEB / "package-lock.json").read_text("utf-8")
    assert "://" not in lock and "resolved" not in lock
    packages = {path: one for path, one in json.loads(lock)["packages"].items() if path}
    assert packages and all(one["integrity"].startswith("sha512-") for one in packages.values())
    for name, version in wanted["dependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version, "pinned, and locked as pinned"


def served(rig: Rig, monkeypatch: pytest.MonkeyPatch, library: Path) -> str:
    """Where a site begun with this hls.js serves its files."""
    monkeypatch.setattr(web, "HLS_JS", library)
    files = Site().files
    rig.client.app.router.routes[:0] = files.routes()  # type: ignore[attr-defined]
    return files.base


def test_hls_js_is_served_for_good_and_compressed_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = tmp_path / "hls.light.min.mjs"
    library.write_text("export default class Hls {}\n" * 100, "utf-8")
    base = served(rig, monkeypatch, library)
    answer = rig.get(f"{base}/hls.js")
    assert answer.status_code == 200 and answer.text == library.read_text("utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    plain = rig.client.get(f"{base}/hls.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == answer.text
    assert rig.get(f"{base}/hls.light.min.mjs").status_code == 404
    assert rig.get(f"{base}/package.json").status_code == 404


def test_without_npm_everything_else_is_served(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    base = served(rig, monkeypatch, tmp_path / "nothing.mjs")
    assert rig.get(f"{base}/hls.js").status_code == 404
    assert rig.get(f"{base}/ladder.js").status_code == 200


def reasons() -> set[str]:
    """What the ladder's scripts may give as a reason."""
    text = "".join(
        (WEB / "browser" / f"{name}.js").read_text("utf-8") for name in ("whep", "hls-player", "ladder")
    )
    places = re.findall(r"(?:trouble\(|#end\(|#failed\(|this\.why (?:\|\||\?\?)?= )[^;\n]*", text)
    return set(re.findall(r'"([a-z]+)"', "\n".join(places))) - {
        "near",
        "realtime",
        "text",
        "auto",
        "live",
        "still",
    }


def test_every_reason_has_words_on_site_and_desk() -> None:
    found = reasons()
    assert {"udp", "loss", "full", "gone", "codec", "hls", "stall", "chosen"} <= found
    for why in found:
        assert all(messages.known(f"{area}.rung.why.{why}") for area in ("site", "live")), why
