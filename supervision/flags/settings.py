"""The settings file of the indicators, as Cardinal documents it: INI, a section an indicator, general settings on top."""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from messages import Invalid, Message

INDICATORS = ("R003", "R018", "R024", "R025", "R028", "R030", "R035", "R036", "R038", "R048", "R058")
"""Cardinal's red flags, in the order in which it computes them."""

ELSEWHERE = frozenset(
    {"defaults", "redactions", "corrections", "modifications", "codelists.bid_status", "codelists.award_status",
     "R044", "R055"}
)  # fmt: skip
"""Sections of the same file that are for Cardinal's other commands, and indicators of it that are not among the eleven."""

_TOP = "\0top"
_DETAILS = "R003.procurement_method_details"


@dataclass(frozen=True)
class Settings:
    """What to compute and how. A threshold of None is a fence drawn from the data itself."""

    enabled: frozenset[str] = frozenset(INDICATORS)
    currency: str | None = None
    """Prices in other currencies are left out; None: the first one met."""
    excluded_details: frozenset[str] = frozenset()
    """`tender.procurementMethodDetails` of releases that are left out altogether."""
    no_price_comparison: frozenset[str] = frozenset()
    price_comparison: frozenset[str] = frozenset()
    r003_threshold: int = 15
    r003_methods: frozenset[str] = frozenset()
    r003_details: Mapping[str, int] = field(default_factory=dict)
    r018_methods: frozenset[str] = frozenset({"open", "selective"})
    r024_threshold: float | None = None
    r025_percentile: int = 75
    r025_threshold: float | None = None
    r035_threshold: int = 1
    r038_threshold: float | None = None
    r038_minimum_submitted_bids: int = 2
    r038_minimum_contracting_processes: int = 2
    r048_digits: int = 2
    r048_threshold: int | None = None
    r048_minimum_contracting_processes: int = 20
    r058_threshold: float | None = None


def _listed(text: str) -> frozenset[str]:
    """A list between pipes; what follows the last pipe counts only if there is something."""
    parts = text.split("|")
    return frozenset(parts if parts[-1] else parts[:-1])


def _natural(text: str, least: int = 0) -> int:
    if not re.fullmatch(r"\+?\d+", text):
        raise Invalid(Message("flags.not_natural"))
    return max(least, int(text))


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise Invalid(Message("flags.not_whole"))
    return int(text)


def _decimal(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        raise Invalid(Message("flags.not_decimal"))
    return float(text)


def _percentage(text: str) -> int:
    value = _natural(text)
    if value > 100:
        raise Invalid(Message("flags.not_percentage"))
    return value


_PLACES: dict[str, dict[str, tuple[str, Callable[[str], Any]]]] = {
    _TOP: {
        "currency": ("currency", str),
        "no_price_comparison_procurement_methods": ("no_price_comparison", _listed),
        "price_comparison_procurement_methods": ("price_comparison", _listed),
    },
    "exclusions": {"procurement_method_details": ("excluded_details", _listed)},
    "R003": {"threshold": ("r003_threshold", _whole), "procurement_methods": ("r003_methods", _listed)},
    "R018": {"procurement_methods": ("r018_methods", _listed)},
    "R024": {"threshold": ("r024_threshold", _decimal)},
    "R025": {"percentile": ("r025_percentile", _percentage), "threshold": ("r025_threshold", _decimal)},
    "R028": {},
    "R030": {},
    "R035": {"threshold": ("r035_threshold", partial(_natural, least=1))},
    "R036": {},
    "R038": {
        "threshold": ("r038_threshold", _decimal),
        "minimum_submitted_bids": ("r038_minimum_submitted_bids", _natural),
        "minimum_contracting_processes": ("r038_minimum_contracting_processes", _natural),
    },
    "R048": {
        "digits": ("r048_digits", _natural),
        "threshold": ("r048_threshold", _natural),
        "minimum_contracting_processes": ("r048_minimum_contracting_processes", _natural),
    },
    "R058": {"threshold": ("r058_threshold", _decimal)},
}  # fmt: skip
"""Section → property → (field of Settings, how its text is read)."""


def read_settings(path: Path) -> Settings:
    """The settings in a file: only the indicators it has a section of are computed.

    Raises OSError, and messages.Invalid naming the section and the property that is unknown or wrong.
    """
    return parse_settings(path.read_text(encoding="utf-8-sig"))


def parse_settings(text: str) -> Settings:
    """The settings in the text of a file. Raises messages.Invalid."""
    parser = _parsed(text)
    chosen: dict[str, Any] = {}
    for section in parser.sections():
        if section == _DETAILS:
            chosen["r003_details"] = {k: _value(section, k, v, _whole) for k, v in parser[section].items()}
        elif section not in ELSEWHERE:
            chosen.update(_section(section, parser[section]))
    enabled = {name.partition(".")[0] for name in parser.sections()} & set(INDICATORS)
    return Settings(enabled=frozenset(enabled), **chosen)


def _parsed(text: str) -> configparser.RawConfigParser:
    """Names keep their case; a comment begins a line or follows a blank."""
    parser = configparser.RawConfigParser(
        strict=False,
        inline_comment_prefixes=(";", "#"),
        default_section="\0none",
        empty_lines_in_values=False,
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(f"[{_TOP}]\n{text}")
    except configparser.ParsingError as error:
        raise Invalid(Message("flags.no_ini", line=error.errors[0][0] - 1)) from None
    return parser


def _section(section: str, given: Mapping[str, str]) -> dict[str, Any]:
    places = _PLACES.get(section)
    if places is None:
        known = ["exclusions", *INDICATORS, _DETAILS]
        raise Invalid(Message("flags.unknown_section", section=section, choices=known))
    for name in given:
        if name not in places:
            choices = list(places) or "—"
            raise Invalid(
                Message("flags.unknown_property", section=_shown(section), name=name, choices=choices)
            )
    return {places[name][0]: _value(section, name, text, places[name][1]) for name, text in given.items()}


def _value(section: str, name: str, text: str, read: Callable[[str], Any]) -> Any:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    try:
        return read(text[1:-1] if quoted else text)
    except Invalid as error:
        shown, why = _shown(section), error.message
        raise Invalid(Message("flags.wrong_value", section=shown, name=name, text=text, why=why)) from None


def _shown(section: str) -> str:
    return "" if section == _TOP else f"[{section}] "
