"""each step of a warning keeps the reason code given with it; a proposal that was sent back is no verdict"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None

_WARNING = sa.table('warning', sa.column('id'), sa.column('state'), sa.column('disposition'), sa.column('note'))
_CHANGE = sa.table(
    'warning_change', sa.column('seq'), sa.column('warning_id'), sa.column('state'), sa.column('disposition'), sa.column('note')
)


def upgrade() -> None:
    op.add_column('warning_change', sa.Column('disposition', sa.String(64), nullable=True))
    tell_apart(op.get_bind())


def downgrade() -> None:
    op.drop_column('warning_change', 'disposition')


def tell_apart(bind: sa.Connection) -> None:
    """Bring along the warnings that were handled before."""
    query = (
        sa.select(_WARNING.c.id, _WARNING.c.state, _WARNING.c.disposition, _CHANGE.c.seq, _CHANGE.c.state.label('step'), _CHANGE.c.note)
        .join(_CHANGE, _CHANGE.c.warning_id == _WARNING.c.id)
        .where(_WARNING.c.disposition.is_not(None))
        .order_by(_WARNING.c.id, _CHANGE.c.seq)
    )
    for _, rows in groupby(bind.execute(query).all(), key=lambda row: row.id):
        _tell_one(bind, list(rows))


def _tell_one(bind: sa.Connection, steps: Sequence[Any]) -> None:
    """Give the code that is held to the step it came from; take it from a warning that holds it only since a return."""
    carried = _is_carried(steps)
    given = [n for n, one in enumerate(steps) if one.step in (('review',) if carried else ('review', 'dismissed', 'lead'))]
    if not given:
        return
    place = given[-1]
    if steps[place].step == 'dismissed' and place and steps[place - 1].step == 'review':
        place -= 1  # what was agreed to was proposed in the step before
    bind.execute(_CHANGE.update().where(_CHANGE.c.seq == steps[place].seq).values(disposition=steps[0].disposition))
    if carried:
        latest = _WARNING.update().where(_WARNING.c.id == steps[0].id)
        bind.execute(latest.values(disposition=None, note=steps[-1].note))


def _is_carried(steps: Sequence[Any]) -> bool:
    """Whether nobody's verdict stands: the warning is in hand again, or is a lead that cannot have begun as not confirmed
    and was not answered (an answer is a second step as a lead)."""
    if steps[0].state in ('accepted', 'assigned'):
        return True
    names = [one.step for one in steps]
    unanswered = steps[0].state == 'lead' and names.count('lead') == 1
    return unanswered and steps[0].disposition == 'not_confirmed' and 'review' in names
