"""answers to opinions, given at the desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import records.tables.base

revision = '0005'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'opinion_answer',
        sa.Column('opinion_id', sa.String(length=200), nullable=False),
        sa.Column('answered_by', sa.String(length=200), nullable=False),
        sa.Column('answered_at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.Column('public_text', sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(['opinion_id'], ['opinion.id'], name='fk_opinion_answer_opinion_id'),
        sa.PrimaryKeyConstraint('opinion_id', name='pk_opinion_answer'),
    )


def downgrade() -> None:
    op.drop_table('opinion_answer')
