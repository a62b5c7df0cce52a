"""senders of opinions that come by the public form"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'opinion_sender',
        sa.Column('opinion_id', sa.String(length=200), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('contact', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['opinion_id'], ['opinion.id'], name='fk_opinion_sender_opinion_id'),
        sa.PrimaryKeyConstraint('opinion_id', name='pk_opinion_sender'),
    )


def downgrade() -> None:
    op.drop_table('opinion_sender')
