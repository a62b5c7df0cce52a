"""the log of evidence: its leaves and signed heads, and what a seal says of its package"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant, Json

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'log_leaf',
        sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('opening_id', sa.String(200), nullable=False),
        sa.Column('seq', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(64), nullable=False),
        sa.Column('subject', sa.String(200), nullable=False),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.Column('leaf', Json, nullable=False),
        sa.Column('body', Json, nullable=True),
        sa.Column('key', sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint('number', name='pk_log_leaf'),
    )
    op.create_index('ix_log_leaf_opening_id_seq', 'log_leaf', ['opening_id', 'seq'], unique=True)
    op.create_index('ix_log_leaf_kind_subject_position', 'log_leaf', ['kind', 'subject', 'position'], unique=True)
    op.create_table(
        'log_head',
        sa.Column('size', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('root', sa.String(64), nullable=False),
        sa.Column('note', sa.String(2000), nullable=False),
        sa.Column('signed_at', Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('size', name='pk_log_head'),
    )
    # of the audit chain the hub's role sees its head alone, to commit to it in the log
    op.execute('CREATE VIEW audit_head AS SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
    with op.batch_alter_table('seal') as table:
        table.add_column(sa.Column('package_sha256', sa.String(64), nullable=True))
        table.add_column(sa.Column('segments', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    with op.batch_alter_table('seal') as table:
        table.drop_column('segments')
        table.drop_column('package_sha256')
    op.execute('DROP VIEW audit_head')
    op.drop_table('log_head')
    op.drop_table('log_leaf')
