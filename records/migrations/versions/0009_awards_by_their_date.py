"""awards found by their date"""

from __future__ import annotations

from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_award_awarded_at', 'award', ['awarded_at'])


def downgrade() -> None:
    op.drop_index('ix_award_awarded_at', 'award')
