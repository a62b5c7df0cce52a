"""Signing in and out, the gate, and what it keeps away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select
from starlette.types import ASGIApp, Message

from dashboard import context
from dashboard.access import accounts
from dashboard.access.sessions import Sessions
from dashboard.http import sign_in as auth
from dashboard.http.gate import Gate
from messages import Invalid
from records import audit
from records import ledger as ledgers
from records.administration import By
from records.serving import requests as asking
from records.tables.users import AuditEntry
from tests.dashboard.conftest import PASSWORD, sign_in
from tests.reading import read

BROWSER = {"accept": "text/html", "sec-fetch-mode": "navigate"}


def _actions(actor: str) -> list[str]:
    with context.ledger().read() as session:
        return list(
            session.scalars(
                select(AuditEntry.action).where(AuditEntry.actor == actor).order_by(AuditEntry.seq)
            )
        )


async def test_signs_in_and_tells_who(client: httpx.AsyncClient) -> None:
    await sign_in(client, "supervisor")
    assert (await client.get("/auth/whoami")).json() == {
        "name": "supervisor",
        "role": "supervisor",
        "display_name": "supervisor",
    }
    assert "sign_in" in _actions("supervisor")


async def test_signs_in_with_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/auth/login", json={"name": "leader", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 204 and "httponly" in cookie and "samesite=lax" in cookie


async def test_form_goes_on_to_next(client: httpx.AsyncClient) -> None:
    form = {"name": "leader", "password": PASSWORD, "next": "/openness?home=province"}
    answer = await client.post("/auth/login", data=form)
    assert answer.status_code == 303 and answer.headers["location"] == "/openness?home=province"


@pytest.mark.parametrize(
    "bad",
    ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", "/auth/sign-out", "/a\nb"],
)
async def test_next_stays_on_this_desk(client: httpx.AsyncClient, bad: str) -> None:
    answer = await client.post("/auth/login", data={"name": "leader", "password": PASSWORD, "next": bad})
    assert answer.headers["location"] == "/"


async def test_wrong_password_is_refused_audited_and_in_the_end_throttled(client: httpx.AsyncClient) -> None:
    for _ in range(5):
        assert (
            await client.post("/auth/login", json={"name": "admin", "password": "wrong"})
        ).status_code == 401
    assert (await client.post("/auth/login", json={"name": "admin", "password": PASSWORD})).status_code == 429
    told = await client.post(
        "/auth/login", json={"name": "leader", "password": "wrong"}, headers={"accept-language": "en"}
    )
    assert told.headers["content-type"] == "application/problem+json"
    assert told.json()["type"] == "urn:sunbid:signin.wrong" and "password" in told.json()["detail"]
    assert _actions("admin")[-5:] == ["sign_in_failed"] * 5
    with context.ledger().read() as session:
        assert audit.verify(session) is None


async def test_a_field_that_is_missing_is_named(client: httpx.AsyncClient) -> None:
    told = await client.post("/auth/login", json={"name": "leader", "password": ""})
    assert told.status_code == 400 and told.json()["type"] == "urn:sunbid:signin.missing"
    assert "密码（password）" in told.json()["detail"] and "账号" not in told.json()["detail"]
    form = await client.post("/auth/login", data={"next": "/openness", "lang": "en"})
    assert form.status_code == 400 and "Not filled in: Account (name), Password (password)." in form.text
    assert 'value="/openness"' in form.text, "the form is there again, and leads on where it did"
    whole = {
        "content": b"\xff",
        "headers": {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"},
    }
    broken = await client.post("/auth/login", **whole)  # type: ignore[arg-type]
    assert broken.status_code == 400 and "<form" in broken.text, "what is no form at all too"


async def test_unknown_names_are_not_written_down(client: httpx.AsyncClient) -> None:
    await client.post("/auth/login", json={"name": "my-password-by-mistake", "password": "x"})
    assert _actions("my-password-by-mistake") == [] and _actions("unknown")


async def test_sign_out_ends_the_session_even_for_a_kept_cookie(client: httpx.AsyncClient) -> None:
    await sign_in(client, "operator")
    kept = client.cookies["sunbid_session"]
    assert (await client.post("/auth/logout")).status_code == 204
    assert (await client.get("/auth/whoami", headers={"cookie": f"sunbid_session={kept}"})).status_code == 401
    assert _actions("operator")[-1] == "sign_out"
    restarted = Sessions(context.ledger(), context.config().data_dir)
    assert restarted.check(kept) is None


async def test_closed_accounts_are_out(client: httpx.AsyncClient) -> None:
    with context.ledger().write() as session:
        accounts.add_user(session, "leaver", "supervisor", PASSWORD)
    await sign_in(client, "leaver")
    with context.ledger().write() as session:
        accounts.disable_user(session, "leaver")
    context.sessions().forget("leaver")
    assert (await client.get("/auth/whoami")).status_code == 401
    assert (
        await client.post("/auth/login", json={"name": "leaver", "password": PASSWORD})
    ).status_code == 401


async def test_a_new_password_ends_old_sessions(client: httpx.AsyncClient) -> None:
    with context.ledger().write() as session:
        accounts.add_user(session, "mover", "leader", PASSWORD)
    await sign_in(client, "mover")
    with context.ledger().write() as session:
        accounts.set_password(session, "mover", "another-one-2026")
    context.sessions().forget("mover")
    assert (await client.get("/auth/whoami")).status_code == 401


async def test_forged_cookie_is_nobody(client: httpx.AsyncClient) -> None:
    forged = {"cookie": "sunbid_session=eyJ1IjoiYWRtaW4ifQ.aaaa.bbbb"}
    assert (await client.get("/auth/whoami", headers=forged)).status_code == 401


async def test_strangers_are_sent_to_sign_in_or_refused(client: httpx.AsyncClient) -> None:
    page = await client.get("/openness?lang=en", headers=BROWSER)
    assert page.status_code == 303
    assert page.headers["location"] == "/auth/sign-in?next=%2Fopenness%3Flang%3Den&lang=en"
    assert (await client.get("/_stcore/host-config")).status_code == 401
    assert (await client.get("/_stcore/metrics")).status_code == 404


async def test_identity_headers_from_outside_are_stripped(client: httpx.AsyncClient) -> None:
    await sign_in(client, "leader")
    forged = {
        "X-Sunbid-Session": "forged",
        "x-sunbid-user": "admin",
        "X-Forwarded-User": "admin",
        "Remote-User": "admin",
    }
    seen = (await client.get("/echo", headers=forged)).json()["headers"]
    assert seen["x-sunbid-session"] == client.cookies["sunbid_session"]
    assert not {"x-sunbid-user", "x-forwarded-user", "remote-user"} & set(seen)


async def test_cross_site_posts_are_refused(client: httpx.AsyncClient) -> None:
    for headers in ({"origin": "https://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = await client.post(
            "/auth/login", json={"name": "leader", "password": PASSWORD}, headers=headers
        )
        assert answer.status_code == 403
    ours = {"origin": "http://desk.test"}
    assert (
        await client.post("/auth/login", json={"name": "leader", "password": PASSWORD}, headers=ours)
    ).status_code == 204


async def test_every_answer_is_secured(client: httpx.AsyncClient) -> None:
    for path in ("/auth/sign-in", "/healthz", "/openness"):
        headers = (await client.get(path, headers=BROWSER)).headers
        assert "script-src 'self' blob:;" in headers["content-security-policy"]
        assert "http://127.0.0.1:8600" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"


async def test_forbidden_screens_and_front_page_by_role(client: httpx.AsyncClient) -> None:
    await sign_in(client, "operator")
    refused = await client.get("/rings", headers=BROWSER)
    assert refused.status_code == 403 and "您的角色不能查看" in refused.text
    assert (await client.get("/", headers=BROWSER)).headers["location"] == "/hall"


async def test_sign_in_page_speaks_both_languages_and_names_demo_accounts(client: httpx.AsyncClient) -> None:
    zh, en = (
        (await client.get("/auth/sign-in")).text,
        (await client.get("/auth/sign-in?lang=en&next=/%22%3E%3Cscript%3E")).text,
    )
    assert read(zh).lang == "zh-CN" and "登录监管台" in zh and "public-officer" in zh and PASSWORD not in zh
    assert read(en).lang == "en" and "Sign in to the desk" in en and "<script>" not in en


async def test_sockets_of_strangers_are_closed_with_4401(app: Gate) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(
        {"type": "websocket", "path": "/_stcore/stream", "headers": [], "query_string": b""}, receive, send
    )
    assert [m["type"] for m in sent] == ["websocket.accept", "websocket.close"] and sent[1]["code"] == 4401


async def test_health_and_metrics_answer_without_sign_in(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert "sunbid_desk_screen_seconds" in (await client.get("/ops/metrics")).text


def test_accounts_refuse_bad_input(desk: object) -> None:
    with context.ledger().write() as session:
        for name, role, password in (
            ("a b", "admin", PASSWORD),
            ("x", "king", PASSWORD),
            ("x", "admin", "short"),
            ("admin", "admin", PASSWORD),
        ):
            with pytest.raises(Invalid) as refused:
                accounts.add_user(session, name, role, password)
            assert refused.value.message.text("zh") != refused.value.message.text("en")
        with pytest.raises(LookupError):
            accounts.disable_user(session, "nobody")
        assert [user.name for user in accounts.list_users(session)][:2] == ["admin", "group-member"]


async def test_an_unlocked_account_may_sign_in_at_once_and_no_other(client: httpx.AsyncClient) -> None:
    for name in ("leader", "operator"):
        for _ in range(6):
            await client.post("/auth/login", data={"name": name, "password": "wrong"})
        assert (
            await client.post("/auth/login", data={"name": name, "password": PASSWORD})
        ).status_code == 429
    with context.ledger().write() as session:
        accounts.unlock_user(session, "leader", By("admin"))
    assert (
        await client.post("/auth/login", data={"name": "leader", "password": PASSWORD})
    ).status_code == 204
    assert (
        await client.post("/auth/login", data={"name": "operator", "password": PASSWORD})
    ).status_code == 429
    for _ in range(6):
        await client.post("/auth/login", data={"name": "leader", "password": "wrong"})
    again = await client.post("/auth/login", data={"name": "leader", "password": PASSWORD})
    assert again.status_code == 429, "pardoned once, not for ever"


async def test_a_ledger_that_is_locked_is_said_and_costs_no_attempt(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "PATIENCE", 0.1)
    await sign_in(client, "leader")
    monkeypatch.setattr(ledgers, "LOCK_SECONDS", 0.1)  # what everything else waits
    with context.ledger().write() as holder:
        holder.execute(select(1))
        for _ in range(7):
            answer = await client.post("/auth/login", json={"name": "admin", "password": PASSWORD})
            assert answer.status_code == 503 and answer.headers["retry-after"]
        form = {"name": "admin", "password": PASSWORD, "next": "/"}
        page = await client.post("/auth/login", data=form, headers=BROWSER)
        assert page.status_code == 503 and "账本正忙" in page.text and PASSWORD not in page.text
        assert (await client.get("/auth/whoami")).json()["name"] == "leader", "who is signed in stays so"
        out = await client.post("/auth/logout")
        assert out.status_code in (204, 503)
    await sign_in(client, "admin")


async def wrong(app: ASGIApp, name: str, address: str, password: str = "wrong") -> int:
    """One sign-in from an address."""
    transport = httpx.ASGITransport(app=app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as visitor:
        return (await visitor.post("/auth/login", json={"name": name, "password": password})).status_code


async def test_an_account_is_not_guessed_from_many_addresses_and_its_owner_is_not_locked_out(
    app: ASGIApp,
) -> None:
    with context.ledger().write() as session:
        accounts.add_user(session, "owner", "leader", PASSWORD)
    assert await wrong(app, "owner", "198.51.100.1", PASSWORD) == 204, "the owner's own address"
    tried = [await wrong(app, "owner", f"203.0.113.{n}") for n in range(40)]
    assert tried == [401] * 20 + [429] * 20, "an account may fail twenty times, from wherever"
    assert await wrong(app, "owner", "203.0.113.99", PASSWORD) == 429, (
        "a right guess of a stranger is not let in either"
    )
    assert await wrong(app, "owner", "198.51.100.1", PASSWORD) == 204, (
        "the owner comes in from a known address"
    )
    assert await wrong(app, "leader", "203.0.113.3", PASSWORD) == 204, "and so do all others"


async def test_an_address_may_not_try_many_accounts(app: ASGIApp) -> None:
    tried = [await wrong(app, f"nobody{n}", "203.0.113.7") for n in range(35)]
    assert tried == [401] * 30 + [429] * 5
    assert await wrong(app, "leader", "203.0.113.8", PASSWORD) == 204


async def test_one_ipv6_visitor_is_one_address(app: ASGIApp) -> None:
    tried = [await wrong(app, "admin", f"2001:db8:1:2::{n:x}") for n in range(7)]
    assert tried == [401] * 5 + [429] * 2
    assert await wrong(app, "admin", "2001:db8:1:3::1") == 401, "the network next door is another visitor"


async def test_what_is_blocked_opens_by_itself(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(6):
        await wrong(app, "admin", "203.0.113.7")
    assert await wrong(app, "admin", "203.0.113.7", PASSWORD) == 429
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert await wrong(app, "admin", "203.0.113.7", PASSWORD) == 204


async def test_a_sign_in_that_drips_is_ended(app: ASGIApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BODY_IDLE", 0.05)

    async def dripping() -> AsyncIterator[bytes]:
        yield b"name=leader&"
        await asyncio.sleep(5)
        yield b"password=x"

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as visitor:
        slow = visitor.post(
            "/auth/login", content=dripping(), headers={"content-type": "application/x-www-form-urlencoded"}
        )
        answer = await asyncio.wait_for(slow, 3)
    assert answer.status_code == 408 and "slow" in answer.text


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    """What is tried for it is a hash of the same cost, and fails after all of the work, not by its form."""
    hasher = PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    decoy = accounts.decoy(hasher)
    assert extract_parameters(decoy) == extract_parameters(hasher.hash(PASSWORD))
    with pytest.raises(VerifyMismatchError):
        hasher.verify(decoy, PASSWORD)
