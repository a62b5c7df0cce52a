"""which rooms had sound pictures on which day, written down by the hub"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import records.tables.base

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('room_picture',
    sa.Column('room_id', sa.String(length=200), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('seen_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('room_id', 'day', name=op.f('pk_room_picture'))
    )


def downgrade() -> None:
    op.drop_table('room_picture')
