"""what the watch notes of a warning is the key of a message"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

_CHANGE = sa.table('warning_change', sa.column('actor'), sa.column('note'))
_NOTES = {
    '主体增加，证据已更新 / more subjects, evidence updated': 'warning.more_subjects',
    '等级上调 / level raised': 'warning.level_raised',
}


def upgrade() -> None:
    for words, key in _NOTES.items():
        _write(words, key)


def downgrade() -> None:
    for words, key in _NOTES.items():
        _write(key, words)


def _write(old: str, new: str) -> None:
    own = (_CHANGE.c.actor == 'watch') & (_CHANGE.c.note == old)
    op.execute(_CHANGE.update().where(own).values(note=new))
