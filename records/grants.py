"""The hub's own role on PostgreSQL: it can read what is public and write its broadcast tables, nothing else.

The rest of the code keeps the hub away from the trading tables; this makes the database refuse them too.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

HUB_ROLE = "sunbid_hub"
READS = ("public_event", "room", "centre", "alembic_version")
WRITES = ("broadcast_session", "recording", "segment", "gap", "seal")


def grant_hub(connection: Connection) -> None:
    """Create or refresh the hub's role in the caller's transaction; a no-op on SQLite.

    Raises sqlalchemy.exc.ProgrammingError where the connecting user may not create roles; an
    administrator then creates `sunbid_hub` once and grants it to that user.
    """
    if connection.dialect.name != "postgresql":
        return
    if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": HUB_ROLE}):
        connection.execute(text(f"CREATE ROLE {HUB_ROLE} NOLOGIN"))
    connection.execute(text(f"GRANT {HUB_ROLE} TO CURRENT_USER"))
    connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {HUB_ROLE}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {HUB_ROLE}"))
    connection.execute(text(f"GRANT SELECT ON {', '.join(READS)} TO {HUB_ROLE}"))
    connection.execute(text(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(WRITES)} TO {HUB_ROLE}"))
