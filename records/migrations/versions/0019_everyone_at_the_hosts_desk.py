"""everyone who is at the host's desk of an opening, not only who asked last"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def _made(*key: str) -> None:
    """The table anew: who is there is noted again within seconds."""
    op.drop_table('host_presence')
    op.create_table(
        'host_presence',
        sa.Column('opening_id', sa.String(length=200), nullable=False),
        sa.Column('host', sa.String(length=200), nullable=False),
        sa.Column('seen_at', Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name=op.f('fk_host_presence_opening_id')),
        sa.PrimaryKeyConstraint(*key, name=op.f('pk_host_presence')),
    )  # fmt: skip


def upgrade() -> None:
    _made('opening_id', 'host')


def downgrade() -> None:
    _made('opening_id')
