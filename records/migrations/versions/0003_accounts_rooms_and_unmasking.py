"""accounts unlocked, rooms closed, cameras released, warnings assigned, un-masking with a reason"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import records.tables.base

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('user', sa.Column('unlocked_at', records.tables.base.Instant(timezone=True), nullable=True))
    op.add_column('room', sa.Column('closed_at', records.tables.base.Instant(timezone=True), nullable=True))
    op.add_column('room', sa.Column('camera_released', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column('warning', sa.Column('assignee', sa.String(length=200), nullable=True))
    op.create_index('ix_warning_assignee', 'warning', ['assignee'])
    op.create_table(
        'unmask_request',
        sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
        sa.Column('object_kind', sa.String(length=64), nullable=False),
        sa.Column('object_id', sa.String(length=200), nullable=False),
        sa.Column('asked_by', sa.String(length=200), nullable=False),
        sa.Column('reason', sa.String(length=2000), nullable=False),
        sa.Column('asked_at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.Column('confirmed_by', sa.String(length=200), nullable=True),
        sa.Column('confirmed_at', records.tables.base.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name='pk_unmask_request'),
    )
    op.create_index('ix_unmask_request_object_kind_object_id', 'unmask_request', ['object_kind', 'object_id'])


def downgrade() -> None:
    op.drop_table('unmask_request')
    op.drop_index('ix_warning_assignee', 'warning')
    for table, column in (('warning', 'assignee'), ('room', 'camera_released'), ('room', 'closed_at'), ('user', 'unlocked_at')):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
