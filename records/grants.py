"""The hub's own role on PostgreSQL: it can read what is public and write its broadcast tables, nothing else.

The rest of the code keeps the hub away from the trading tables; this makes the database refuse them too.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

HUB_ROLE = "sunbid_hub"
READS = ("public_event", "room", "centre", "alembic_version", "audit_head", "witness_leaf")
WRITES = (
    "broadcast_session",
    "viewing",
    "room_picture",
    "recording",
    "segment",
    "gap",
    "seal",
    "log_leaf",
    "log_head",
    "room_view",
)
ADDS = ("opinion", "opinion_sender")
"""What the public sends by the form: the hub hands it on and cannot read it again."""


def grant_hub(connection: Connection) -> bool:
    """Create or refresh the hub's role in the caller's transaction; a no-op on SQLite.

    Returns whether the role is there and ours. An ordinary owner may not create roles: an administrator then creates
    `sunbid_hub` once and grants it to the owner; until then the hub works as the owner.
    """
    if connection.dialect.name != "postgresql":
        return False
    if not _have_role(connection):
        return False
    connection.execute(text(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {HUB_ROLE}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {HUB_ROLE}"))
    connection.execute(text(f"GRANT SELECT ON {', '.join(READS)} TO {HUB_ROLE}"))
    connection.execute(text(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(WRITES)} TO {HUB_ROLE}"))
    connection.execute(text(f"GRANT INSERT ON {', '.join(ADDS)} TO {HUB_ROLE}"))
    return True


def may_take_on(connection: Connection) -> bool:
    """Whether this user may take on the hub's role."""
    return bool(
        connection.scalar(
            text("SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = :name"),
            {"name": HUB_ROLE},
        )
    )


def _have_role(connection: Connection) -> bool:
    """See that the role exists and is granted to us, as far as we may."""
    try:
        with connection.begin_nested():
            known = text("SELECT 1 FROM pg_roles WHERE rolname = :name")
            if not connection.scalar(known, {"name": HUB_ROLE}):
                connection.execute(text(f"CREATE ROLE {HUB_ROLE} NOLOGIN"))
            if not may_take_on(connection):
                connection.execute(text(f"GRANT {HUB_ROLE} TO CURRENT_USER"))
    except ProgrammingError:  # permission denied
        return may_take_on(connection)
    return True
