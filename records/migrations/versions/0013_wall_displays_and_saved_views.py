"""wall displays and saved views"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Text  # noqa: F401 - named by rendered JSONB types
from sqlalchemy.dialects import postgresql

import records.tables.base

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=Text()), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'saved_view',
        sa.Column('user', sa.String(length=200), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('screen', sa.String(length=64), nullable=False),
        sa.Column('query', JSON, nullable=False),
        sa.Column('opens_first', sa.Boolean(), nullable=False),
        sa.Column('saved_at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['user'], ['user.name'], name='fk_saved_view_user'),
        sa.PrimaryKeyConstraint('user', 'name', name='pk_saved_view'),
    )
    op.create_table(
        'display',
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('screens', JSON, nullable=False),
        sa.Column('seconds', sa.Integer(), nullable=False),
        sa.Column('added_by', sa.String(length=200), nullable=False),
        sa.Column('added_at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.Column('revoked_at', records.tables.base.Instant(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('name', name='pk_display'),
    )
    op.create_index('ix_display_token_hash', 'display', ['token_hash'])


def downgrade() -> None:
    op.drop_table('display')
    op.drop_table('saved_view')
