"""What every table shares: the declarative base and the column types for money, time and JSON."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, ClassVar, cast

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, String, Table, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

MONEY_SCALE = 10_000
"""Money is kept as whole ten-thousandths of a yuan, so sums are exact on every database."""


class Yuan(TypeDecorator[Decimal]):
    """Money in yuan (元): `Decimal` in Python, whole ten-thousandths of a yuan in the database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Round half up to a ten-thousandth; refuses floats, which would bring in binary noise."""
        if value is None:
            return None
        if isinstance(value, float):
            raise TypeError(f"money must be Decimal or int, not float: {value!r}")
        return int((Decimal(value) * MONEY_SCALE).to_integral_value(ROUND_HALF_UP))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[int | None], Decimal | None]:
        """One function a value: rows come by the hundred thousand, and SQLAlchemy's own way through
        `process_result_value` takes three."""
        return _yuan


class Points(Yuan):
    """Points of a score or per cent: `Decimal` in Python, exact to a ten-thousandth like money."""

    cache_ok = True


class Instant(TypeDecorator[datetime]):
    """A moment: time-zone-aware in Python, UTC in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raises ValueError for a time without an offset: nobody can tell which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time without offset: {value.isoformat()}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """See `Yuan.result_processor`."""
        return _moment_of_text if dialect.name == "sqlite" else _moment


def _yuan(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / MONEY_SCALE


def _moment_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _moment(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


Json = JSON().with_variant(JSONB(), "postgresql")
JsonOrNull = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""JSON that may be missing: NULL then, not a JSON null, so that an index can leave it out."""
Serial = BigInteger().with_variant(Integer(), "sqlite")
"""An autoincrementing 64-bit key; SQLite numbers rows by itself only for INTEGER."""

Key = Annotated[str, mapped_column(String(200))]
Code = Annotated[str, mapped_column(String(64))]
Text = Annotated[str, mapped_column(String(2000))]
Money = Annotated[Decimal, mapped_column(Yuan)]


class Base(DeclarativeBase):
    """Base of all tables; constraints get fixed names so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: Instant, Decimal: Yuan, dict[str, Any]: Json, list[Any]: Json}


def table_of(model: type[Base]) -> Table:
    """The table of a model, typed."""
    return cast(Table, model.__table__)
