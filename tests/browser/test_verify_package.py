"""`/verify` checks an evidence package in a real browser: what holds, what was changed, what is none; nothing is uploaded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from evidence.checkpoint import Ed25519Signer
from evidence.files import write_whole
from evidence.verify import ED25519
from tests.browser.public_site import HubProcess
from tests.evidence.packages import LOG, WITNESS, Made, make, make_leads
from tests.ledgers import new_ledger
from tests.streaming import hub_market as market

pytestmark = pytest.mark.browser

FOREIGN = Ed25519Signer("elsewhere.example/log", ED25519, b"\4" * 32)
STEPS = ["manifest", "files", "events", "segments", "log", "checkpoint", "cosignatures"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("package"))


class OwnLog(HubProcess):
    """The hub whose log the packages of these tests are of, with the witness that has cosigned them."""

    code = HubProcess.code.replace("media_port=", f"witnesses=({str(WITNESS.verifier)!r},), media_port=")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    book = new_ledger(folder / "ledger.db")
    market.rooms(book)
    write_whole(folder / "data" / "keys" / "log.key", f"{LOG}\n".encode(), private=True)
    process = OwnLog(str(book.url), folder / "data")
    process.start()
    yield process
    process.stop()
    book.close()


@pytest.fixture
def page(browser: Browser, hub: HubProcess) -> Iterator[Page]:
    context = browser.new_context(base_url=hub.address, locale="zh-CN")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto("/verify")
    yield page
    context.close()
    assert wrong == []


def states(page: Page) -> dict[str, str]:
    return {
        str(row.get_attribute("data-step")): str(row.get_attribute("class"))
        for row in page.locator("#checks li").all()
    }


def test_a_package_that_holds_and_nothing_leaves_the_browser(page: Page, made: Made) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.rpartition('/')[2]}"))
    page.set_input_files("#file", made.zip)
    expect(page.locator("#sum")).to_have_class("sum good", timeout=20_000)
    expect(page.locator("#sum h2")).to_have_text("未发现任何改动")
    expect(page.locator("#sum")).to_contain_text(WITNESS.name)
    expect(page.locator("#sum")).to_contain_text(LOG.verifier.id.hex())
    assert {step: states(page)[step] for step in STEPS} == dict.fromkeys(STEPS, "good")
    expect(page.locator('[data-step="segments"]')).to_contain_text("76 / 76")
    assert all(one.startswith("GET ") for one in asked), "nothing is sent"
    assert {one for one in asked if ".js" not in one} <= {"GET keys", "GET time", "GET sun.svg"}


def test_a_package_that_another_key_has_signed_is_not_passed_off_as_this_sites(
    page: Page, tmp_path: Path
) -> None:
    (tmp_path / "leads").mkdir()
    other, leads = make(tmp_path, signer=FOREIGN).zip, make_leads(tmp_path / "leads")
    page.set_input_files("#file", other)
    expect(page.locator("#sum")).to_have_class("sum unsure", timeout=20_000)
    expect(page.locator("#sum h2")).to_have_text(
        f"包内各项一致，但这是另一个日志的证据包：{FOREIGN.name}，不是本站的"
    )
    row = page.locator('[data-step="checkpoint"]')
    expect(row).to_contain_text(
        f"不是本站的签名：{FOREIGN.name}（公钥编号 {FOREIGN.verifier.id.hex()}，取自包内）"
    )
    found = states(page)
    assert found["checkpoint"] == found["cosignatures"] == "unsure" and found["log"] == "good"
    page.set_input_files("#file", leads)
    expect(page.locator("#sum h2")).to_have_text("包内各项一致；签名的公钥请与移送单位核对", timeout=20_000)
    assert states(page)["signature"] == "unsure"


def test_what_was_changed_is_named_with_file_and_place(page: Page, made: Made, tmp_path: Path) -> None:
    raw = bytearray(made.zip.read_bytes())
    where = raw.index(b"read me")
    raw[where] ^= 1
    film = (made.folder.parent / "near.mp4").read_bytes()
    raw[raw.index(film[1000:1100])] ^= 1
    changed = tmp_path / "changed.zip"
    changed.write_bytes(raw)
    page.set_input_files("#file", changed)
    expect(page.locator("#sum")).to_have_class("sum bad", timeout=20_000)
    told = page.locator("#found")
    expect(told).to_contain_text("README.md")
    expect(told).to_contain_text("第 3 行")
    expect(told).to_contain_text("recording/near.mp4")
    expect(told).to_contain_text("第 1 片")
    expect(told).to_contain_text("2026-11-19 14:00:00+08:00")
    expect(told).to_contain_text("录像分片")
    expect(told).to_contain_text("正在唱第 1 号")
    expect(page.locator("#checks li[data-step=files]")).to_contain_text("12 个已核对，2 个不符")
    wanted, there = (told.locator("dl").last.locator(f".hash{kind}") for kind in (":not(.red)", ".red"))
    assert "".join(wanted.inner_text().split()) != "".join(there.inner_text().split())
    assert len("".join(there.inner_text().split())) == 64
    assert page.locator("#told .eight .bad").all_inner_texts() == ["文件哈希", "录像分片"]
    found = states(page)
    assert found["files"] == found["segments"] == "bad" and found["events"] == found["log"] == "good"
    page.set_input_files("#file", made.zip)
    expect(page.locator("#sum")).to_have_class("sum good", timeout=20_000)


def test_what_is_no_package_is_said_to_be_none(page: Page, tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"nothing of the kind")
    page.set_input_files("#file", tmp_path / "other.zip")
    expect(page.locator("#sum h2")).to_have_text("这不是证据包：请选择本站下载的 zip 文件", timeout=20_000)


def test_a_damaged_download_is_told_as_damaged_with_its_place_and_the_rest_is_checked(
    page: Page, made: Made, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(made.zip.read_bytes()[:-100])
    page.set_input_files("#file", cut)
    expect(page.locator("#sum")).to_have_class("sum bad", timeout=20_000)
    expect(page.locator("#found")).to_contain_text("压缩包的目录损坏：请重新下载")
    expect(page.locator("#found")).to_contain_text("压缩包字节")
    assert page.locator("#found dl").count() == 1
    found = states(page)
    assert found["files"] == found["segments"] == found["log"] == found["checkpoint"] == "good"
    assert found["manifest"] == "bad"


def test_it_goes_on_offline(page: Page, made: Made) -> None:
    page.set_input_files("#file", made.zip)
    expect(page.locator("#sum")).to_have_class("sum good", timeout=20_000)
    page.context.set_offline(True)
    page.set_input_files("#file", [])
    page.set_input_files("#file", made.zip)
    expect(page.locator("#sum")).to_have_class("sum good", timeout=20_000)


LARGE = 300 << 20
"""Bytes the browser's processes may take more than for a small package: a third of the large one's."""


@pytest.mark.soak
def test_a_gigabyte_takes_seconds_and_little_memory(
    browser: Browser, page: Page, made: Made, tmp_path: Path
) -> None:
    big = make(tmp_path, segments=950, segment_bytes=565_000)
    assert big.zip.stat().st_size > 1_000_000_000
    page.set_input_files("#file", made.zip)
    expect(page.locator("#sum")).to_have_class("sum good", timeout=60_000)
    before, begun, spent = peak(browser), time.monotonic(), cpu(browser)
    page.set_input_files("#file", big.zip)
    expect(page.locator("#sum")).to_have_class("sum ")
    expect(page.locator("#sum")).to_have_class("sum good", timeout=300_000)
    grown, seconds = peak(browser) - before, time.monotonic() - begun
    print(
        f"{big.zip.stat().st_size} bytes in {seconds:.1f} s ({cpu(browser) - spent:.1f} s of CPU), {grown >> 20} MB more at the peak"
    )
    assert grown < LARGE


def pids(browser: Browser) -> list[int]:
    """Of all processes of the browser."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return [int(one["id"]) for one in found]


def peak(browser: Browser) -> int:
    """Bytes its processes took at the most, each of them."""
    said = (Path(f"/proc/{pid}/status").read_text() for pid in pids(browser))
    return sum(1024 * int(text.split("VmHWM:")[1].split()[0]) for text in said)


def cpu(browser: Browser) -> float:
    """Seconds of CPU its processes have taken."""
    fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids(browser))
    return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")
