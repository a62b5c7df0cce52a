"""Redaction: secrets and personal data never stand in a log, whoever wrote the line."""

from __future__ import annotations

import re

HIDDEN = "***"
_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{4,}"),
    re.compile(r"""(?i)\b((?:\w*token|password|passwd|pwd|secret|authorization|(?:set-)?cookie|sunbid_session|api_?key)["']?\s*[=:]\s*["']?)(?!\s)[^\s"'&,;})\]]+"""),
    re.compile(r"(?i)([?&](?:key|admin)=)[^\s&\"']+"),
    re.compile(r"(?i)(\w+://)[^\s/@]+@"),
)  # fmt: skip
_PERSONAL = (
    re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])"),
    re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"),
    re.compile(r"(?<![\d.])\d(?:[ -]?\d){15,18}(?!\d)"),
)
"""E-mail, identity number, mobile telephone, bank account."""


def redacted(line: str) -> str:
    """The line without bearer tokens, cookies, passwords, e-mails, identity, telephone and account numbers."""
    for pattern in _SECRETS:
        line = pattern.sub(lambda found: (found[1] + (" " if found[1].isalpha() else "")) + HIDDEN, line)
    for pattern in _PERSONAL:
        line = pattern.sub(HIDDEN, line)
    return line
