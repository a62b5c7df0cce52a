"""numbers of published lists of bidders; those published before are numbered as their events say"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from records.tables.base import Instant, Json

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_EVENT = sa.table(
    'opening_event', sa.column('opening_id'), sa.column('ts', Instant()), sa.column('type'),
    sa.column('payload', Json), sa.column('detail', Json),
)  # fmt: skip
_OPENING = sa.table('opening', sa.column('id'), sa.column('lot_id'))
_BID = sa.table(
    'bid', sa.column('id'), sa.column('lot_id'), sa.column('bidder_id'), sa.column('received_at', Instant())
)
_FIRM = sa.table('organisation', sa.column('id'), sa.column('name'))
_LISTED = sa.table('listed_bid', sa.column('opening_id'), sa.column('number'), sa.column('bid_id'))


def upgrade() -> None:
    op.create_table(
        'listed_bid',
        sa.Column('opening_id', sa.String(length=200), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False, autoincrement=False),
        sa.Column('bid_id', sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(['opening_id'], ['opening.id'], name='fk_listed_bid_opening_id'),
        sa.ForeignKeyConstraint(['bid_id'], ['bid.id'], name='fk_listed_bid_bid_id'),
        sa.PrimaryKeyConstraint('opening_id', 'number', name='pk_listed_bid'),
    )
    connection = op.get_bind()
    lists = (
        sa.select(_EVENT.c.opening_id, _OPENING.c.lot_id, _EVENT.c.ts, _EVENT.c.payload, _EVENT.c.detail)
        .join(_OPENING, _OPENING.c.id == _EVENT.c.opening_id)
        .where(_EVENT.c.type == 'bidders_published')
    )
    for published in connection.execute(lists).all():
        rows = list(_numbered(connection, published))
        if rows:
            connection.execute(_LISTED.insert(), rows)


def _numbered(connection: sa.Connection, published: Any) -> Iterator[dict[str, Any]]:
    """The newest bid of each bidder named that was there when the list was published."""
    handed_in = (
        sa.select(_FIRM.c.name, _BID.c.id)
        .join(_FIRM, _FIRM.c.id == _BID.c.bidder_id)
        .where(
            _BID.c.lot_id == published.lot_id,
            sa.or_(_BID.c.received_at.is_(None), _BID.c.received_at <= published.ts),
        )
        .order_by(_BID.c.received_at.is_(None), _BID.c.received_at, _BID.c.id)
    )
    bids = dict(connection.execute(handed_in).all())
    told = (published.detail or {}).get('unmasked', published.payload)
    for line in told['bidders']:
        bid = bids.pop(line['name'], None)
        if bid is not None:
            yield {'opening_id': published.opening_id, 'number': line['no'], 'bid_id': bid}


def downgrade() -> None:
    op.drop_table('listed_bid')
