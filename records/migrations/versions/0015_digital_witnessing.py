"""digital witnessing: tasks, items, acts, snapshots, reports, draws; looks at non-public pictures; equipment alarms"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

import records.tables.base

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # the tables of these names were made ahead of their time and nothing ever wrote them
    op.drop_table('witness_record')
    op.drop_table('witness_task')
    op.create_table('equipment_alarm',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('room_id', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('level', sa.String(length=64), nullable=False),
    sa.Column('detail', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('began_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.Column('acknowledged_by', sa.String(length=200), nullable=True),
    sa.Column('acknowledged_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.Column('note', sa.String(length=2000), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_equipment_alarm'))
    )
    with op.batch_alter_table('equipment_alarm', schema=None) as batch_op:
        batch_op.create_index(
            'uq_equipment_alarm_open', ['room_id', 'kind'], unique=True, sqlite_where=sa.text('ended_at IS NULL'),
            postgresql_where=sa.text('ended_at IS NULL'),
        )

    op.create_table('room_look',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('room_id', sa.String(length=200), nullable=False),
    sa.Column('viewer', sa.String(length=200), nullable=False),
    sa.Column('reason', sa.String(length=2000), nullable=True),
    sa.Column('task_id', sa.String(length=200), nullable=True),
    sa.Column('asked_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('granted', sa.Boolean(), nullable=False),
    sa.Column('audited_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_room_look'))
    )
    with op.batch_alter_table('room_look', schema=None) as batch_op:
        batch_op.create_index('ix_room_look_asked_at', ['asked_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_room_look_room_id'), ['room_id'], unique=False)

    op.create_table('room_view',
    sa.Column('session', sa.String(length=64), nullable=False),
    sa.Column('look_id', sa.String(length=64), nullable=False),
    sa.Column('room_id', sa.String(length=200), nullable=False),
    sa.Column('viewer', sa.String(length=200), nullable=False),
    sa.Column('began_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('seen_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('ended_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('session', name=op.f('pk_room_view'))
    )
    with op.batch_alter_table('room_view', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_room_view_look_id'), ['look_id'], unique=False)

    op.create_table('witness_draw',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('committed_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('commitment', sa.String(length=64), nullable=False),
    sa.Column('seed', sa.String(length=64), nullable=False),
    sa.Column('given', sa.String(length=64), nullable=True),
    sa.Column('drawn_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.Column('roster', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('left_out', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('tasks', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('result', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_witness_draw'))
    )
    op.create_table('host_presence',
    sa.Column('opening_id', sa.String(length=200), nullable=False),
    sa.Column('host', sa.String(length=200), nullable=False),
    sa.Column('seen_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name=op.f('fk_host_presence_opening_id')),
    sa.PrimaryKeyConstraint('opening_id', name=op.f('pk_host_presence'))
    )
    op.create_table('witness_task',
    sa.Column('id', sa.String(length=200), nullable=False),
    sa.Column('step', sa.String(length=64), nullable=False),
    sa.Column('lot_id', sa.String(length=200), nullable=False),
    sa.Column('opening_id', sa.String(length=200), nullable=True),
    sa.Column('room_id', sa.String(length=200), nullable=True),
    sa.Column('due_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('state', sa.String(length=64), nullable=False),
    sa.Column('witness', sa.String(length=200), nullable=True),
    sa.Column('method', sa.String(length=64), nullable=True),
    sa.Column('draw_id', sa.String(length=200), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('joined_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.Column('ended_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.Column('closing', sa.String(length=2000), nullable=True),
    sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name=op.f('fk_witness_task_lot_id')),
    sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name=op.f('fk_witness_task_opening_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_witness_task'))
    )
    with op.batch_alter_table('witness_task', schema=None) as batch_op:
        batch_op.create_index('ix_witness_task_due_at', ['due_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_witness_task_lot_id'), ['lot_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_witness_task_opening_id'), ['opening_id'], unique=False)

    op.create_table('witness_act',
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('task_id', sa.String(length=200), nullable=False),
    sa.Column('opening_id', sa.String(length=200), nullable=True),
    sa.Column('at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('act', sa.String(length=64), nullable=False),
    sa.Column('detail', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['witness_task.id'], name=op.f('fk_witness_act_task_id')),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_witness_act'))
    )
    with op.batch_alter_table('witness_act', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_witness_act_opening_id'), ['opening_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_witness_act_task_id'), ['task_id'], unique=False)

    op.create_table('witness_item',
    sa.Column('task_id', sa.String(length=200), nullable=False),
    sa.Column('item', sa.String(length=64), nullable=False),
    sa.Column('at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('result', sa.String(length=64), nullable=False),
    sa.Column('note', sa.String(length=2000), nullable=True),
    sa.Column('snapshot', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['task_id'], ['witness_task.id'], name=op.f('fk_witness_item_task_id')),
    sa.PrimaryKeyConstraint('task_id', 'item', name=op.f('pk_witness_item'))
    )
    op.create_table('witness_report',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('task_id', sa.String(length=200), nullable=False),
    sa.Column('supplements', sa.Integer(), nullable=True),
    sa.Column('name', sa.String(length=2000), nullable=False),
    sa.Column('kind', sa.String(length=64), nullable=False),
    sa.Column('facts', sa.String(length=2000), nullable=False),
    sa.Column('handling', sa.String(length=64), nullable=True),
    sa.Column('snapshots', sa.JSON().with_variant(JSONB(), 'postgresql'), nullable=False),
    sa.Column('state', sa.String(length=64), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('saved_at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('submitted_at', records.tables.base.Instant(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['task_id'], ['witness_task.id'], name=op.f('fk_witness_report_task_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_witness_report'))
    )
    with op.batch_alter_table('witness_report', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_witness_report_task_id'), ['task_id'], unique=False)

    op.create_table('witness_snapshot',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('task_id', sa.String(length=200), nullable=False),
    sa.Column('at', records.tables.base.Instant(timezone=True), nullable=False),
    sa.Column('by', sa.String(length=200), nullable=False),
    sa.Column('room_id', sa.String(length=200), nullable=True),
    sa.Column('media_type', sa.String(length=64), nullable=False),
    sa.Column('width', sa.Integer(), nullable=False),
    sa.Column('height', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(length=2000), nullable=True),
    sa.Column('picture', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['task_id'], ['witness_task.id'], name=op.f('fk_witness_snapshot_task_id')),
    sa.PrimaryKeyConstraint('id', 'task_id', name=op.f('pk_witness_snapshot'))
    )
    # the hub's role sees that something was witnessed and its digest, to enter it into the log; not who and what
    op.execute(
        'CREATE VIEW witness_leaf AS SELECT seq, opening_id, "at", sha256 FROM witness_act WHERE opening_id IS NOT NULL'
    )


def downgrade() -> None:
    op.execute('DROP VIEW witness_leaf')
    for table in (
        'witness_snapshot', 'witness_report', 'witness_item', 'witness_act', 'witness_task', 'host_presence', 'witness_draw',
        'room_view', 'room_look', 'equipment_alarm',
    ):  # fmt: skip
        op.drop_table(table)
    op.create_table(
        'witness_task',
        sa.Column('id', sa.String(length=200), nullable=False),
        sa.Column('lot_id', sa.String(length=200), nullable=False),
        sa.Column('step', sa.String(length=64), nullable=False),
        sa.Column('witness', sa.String(length=200), nullable=True),
        sa.Column('method', sa.String(length=64), nullable=False),
        sa.Column('state', sa.String(length=64), nullable=False),
        sa.Column('created_at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.Column('ended_at', records.tables.base.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['lot_id'], ['lot.id'], name='fk_witness_task_lot_id'),
        sa.PrimaryKeyConstraint('id', name='pk_witness_task'),
    )
    op.create_index('ix_witness_task_lot_id', 'witness_task', ['lot_id'])
    op.create_table(
        'witness_record',
        sa.Column('id', sa.String(length=200), nullable=False),
        sa.Column('task_id', sa.String(length=200), nullable=False),
        sa.Column('at', records.tables.base.Instant(timezone=True), nullable=False),
        sa.Column('item', sa.String(length=2000), nullable=False),
        sa.Column('result', sa.String(length=64), nullable=False),
        sa.Column('note', sa.String(length=2000), nullable=True),
        sa.Column('snapshot_sha256', sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(['task_id'], ['witness_task.id'], name='fk_witness_record_task_id'),
        sa.PrimaryKeyConstraint('id', name='pk_witness_record'),
    )
    op.create_index('ix_witness_record_task_id', 'witness_record', ['task_id'])
