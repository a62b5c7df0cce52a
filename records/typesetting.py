"""Papers as PDF, set by typst with a Chinese font of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC",
)  # fmt: skip


@cache
def fonts() -> tuple[str, ...]:
    """Chinese fonts of this machine that a paper may be set in."""
    from typst import Fonts  # reads the names of every font there is

    there = {family.lower() for family in Fonts().families()}
    return tuple(name for name in FONTS if name.lower() in there)


def typeset(template: Path, name: str, content: Mapping[str, Any]) -> bytes | None:
    """A paper of what is `told`, which the template reads as JSON from its input `name`; None where no Chinese font is
    there. Raises RuntimeError where typst cannot set it."""
    if not fonts():
        return None
    import typst  # 80 MB, needed now and then only

    inputs = {name: json.dumps({**content, "fonts": list(fonts())}, ensure_ascii=False)}
    plain = typst.compile(str(template), format="pdf", sys_inputs=inputs)
    assert isinstance(plain, bytes)
    return plain
