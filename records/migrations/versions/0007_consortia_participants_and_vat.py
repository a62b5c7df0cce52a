"""members of a winning consortium, participants without bids, amounts with and without VAT"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0007'
down_revision = '0004'
branch_labels = None
depends_on = None

_LIST = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
_PRICED = ('lot', 'bid', 'award', 'contract')


def upgrade() -> None:
    op.add_column('award', sa.Column('consortium', _LIST, nullable=False, server_default='[]'))
    op.add_column('lot', sa.Column('participants', _LIST, nullable=False, server_default='[]'))
    for table in _PRICED:
        op.add_column(table, sa.Column('vat', sa.String(length=64), nullable=True))


def downgrade() -> None:
    for table in _PRICED:
        op.drop_column(table, 'vat')
    op.drop_column('lot', 'participants')
    op.drop_column('award', 'consortium')
