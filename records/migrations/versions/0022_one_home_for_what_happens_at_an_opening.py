"""sign-ins, draws and the record of an opening are its events: the tables that nothing wrote go"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

import records.tables.base

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table('sign_in')
    op.drop_table('coefficient_draw')
    op.drop_table('opening_record')


def downgrade() -> None:
    listed = sa.JSON().with_variant(JSONB(), 'postgresql')
    op.create_table('opening_record',
    sa.Column('opening_id', sa.String(length=200), nullable=False),
    sa.Column('rows', listed, nullable=False),
    sa.Column('signatures', listed, nullable=False),
    sa.Column('pdf_sha256', sa.String(length=64), nullable=True),
    sa.Column('published_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name=op.f('fk_opening_record_opening_id')),
    sa.PrimaryKeyConstraint('opening_id', name=op.f('pk_opening_record'))
    )
    op.create_table('coefficient_draw',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('opening_id', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=2000), nullable=False),
    sa.Column('pool', listed, nullable=False),
    sa.Column('value', sa.String(length=2000), nullable=False),
    sa.Column('drawn_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name=op.f('fk_coefficient_draw_opening_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coefficient_draw'))
    )
    op.create_index(op.f('ix_coefficient_draw_opening_id'), 'coefficient_draw', ['opening_id'])
    op.create_table('sign_in',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('bid_id', sa.String(length=200), nullable=False),
    sa.Column('person_masked', sa.String(length=2000), nullable=True),
    sa.Column('at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('mode', sa.String(length=64), nullable=False),
    sa.Column('source', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['bid_id'], ['bid.id'], name=op.f('fk_sign_in_bid_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in'))
    )
    op.create_index(op.f('ix_sign_in_bid_id'), 'sign_in', ['bid_id'])
