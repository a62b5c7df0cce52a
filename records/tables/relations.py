"""Relations of organisations 主体关系 and their credit ratings 信用评价."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key, Points, Text

RELATION_TYPES = (
    "control",
    "shareholding",
    "position",
    "kinship",
    "phone",
    "email",
    "address",
    "account",
    "social_security",
)
"""Types of a relation (招标投标法实施条例 art. 34). Their words are the messages `relation.*`."""


class Relation(Base):
    """主体关系 between two organisations. Persons and accounts behind it are kept only as keyed hashes."""

    __tablename__ = "relation"
    id: Mapped[Key] = mapped_column(primary_key=True)
    type: Mapped[Code]
    from_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    to_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"))
    ratio: Mapped[Decimal | None] = mapped_column(Points)
    """Share held, per cent (0–100)."""
    link_hash: Mapped[Code | None]
    """Keyed hash of what both share (person, phone, account)."""
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    __table_args__ = (Index("ix_relation_from_id", "from_id"), Index("ix_relation_to_id", "to_id"))


class Credit(Base):
    """信用评价 of an organisation in one rating system and period (YYYY-MM)."""

    __tablename__ = "credit"
    id: Mapped[Key] = mapped_column(primary_key=True)
    organisation_id: Mapped[Key] = mapped_column(ForeignKey("organisation.id"), index=True)
    role: Mapped[Code] = mapped_column(default="bidder")
    system: Mapped[Text]
    period: Mapped[Code]
    score: Mapped[Decimal | None] = mapped_column(Points)
    rank: Mapped[int | None]
    deductions: Mapped[list[Any]] = mapped_column(default=list)
    """[{"reason": …, "points": "…"}]."""
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)
