"""Alembic's entry: runs migrations on the connection that `Ledger.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from records.tables.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    user_module_prefix="records.tables.base.",
)
with context.begin_transaction():
    context.run_migrations()
