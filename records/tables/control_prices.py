"""控制价分析: what the control price of a lot says of each bid.

Sign-ins 签到, draws of a coefficient 系数抽取 and the rows of the opening record 开标记录 have no tables: they are events of
the opening (`opening_event`), where their chain of hashes and the evidence package hold them; a second copy could differ.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.clock import now
from records.tables.base import Base, Code, Key


class ControlPriceCheck(Base):
    """控制价分析 of one bid: normal 正常 or over 超限价."""

    __tablename__ = "control_price"
    id: Mapped[Key] = mapped_column(primary_key=True)
    bid_id: Mapped[Key] = mapped_column(ForeignKey("bid.id"))
    lot_id: Mapped[Key] = mapped_column(ForeignKey("lot.id"), index=True)
    price: Mapped[Decimal]
    limit: Mapped[Decimal]
    result: Mapped[Code]
    division_code: Mapped[Code | None]
    source: Mapped[Key]
    updated_at: Mapped[datetime] = mapped_column(default=now)
