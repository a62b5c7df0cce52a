"""Identity of a row where two sources use the same key.

The first source's row has the key itself as its id. A row whose key another source had before gets an id of its own,
which nobody can send (a key holds no tab) and nobody is shown: `key_of` gives the key again.
"""

from __future__ import annotations

import hashlib

MARK = "\t"
"""What no key holds."""
_KEPT, _TAIL = 160, 39
"""Together with the mark as long as an id may be."""


def second_id(key: str, source: str) -> str:
    """The id of a source's row where the key itself is the id of another source's row."""
    tail = hashlib.sha256(f"{source}{MARK}{key}".encode()).hexdigest()[:_TAIL]
    return f"{key[:_KEPT]}{MARK}{tail}"


def key_of(row_id: str) -> str:
    """The key its source sent, of a row's id; of a key longer than 160 characters at least its beginning."""
    return row_id.partition(MARK)[0]
