"""Commands on plain tables: collusion of bidders, bias of reviewers."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from messages import Fault, Message, clauses, language_of_environment, local
from sunbid import output

if TYPE_CHECKING:
    from supervision.detection.channels import Scored
    from supervision.detection.market import Market
    from supervision.detection.tendency import Scores, Tendency

JsonOption = Annotated[bool, typer.Option("--json", help=local("cli.print_json"))]
DatasetOption = Annotated[Path, typer.Option(help=local("cli.dataset"))]
Table = TypeVar("Table")

_SHOWN_WRONG = 20
"""Wrong rows named one by one."""
_SHOWN_TENDERS = 20
"""Rows of the table for people; --json has all."""


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    for command in (collusion, bias):
        app.command(help=local(f"command.{command.__name__}"))(command)


def collusion(
    dataset: DatasetOption,
    pairs: Annotated[bool, typer.Option("--pairs", help=local("cli.pairs"))] = False,
    report: output.ReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """A collusion score for each tender of a bid table."""
    from supervision.detection.channels import score
    from supervision.detection.market import COLUMNS, read_market

    market, wrong = _read(dataset, read_market, COLUMNS)
    with output.waiting(local("cli.measuring")):
        found = score(market)
        tenders = [] if pairs and not report else list(_tenders(market, found))
    ranked = sorted(tenders, key=lambda one: -one["score"])
    if report:
        from sunbid.reports.detection import of_collusion

        output.save_report(
            of_collusion(_gate(market, found, len(tenders)), ranked, _pairs(market), str(dataset), note_on),
            report,
        )
    if pairs:
        _show_pairs(market, as_json)
    elif as_json:
        for one in tenders:
            output.emit(one)
    else:
        _show_collusion(_gate(market, found, len(tenders)), ranked)
    _end(dataset, wrong)


def bias(dataset: DatasetOption, report: output.ReportOption = None, as_json: JsonOption = False) -> None:
    """The tendency of each reviewer of a score table."""
    from supervision.detection.tendency import COLUMNS, own_affiliation, read_scores, tendencies

    scores, wrong = _read(dataset, read_scores, COLUMNS)
    with output.waiting(local("cli.measuring")):
        found, pooled = tendencies(scores), own_affiliation(scores)
    own = {
        "within_panel": _number(pooled.within_panel),
        "within_panel_and_reviewer": _number(pooled.within_panel_and_reviewer),
    }
    reviewers = [_reviewer(scores, one) for one in found]
    if report:
        from sunbid.reports.detection import of_bias

        output.save_report(of_bias(_tendencies(found, own), reviewers, str(dataset)), report)
    if as_json:
        for one in reviewers:
            output.emit(one | {"own_affiliation": own})
    else:
        print(_tendencies(found, own))
        _show_bias(scores, reviewers)
    _end(dataset, wrong)


def _read(
    path: Path, read: Callable[[Path, Callable[[Message], None]], Table], columns: Sequence[str]
) -> tuple[Table, int]:
    """The table and how many of its rows were wrong, the first of them told, as are columns that are none of `columns`;
    a file that is no such table ends the command."""
    from supervision.detection.csv_tables import unused_columns

    wrong: list[Message] = []
    try:
        with output.waiting(local("cli.importing")):
            table = read(path, wrong.append)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        output.fail(local("cli.no_file", path=path), output.BAD_USE)
    except OSError as error:
        output.fail(f"{path}: {error.strerror or error}", output.BAD_USE)
    except Fault as error:
        output.fail("\n".join(f"{path}: {each}" for each in (*wrong[:_SHOWN_WRONG], error)), output.BAD_USE)
    for message in wrong[:_SHOWN_WRONG]:
        print(f"{path}: {message}", file=sys.stderr)
    if len(wrong) > _SHOWN_WRONG:
        print(f"{path}: {local('table.more_wrong', count=len(wrong) - _SHOWN_WRONG)}", file=sys.stderr)
    if unused := unused_columns(path, columns):
        print(f"{path}: {local('table.unused_columns', columns=unused)}", file=sys.stderr)
    return table, len(wrong)


def _end(path: Path, wrong: int) -> None:
    """End with failure where rows had to be left out: what was printed is not of the whole table."""
    if wrong:
        output.fail(f"{path}: {local('table.rows_left_out', count=wrong)}")


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _tender(market: Market, found: Scored, n: int) -> dict[str, Any]:
    from supervision.detection.channels import reasons

    screens = found.screens
    features = {
        "CV": screens.cv, "SPD": screens.spd, "KURT": screens.kurt, "SKEW": screens.skew, "KS": screens.ks,
        "price_channel": found.price_channel, "past_tightness": found.past_tightness,
        "ring_channel": found.ring_channel, "past_co_bids": found.meets.past,
    }  # fmt: skip
    return {
        "tender_id": market.tenders[n],
        "score": round(float(found.score[n]), 6),
        "features": {name: _number(values[n]) for name, values in features.items()}
        | {"gate": found.gate.opens, "winners": None if market.winners is None else int(market.winners[n])},
        "reasons": [str(reason) for reason in reasons(found, n)],
    }


def _tenders(market: Market, found: Scored) -> Iterator[dict[str, Any]]:
    """What is told of each tender with at least two bids, in the order of the table."""
    return (_tender(market, found, n) for n in range(len(market.tenders)) if market.size[n] >= 2)


def _gate(market: Market, found: Scored, tenders: int) -> str:
    """What the market supports, in words."""
    from supervision.detection.channels import PRICE_OPENS, RING_OPENS

    gate = found.gate
    return local(
        "collusion.summary", tenders=tenders, bidders=len(market.bidders), gate=Message(f"collusion.gate.{gate.opens}"),
        correlation=_short(gate.correlation), meetings=_short(gate.meetings), price_opens=PRICE_OPENS, ring_opens=RING_OPENS,
    )  # fmt: skip


def _show_collusion(gate: str, ranked: Sequence[dict[str, Any]]) -> None:
    print(gate)
    rows = []
    for tender in ranked[:_SHOWN_TENDERS]:
        features = {
            name: _short(tender["features"][name]) for name in ("CV", "price_channel", "ring_channel")
        }
        told = {
            "score": _short(tender["score"]),
            "reasons": clauses(tender["reasons"], language_of_environment()),
            "note": note_on(tender),
        }
        rows.append(tender | features | told)
    columns = ["tender_id", "score", "CV", "price_channel", "ring_channel", "reasons"]
    odd = sum(bool(note_on(tender)) for tender in ranked)
    output.report(rows, [*columns, *(["note"] if odd else [])], False)
    if odd:
        print(local("collusion.odd_winners", n=odd))
    print(local("collusion.caution"))


def note_on(tender: Mapping[str, Any]) -> str:
    """What is odd about who won a tender, beside its score and no part of it: none, or several; "" where nothing is."""
    winners = tender["features"]["winners"]
    if winners is None or winners == 1:
        return ""
    return local("collusion.winners", n=winners) if winners else local("collusion.no_winner")


def _pairs(market: Market) -> list[dict[str, Any]]:
    """Pairs of bidders, the least likely by chance first."""
    from supervision.detection.ties import log_chance
    from supervision.detection.ties import pairs as met_pairs

    found = met_pairs(market)
    chance = log_chance(market, found) / math.log(10)
    return [
        {
            "bidders": [market.bidders[found.one[n]], market.bidders[found.other[n]]],
            "co_bids": int(found.met[n]),
            "expected": round(float(found.expected[n]), 3),
            "log10_p": round(float(chance[n]), 3),
        }
        for n in chance.argsort(kind="stable")
    ]


def _show_pairs(market: Market, as_json: bool) -> None:
    rows = _pairs(market)
    if as_json:
        for row in rows:
            output.emit(row)
        return
    shown = [row | {"bidders": " · ".join(row["bidders"])} for row in rows[:_SHOWN_TENDERS]]
    output.report(shown, ("bidders", "co_bids", "expected", "log10_p"), False)


def _reviewer(scores: Scores, one: Tendency) -> dict[str, Any]:
    towards = {"towards": scores.subjects[one.subject]} if one.subject >= 0 else {}
    return {
        "reviewer_id": scores.reviewers[one.reviewer],
        "tendency": _number(one.effect),
        "p_value": _number(one.p),
        "adjusted_p": _number(one.adjusted_p),
        "sessions": one.sessions,
        "flag": one.flag,
        **towards,
    }


def _tendencies(found: Sequence[Tendency], own: dict[str, float | None]) -> str:
    """How many reviewers were compared and how many are over the gate, in words; and what all give their own side."""
    compared = sum(not math.isnan(one.p) for one in found)
    flagged = sum(one.flag for one in found)
    words = local("bias.summary", reviewers=len(found), compared=compared, flagged=flagged)
    if own["within_panel"] is None:
        return words
    both = _short(own["within_panel_and_reviewer"])
    return f"{words}\n" + local("bias.pooled", panel=_short(own["within_panel"]), both=both)


def _show_bias(scores: Scores, reviewers: Sequence[dict[str, Any]]) -> None:
    columns = ("reviewer_id", "tendency", "p_value", "adjusted_p", "sessions", "flag")
    without = {"towards": "—"}
    rows = [
        without | one | {name: _short(one[name]) for name in columns[1:4]}
        for one in reviewers[:_SHOWN_TENDERS]
    ]
    output.report(rows, [*columns, *(["towards"] if scores.own is None else [])], False)
    if any(one["flag"] and (one["tendency"] or 0) < 0 for one in reviewers):
        print(local("bias.negative"))
    print(local("collusion.caution"))


def _short(value: float | None) -> str:
    return "—" if value is None or not math.isfinite(value) else f"{value:.3g}"
