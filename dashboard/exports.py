"""Exports 导出: the tables behind the screens as CSV or Excel, checked, marked and audited."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dashboard import context, gate, i18n, ops
from dashboard.accounts import SignedIn
from dashboard.filters import Choice, read_choice
from dashboard.tabledata import TABLES, Table
from records import audit
from records.clock import local_now
from records.texts import printable

__all__ = ["TABLES", "routes"]
_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CELL = 32_767
"""What a cell of a workbook holds at most."""
_RISKY = ("=", "+", "-", "@", "\t", "\r")


async def export(request: Request) -> Response:
    """GET /export/{table}.csv|xlsx with the screen's filters: 404 unknown table, 403 not for this role."""
    table, kind = TABLES.get(request.path_params["table"]), request.path_params["kind"]
    user: SignedIn = request.scope["state"]["user"]
    if table is None or kind not in _TYPES:
        names = ", ".join(sorted(TABLES))
        return JSONResponse({"detail": f"没有这张表，可用：{names} / no such table; csv or xlsx"}, 404)
    if user.role not in table.roles:
        return JSONResponse({"detail": "您的角色不能导出这张表 / not for your role"}, 403)
    lang = gate.language(request.scope)
    body = await run_in_threadpool(_build, table, kind, lang, user, request.query_params, request.client)
    stamp = local_now().strftime("%Y%m%d-%H%M%S")
    name = quote(f"{i18n.text(f'tables.{table.name}', lang)}-{stamp}.{kind}")
    ops.EXPORTS.labels(table=table.name, format=kind).inc()
    return Response(
        body,
        media_type=_TYPES[kind],
        headers={
            "Content-Disposition": f"attachment; filename={table.name}-{stamp}.{kind}; filename*=UTF-8''{name}"
        },
    )


def _build(
    table: Table, kind: str, lang: str, user: SignedIn, params: Mapping[str, str], client: Any
) -> bytes:
    choice = read_choice(params)
    rows = table.read(choice, lang)
    write: Callable[[Writing], bytes] = as_csv if kind == "csv" else as_xlsx
    data = write(
        Writing(i18n.text(f"tables.{table.name}", lang), table.headings(lang), rows, _mark(user, lang))
    )
    with context.ledger().write() as session:
        audit.write(
            session, user.name, "export", object_kind="table", object_id=table.name,
            detail={"format": kind, "rows": len(rows), "filters": choice.as_query()}, ip=client.host if client else None,
        )  # fmt: skip
    return data


def _mark(user: SignedIn, lang: str) -> str:
    at = local_now().strftime("%Y-%m-%d %H:%M:%S")
    return i18n.text("export.mark", lang, user=f"{user.display_name} ({user.name})", time=at)


@dataclass(frozen=True)
class Writing:
    """What goes into a file."""

    title: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Any]]
    mark: str


def as_csv(what: Writing) -> bytes:
    """UTF-8 with a byte-order mark, so that spreadsheets read Chinese; text cannot become a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(what.headings)
    writer.writerows([_plain(cell) for cell in row] for row in what.rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _plain(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str):
        text = printable(value)
        return "'" + text if text.startswith(_RISKY) else text
    return value


def as_xlsx(what: Writing) -> bytes:
    """One sheet: who took it and when on the first line, headings, rows."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(what.title)
    sheet.freeze_panes = "A3"
    said = printable(what.mark)
    sheet.oddFooter.center.text = said
    mark = WriteOnlyCell(sheet, value=said)
    mark.font = Font(italic=True, color="888888")
    sheet.append([mark])
    heads = [WriteOnlyCell(sheet, value=name) for name in what.headings]
    for cell in heads:
        cell.font = Font(bold=True)
    sheet.append(heads)
    for row in what.rows:
        sheet.append(
            [
                float(v) if isinstance(v, Decimal) else _plain(v)[:_CELL] if isinstance(v, str) else v
                for v in row
            ]
        )
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


__all__ += ["Choice", "Writing", "as_csv", "as_xlsx"]
routes = [Route("/export/{table}.{kind}", export, methods=["GET"])]
