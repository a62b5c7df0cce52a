"""the starting price 起始价 of a lot that is sold"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables.base import Yuan

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('lot', sa.Column('start_price', Yuan, nullable=True))


def downgrade() -> None:
    op.drop_column('lot', 'start_price')
