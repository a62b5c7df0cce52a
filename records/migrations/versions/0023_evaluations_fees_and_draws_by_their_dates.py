"""evaluations are found by when they ended, fees by when they were paid, draws of experts by when they were sealed"""

from __future__ import annotations

from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f('ix_evaluation_ended_at'), 'evaluation', ['ended_at'])
    op.create_index(op.f('ix_fee_paid_at'), 'fee', ['paid_at'])
    op.create_index(op.f('ix_expert_draw_sealed_at'), 'expert_draw', ['sealed_at'])


def downgrade() -> None:
    op.drop_index(op.f('ix_expert_draw_sealed_at'), 'expert_draw')
    op.drop_index(op.f('ix_fee_paid_at'), 'fee')
    op.drop_index(op.f('ix_evaluation_ended_at'), 'evaluation')
