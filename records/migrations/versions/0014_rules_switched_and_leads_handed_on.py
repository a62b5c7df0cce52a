"""rules that are switched, silences, what shadow rules find; the steps of a batch of leads"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant, Json, Serial

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

_KEY, _CODE, _TEXT = sa.String(length=200), sa.String(length=64), sa.String(length=2000)
_BATCH: tuple[tuple[str, Any, str], ...] = (
    ('title', _TEXT, ''), ('target_name', _TEXT, ''), ('secrecy', _CODE, 'work'), ('version', sa.Integer(), '0'),
)
_BATCH_LATER: tuple[tuple[str, Any], ...] = (
    ('reviewed_by', _KEY), ('reviewed_at', Instant()), ('note', _TEXT), ('receipt_due_at', Instant()), ('receipt', _TEXT),
    ('answered_at', Instant()), ('reminded', _CODE),
)


def upgrade() -> None:
    op.create_table(
        'rule_setting',
        sa.Column('id', Serial, autoincrement=True, nullable=False),
        sa.Column('rule', _CODE, nullable=False),
        sa.Column('revision', sa.Integer(), nullable=True),
        sa.Column('mode', _CODE, nullable=False),
        sa.Column('parameters', Json, nullable=False),
        sa.Column('centres', Json, nullable=False),
        sa.Column('second_look', sa.Boolean(), nullable=False),
        sa.Column('reason', _TEXT, nullable=False),
        sa.Column('state', _CODE, nullable=False),
        sa.Column('asked_by', _KEY, nullable=False),
        sa.Column('asked_at', Instant(), nullable=False),
        sa.Column('decided_by', _KEY, nullable=True),
        sa.Column('decided_at', Instant(), nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_rule_setting'),
    )
    op.create_index('ix_rule_setting_rule', 'rule_setting', ['rule'])
    op.create_table(
        'silence',
        sa.Column('id', Serial, autoincrement=True, nullable=False),
        sa.Column('rule', _CODE, nullable=False),
        sa.Column('centre_id', _KEY, nullable=True),
        sa.Column('lot_id', _KEY, nullable=True),
        sa.Column('reason', _TEXT, nullable=False),
        sa.Column('created_by', _KEY, nullable=False),
        sa.Column('created_at', Instant(), nullable=False),
        sa.Column('until', Instant(), nullable=False),
        sa.Column('ended_by', _KEY, nullable=True),
        sa.Column('ended_at', Instant(), nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_silence'),
    )
    op.create_index('ix_silence_rule', 'silence', ['rule'])
    op.create_table(
        'shadow_finding',
        sa.Column('key', _CODE, nullable=False),
        sa.Column('rule', _CODE, nullable=False),
        sa.Column('rule_version', _CODE, nullable=False),
        sa.Column('level', _CODE, nullable=False),
        sa.Column('lot_id', _KEY, nullable=True),
        sa.Column('centre_id', _KEY, nullable=True),
        sa.Column('value', sa.Double(), nullable=False),
        sa.Column('found_at', Instant(), nullable=False),
        sa.PrimaryKeyConstraint('key', name='pk_shadow_finding'),
    )
    op.create_index('ix_shadow_finding_rule', 'shadow_finding', ['rule'])
    with op.batch_alter_table('lead_batch') as batch:
        for name, kind, default in _BATCH:
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        for name, kind in _BATCH_LATER:
            batch.add_column(sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('lead_batch') as batch:
        for name in (*(one[0] for one in _BATCH_LATER), *(one[0] for one in _BATCH)):
            batch.drop_column(name)
    for table in ('shadow_finding', 'silence', 'rule_setting'):
        op.drop_table(table)
