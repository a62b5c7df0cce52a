"""Exports 导出: the tables of the screens as CSV, Excel or Parquet, checked, marked and audited; charts, which the browser draws
into a file, are audited and get their mark here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import messages
from dashboard import context, screens
from dashboard import metrics as ops
from dashboard.access.accounts import SignedIn
from dashboard.exports.association_tables import ASSOCIATED
from dashboard.exports.files import Writing, as_csv, as_parquet, as_xlsx
from dashboard.exports.lifeline import LIFELINE
from dashboard.exports.live_tables import LIVE
from dashboard.exports.tables import ANALYSED, Table
from dashboard.http import gate
from dashboard.shell.address_checks import Check, anything, faults, one_of
from dashboard.shell.filters import PICKED, read_choice
from messages import Invalid, Message, Unknown
from records import audit
from records.clock import local_now
from records.serving.problems import Problem, ProblemResponse
from records.serving.requests import body, json_object

TABLES = {table.name: table for table in (*ANALYSED, *LIVE, *ASSOCIATED, LIFELINE)}
"""Every table that can be exported, by name; which role may is said by `dashboard.screens`."""
ADDRESSED: dict[str, list[Check]] = {"lang": [one_of(messages.languages())], "view": [anything]}
"""What the address of an export may carry that its own table does not use, as a screen's menu writes one for all of its
tables: the choices of every table, the language, and which view of a screen it was taken from."""
for _table in TABLES.values():
    for _name, _check in _table.asks.items():
        if (
            _name != PICKED
        ):  # a table that cannot tell what is behind a mark must not tell everything in its place
            ADDRESSED.setdefault(_name, []).append(_check)
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
DRAWN = ("png", "svg")
"""Formats into which a browser draws a chart."""
LONGEST_BODY, LONGEST_TEXT = 8192, 200
"""Bytes of what is told of a chart, and characters of it that the audit keeps."""
_WRITERS: dict[str, Callable[[Writing], bytes]] = {"csv": as_csv, "xlsx": as_xlsx, "parquet": as_parquet}


async def export(request: Request) -> Response:
    """GET /export/{table}.csv|xlsx|parquet with the screen's filters: 404 unknown table or lot, 403 not for this role, 400
    a parameter or a value that there is not, or one that is wanting: never the whole table in place of what was asked for."""
    table, kind = TABLES.get(request.path_params["table"]), request.path_params["kind"]
    user: SignedIn = request.scope["state"]["user"]
    if table is None or kind not in _TYPES:
        names = ", ".join(sorted(TABLES))
        return ProblemResponse(404, Message("export.no_table", tables=names))
    if not screens.may_export(user.role, table.name):
        return ProblemResponse(403, Message("export.not_your_role"))
    if found := faults(request.query_params.multi_items(), table.asks, ADDRESSED):
        return ProblemResponse(
            400, Message("export.wrong_choices", found=list(found.values())), parameters=list(found)
        )
    lang = gate.language(request.scope)
    try:
        data = await run_in_threadpool(_build, table, kind, lang, user, request.query_params, request.client)
    except Invalid as error:
        return ProblemResponse(400, error.message)
    except Unknown as error:
        return ProblemResponse(404, error.message)
    stamp = local_now().strftime("%Y%m%d-%H%M%S")
    suspected = table.name in screens.SUSPECTED
    named = [messages.say(f"tables.{table.name}", lang), stamp, *([messages.say("export.suspected_file", lang)] if suspected else [])]  # fmt: skip
    plain = f"{table.name}-{stamp}{'-suspected' if suspected else ''}.{kind}"
    ops.EXPORTS.labels(table=table.name, format=kind).inc()
    return Response(
        data,
        media_type=_TYPES[kind],
        headers={
            "Content-Disposition": f"attachment; filename={plain}; filename*=UTF-8''{quote('-'.join(named))}.{kind}"
        },
    )


def _build(
    table: Table, kind: str, lang: str, user: SignedIn, params: Mapping[str, str], client: Any
) -> bytes:
    rows = table.read(replace(read_choice(params), viewer=user.name), lang)
    asked = {key: value for key, value in params.items() if key in table.asks and value}
    mark = _mark(user, lang, table.name in screens.SUSPECTED)
    data = _WRITERS[kind](Writing(messages.say(f"tables.{table.name}", lang), table.headings(lang), rows, mark))  # fmt: skip
    _audit(user, "table", table.name, {"format": kind, "rows": len(rows), "filters": asked}, client)
    return data


async def chart(request: Request) -> Response:
    """POST /export/chart `{"title", "format": "png"|"svg", "address"}` before a browser saves a chart: the export is audited, and
    the mark that its file carries is the answer. 400 where one of them is missing or unknown."""
    user: SignedIn = request.scope["state"]["user"]
    try:
        given = json_object(await body(request, LONGEST_BODY))
        title, kind, address = (str(given.get(name) or "") for name in ("title", "format", "address"))
        if not title or not address or kind not in DRAWN:
            raise Problem(400, Message("export.wrong_chart", formats=", ".join(DRAWN)))
    except Problem as problem:
        return problem.response()
    detail = {"format": kind, "address": address[:LONGEST_TEXT]}
    await run_in_threadpool(_audit, user, "chart", title[:LONGEST_TEXT], detail, request.client)
    screen = screens.BY_SLUG.get(urlsplit(address).path.strip("/"))
    suspected = screen is not None and screen.dimension == "warning"
    return JSONResponse({"mark": _mark(user, gate.language(request.scope), suspected)})


def _audit(user: SignedIn, object_kind: str, object_id: str, detail: dict[str, Any], client: Any) -> None:
    with context.ledger().write() as session:
        audit.write(
            session, user.name, "export", object_kind=object_kind, object_id=object_id, detail=detail,
            ip=client.host if client else None,
        )  # fmt: skip


def _mark(user: SignedIn, lang: str, suspected: bool) -> str:
    """Who took it and when, on the first line of a workbook, in a Parquet file's metadata and under a chart; `suspected`: what
    it shows is from the warning screens."""
    at = local_now().strftime("%Y-%m-%d %H:%M:%S")
    mark = messages.say("export.mark", lang, user=f"{user.display_name} ({user.name})", time=at)
    return f"{mark}　{messages.say('export.suspected', lang)}" if suspected else mark


routes = [
    Route("/export/chart", chart, methods=["POST"]),
    Route("/export/{table}.{kind}", export, methods=["GET"]),
]
