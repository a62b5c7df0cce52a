"""A commitment to what stays inside: it binds whoever wrote it and tells nobody else anything.

A plain hash of a short text is no secret: whoever knows thirty candidates tries all thirty. So 256 random
bits, the salt, stand in what is committed to. Whoever may see it is shown it with its salt and can compute
the commitment again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from records import chain

SALT = "salt"
_WHOLE_SALT = re.compile(r"[0-9a-f]{64}")


def salted(inside: Mapping[str, Any]) -> dict[str, Any]:
    """`inside` with a salt of its own; one that it brings along from another ledger stays."""
    held = inside.get(SALT)
    whole = isinstance(held, str) and _WHOLE_SALT.fullmatch(held)
    return {**inside, SALT: held if whole else secrets.token_hex(32)}


def of(inside: Mapping[str, Any]) -> str:
    """The commitment to `inside`, which holds its salt: 64 hexadecimal digits."""
    return chain.digest(inside)


def holds(inside: Mapping[str, Any] | None, commitment: str) -> bool:
    """Whether this is what was committed to, and whether nobody could have guessed it."""
    salt = (inside or {}).get(SALT)
    return isinstance(salt, str) and bool(_WHOLE_SALT.fullmatch(salt)) and of(inside or {}) == commitment
