"""Pages of the desk that need no Streamlit: sign in, and "not for your role"."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import messages
import web
from dashboard.screens import Screen
from dashboard.shell.html import language_switch
from messages import Message
from records.serving.language import language
from records.serving.problems import Problem
from records.tables.users import role_name
from web import tokens

_FOLDER = Path(__file__).parent.parent
_PAGE = Template((_FOLDER / "templates" / "sign_in.html").read_text(encoding="utf-8"))
_TOKENS = tokens.page() + web.stylesheet("page")


def _page(lang: str, heading: str, body: str, query: str) -> str:
    return _PAGE.substitute(
        lang=messages.say("site.language.tag", lang),
        tokens=_TOKENS,
        heading=escape(heading),
        product=messages.say("common.product", lang),
        desk=messages.say("common.desk", lang),
        body=body,
        switch=language_switch(lang, query),
        foot=messages.say("signin.foot", lang),
    )


def not_filled_in(fields: Sequence[str]) -> Message:
    """That fields of the sign-in form are empty or missing: as the form calls them and as programs do."""
    named = [Message("signin.field", label=Message(f"signin.{field}"), name=field) for field in fields]
    return Message("signin.missing", fields=named)


def sign_in_page(
    lang: str, next_path: str, problem: Message | None, demo_accounts: list[tuple[str, str]]
) -> str:
    """The sign-in form; `problem` is what went wrong last time."""
    say = {key: escape(messages.say(f"signin.{key}", lang)) for key in ("name", "password", "submit")}
    warn = f'<p class="bad" role="alert">{escape(problem.text(lang))}</p>' if problem else ""
    form = (
        f'{warn}<form method="post" action="/auth/login">'
        f'<input type="hidden" name="next" value="{escape(next_path)}"><input type="hidden" name="lang" value="{lang}">'
        f'<label>{say["name"]}<input name="name" autocomplete="username" autofocus required maxlength="64"></label>'
        f'<label>{say["password"]}<input name="password" type="password" autocomplete="current-password" required></label>'
        f'<button class="btn main big" type="submit">{say["submit"]}</button></form>'
    )
    return _page(
        lang, messages.say("signin.heading", lang), form + _demo(lang, demo_accounts), f"&next={next_path}"
    )


def _demo(lang: str, accounts: list[tuple[str, str]]) -> str:
    if not accounts:
        return ""
    rows = "".join(
        f"<li><code>{escape(name)}</code><span>{escape(role_name(role, lang))}</span></li>"
        for name, role in accounts
    )
    hint = escape(messages.say("signin.demo", lang))
    return f'<section class="accounts"><p><span class="demo">{messages.say("common.demo", lang)}</span>{hint}</p><ul>{rows}</ul></section>'


def forbidden_page(lang: str, screen: Screen) -> str:
    """What a signed-in user sees at a screen that is not for their role."""
    return _page(lang, screen.name(lang), _sentence("common.not_allowed", lang), "")


def plain_page(lang: str, heading: str, body: str) -> str:
    """A page in the manner of the sign-in page; `body` is markup."""
    return _page(lang, heading, body, "")


def unknown_page(lang: str) -> str:
    """What stands at an address where there is nothing."""
    return _page(lang, messages.say("http.not_found", lang), _sentence("common.unknown_address", lang), "")


def refused(request: Request, problem: Problem) -> Response:
    """What is said of an address that cannot be read: a page for a browser, a problem for a program."""
    if "text/html" not in request.headers.get("accept", ""):
        return problem.response()
    lang = language(request.scope)
    words = f'<p><a class="btn main" href="/">{escape(messages.say("signin.back", lang))}</a></p>'
    return HTMLResponse(plain_page(lang, problem.message.text(lang), words), problem.status)


def _sentence(key: str, lang: str) -> str:
    """A sentence, and the way back to what there is."""
    return (
        f"<p>{escape(messages.say(key, lang))}</p>"
        f'<p><a class="btn main" href="/">{escape(messages.say("signin.back", lang))}</a></p>'
    )


def sign_out_page(lang: str) -> str:
    """Asks once, because signing out must be a POST from a page of ours."""
    body = (
        '<form method="post" action="/auth/logout">'
        f'<button class="btn main big" type="submit">{escape(messages.say("common.sign_out", lang))}</button></form>'
        f'<p><a class="btn" href="/">{escape(messages.say("signout.stay", lang))}</a></p>'
    )
    return _page(lang, messages.say("signout.heading", lang), body, "")
