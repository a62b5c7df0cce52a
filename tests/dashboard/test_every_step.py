"""The desk's rooms at every step of an opening, and its pages outside Streamlit, with as little said as may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from streamlit.testing.v1 import AppTest

import messages
from dashboard import context, screens
from dashboard.config import DeskConfig
from dashboard.http import sign_in_pages as signin
from dashboard.live import rooms as rooms_live
from records import hosting
from records.ledger import Ledger
from records.states import append_event
from records.tables.bids import Bid
from tests.dashboard import live_market
from tests.dashboard.screens import desk_of, opened
from tests.reading import read
from tests.streaming.test_pages_every_step import WALK, take

LEFT_OVER = re.compile(r"\{\w*\}|\$\w+|\bNone\b|Undefined")


@pytest.fixture
def rooms(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """The desk over a small market with accounts, and no hub."""
    live_market.seed(ledger)
    url = ledger.url.render_as_string(hide_password=False)
    context.configure(DeskConfig(url, tmp_path / "data", hub_url="http://127.0.0.1:9"))
    rooms_live.forget()
    yield ledger
    context.identify_by(None)
    context.ledger().close()
    rooms_live.forget()


def room_screen(lang: str) -> AppTest:
    """S07 of the opening as its host sees it."""
    test = desk_of("operator")
    test.query_params["lang"], test.query_params["opening"] = lang, "O-L1"
    return opened(test, screens.BY_ID["S07"])


def test_the_room_is_drawn_at_every_step(rooms: Ledger) -> None:
    for number, (kind, must, _may) in enumerate(WALK):
        take(rooms, "O-L1", kind, must)
        shown = room_screen("zh" if number % 2 else "en")
        assert not shown.exception, kind
        assert not [m.value for m in shown.markdown if LEFT_OVER.search(read(m.value).text)], kind


@pytest.mark.parametrize("told", [("success",) * 3, (None,) * 3, ("success", None, "failed")])
def test_what_nobody_has_told_of_decryption_is_no_number(rooms: Ledger, told: tuple[str | None, ...]) -> None:
    """What a host is about to publish of decryption: unknown is not 0."""
    with rooms.write() as session:
        for number, status in enumerate(told, start=1):
            session.get_one(Bid, f"L1-{number}").decrypt_status = status
        steps = {step.kind: step.payload for step in hosting.next_steps(session, "O-L1")}
        append_event(session, "O-L1", "bidders_published", steps["bidders_published"], actor="host")
    assert not room_screen("zh").exception
    with rooms.read() as session:
        steps = {step.kind: step.payload for step in hosting.next_steps(session, "O-L1")}
    known = [status for status in told if status]
    assert steps["decrypt_progress"].get("done") == (told.count("success") if known else None)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_without_streamlit_leave_no_name_unfilled(lang: str) -> None:
    found = [signin.sign_out_page(lang), *(signin.forbidden_page(lang, one) for one in screens.SCREENS)]
    problems = [f"signin.{key}" for key in messages.words(lang, "signin.")]
    for accounts in ([], [("<i>", "leader")]):
        found += [signin.sign_in_page(lang, "/", None, accounts)]
        found += [
            signin.sign_in_page(lang, "/a?b=<c>&d=$x", messages.Message(key), accounts)
            for key in problems
            if "{" not in messages.say(key, lang)
        ]
    for page in found:
        shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)
        assert not LEFT_OVER.search(shown), shown


async def test_sign_in_page_is_there_whatever_is_asked(client: httpx.AsyncClient) -> None:
    for query in ("", "?problem=wrong", "?problem=too_many", "?problem=none", "?problem=", "?next=", "?lang=xx",
                  "?next=%00", "?next=/a%ffb&lang=en", "?lang=zh&lang=en&next=//x"):  # fmt: skip
        answer = await client.get("/auth/sign-in" + query)
        [form] = read(answer.text).all("form")
        asked = {one.attributes.get("name") for one in form.all("input")}
        assert answer.status_code == 200 and {"name", "password"} <= asked, query
