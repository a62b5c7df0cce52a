"""draw, arrival and rooms of evaluations; why a fee failed and how its expert did; who came on an inspection"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant, Json

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('evaluation', sa.Column('drawn_at', Instant(timezone=True), nullable=True))
    op.add_column('evaluation', sa.Column('arrived', sa.Integer(), nullable=True))
    op.add_column('evaluation', sa.Column('arrived_at', Instant(timezone=True), nullable=True))
    op.add_column('evaluation', sa.Column('bookings', Json, nullable=False, server_default='[]'))
    op.create_index('ix_evaluation_scheduled_at', 'evaluation', ['scheduled_at'])
    op.add_column('fee', sa.Column('reason', sa.String(length=64), nullable=True))
    op.add_column('fee', sa.Column('grade', sa.String(length=64), nullable=True))
    op.add_column('fee', sa.Column('deductions', Json, nullable=False, server_default='[]'))
    op.add_column('fee', sa.Column('appraised_at', Instant(timezone=True), nullable=True))
    op.add_column('inspection', sa.Column('body', sa.String(length=64), nullable=False, server_default='joint'))


def downgrade() -> None:
    op.drop_column('inspection', 'body')
    for column in ('appraised_at', 'deductions', 'grade', 'reason'):
        op.drop_column('fee', column)
    op.drop_index('ix_evaluation_scheduled_at', 'evaluation')
    for column in ('bookings', 'arrived_at', 'arrived', 'drawn_at'):
        op.drop_column('evaluation', column)
