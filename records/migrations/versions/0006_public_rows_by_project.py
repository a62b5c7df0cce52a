"""public rows by project; the records of openings that came as history"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from records.tables.base import Instant, Json
from records.clock import now
from records.public.past_record import past_records

revision = '0006'
down_revision = '0003'
branch_labels = None
depends_on = None

LOTS_AT_A_TIME = 500


def upgrade() -> None:
    op.add_column('public_event', sa.Column('project', sa.String(length=200), nullable=True))
    op.create_index('ix_public_event_project_topic', 'public_event', ['project', 'topic', 'seq'])
    lite = op.get_bind().dialect.name == 'sqlite'
    named = "json_extract(payload, '$.project')" if lite else "payload->>'project'"
    op.execute(f"UPDATE public_event SET project = {named} WHERE topic <> 'opening_event'")
    _past()


def _past() -> None:
    """What was read out at openings of the past, which so far had an empty record."""
    connection = op.get_bind()
    lots = list(connection.scalars(sa.text("SELECT DISTINCT lot_id FROM opening WHERE head_seq = 0 ORDER BY lot_id")))
    demo = set(connection.scalars(sa.text("SELECT name FROM source WHERE demo")))
    insert = sa.text(
        "INSERT INTO public_event (topic, subject, position, visible_from, payload, created_at, project)"
        " VALUES ('record', :subject, 0, :since, :payload, :now, :project)"
    ).bindparams(
        sa.bindparam('payload', type_=Json),
        sa.bindparam('since', type_=Instant()), sa.bindparam('now', type_=Instant()),
    )
    session = Session(bind=connection)
    for start in range(0, len(lots), LOTS_AT_A_TIME):
        rows = [
            {'subject': told.opening, 'since': told.visible_from, 'now': now(), 'project': told.payload['project'],
             'payload': {**told.payload, 'demo': told.source in demo}}
            for told in past_records(session, lots[start:start + LOTS_AT_A_TIME], vat_held=False)
        ]
        if rows:
            connection.execute(insert, rows)
    session.expunge_all()


def downgrade() -> None:
    op.execute("DELETE FROM public_event WHERE topic = 'record'")
    op.drop_index('ix_public_event_project_topic', 'public_event')
    with op.batch_alter_table('public_event') as batch:
        batch.drop_column('project')
