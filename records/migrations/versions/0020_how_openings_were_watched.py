"""how openings were watched live, added up by the hub"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

import records.tables.base

revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('viewing',
    sa.Column('opening_id', sa.String(length=200), nullable=False),
    sa.Column('viewers', sa.Integer(), nullable=False),
    sa.Column('peak', sa.Integer(), nullable=False),
    sa.Column('seconds', sa.Double(), nullable=False),
    sa.Column('first_frames', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('delays', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('updated_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('opening_id', name=op.f('pk_viewing'))
    )


def downgrade() -> None:
    op.drop_table('viewing')
