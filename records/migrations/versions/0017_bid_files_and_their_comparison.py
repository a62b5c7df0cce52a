"""where the files of bids and notices lie, and what comparing the bidders' files of a lot found"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant, Json

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ('bid', 'notice'):
        op.add_column(table, sa.Column('files', Json, nullable=True))
    told = sa.text('files IS NOT NULL')
    op.create_index('ix_bid_files', 'bid', ['lot_id'], sqlite_where=told, postgresql_where=told)
    op.create_table(
        'file_check',
        sa.Column('lot_id', sa.String(length=200), nullable=False),
        sa.Column('state', sa.String(length=64), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('bidders', sa.Integer(), nullable=False),
        sa.Column('files', sa.Integer(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('done', sa.BigInteger(), nullable=False),
        sa.Column('unread', Json, nullable=False),
        sa.Column('pairs', Json, nullable=False),
        sa.Column('started_at', Instant(timezone=True), nullable=False),
        sa.Column('checked_at', Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_file_check_lot_id')),
        sa.PrimaryKeyConstraint('lot_id', name=op.f('pk_file_check')),
    )


def downgrade() -> None:
    op.drop_table('file_check')
    op.drop_index('ix_bid_files', 'bid')
    for table in ('notice', 'bid'):
        op.drop_column(table, 'files')
