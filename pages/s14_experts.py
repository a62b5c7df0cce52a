"""S14 专家评审倾向: score deviation and tendency (F28); nothing of lots not yet awarded."""

from __future__ import annotations

from dashboard.panels import expert_conduct, experts
from dashboard.panels import warning_list as warninglist
from dashboard.shell import screen as shell


def body(page: shell.Page) -> None:
    """The study of awarded lots, the register of experts' conduct, then the warnings about experts; the rules raise them only after the award."""
    experts.show_study(page)
    expert_conduct.show(page)
    warninglist.show_families(page)


shell.show("S14", body, every=30, filters=("period", "centre"))
