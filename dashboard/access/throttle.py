"""How often a sign-in may fail: for an account from one address, for an address, and for an account altogether."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from records.serving.requests import network

WINDOW = 300
"""Seconds over which failures count."""
PER_PAIR, PER_ADDRESS, PER_ACCOUNT = 5, 30, 20

Block = Literal["", "address", "account"]
"""Nothing in the way; this address has failed too often; the account has, from whatever addresses."""

_PAIR, _ADDRESS, _ACCOUNT = (
    RateLimitItemPerSecond(most, WINDOW, namespace=name)
    for most, name in ((PER_PAIR, "pair"), (PER_ADDRESS, "address"), (PER_ACCOUNT, "account"))
)


class Throttle:
    """Failed sign-ins of the last minutes. What is blocked opens by itself when the window has passed."""

    def __init__(self) -> None:
        self._limits = MovingWindowRateLimiter(MemoryStorage())
        self._pardoned: dict[str, str] = {}
        """Account → when somebody unlocked it last: failures before that count no more."""

    def blocked(self, name: str, address: str) -> Block:
        """What stands in the way of another try."""
        account, place = self._account(name), network(address)
        if not self._limits.test(_PAIR, account, place) or not self._limits.test(_ADDRESS, place):
            return "address"
        return "" if self._limits.test(_ACCOUNT, account) else "account"

    def failed(self, name: str, address: str) -> None:
        """Remember a failure."""
        account, place = self._account(name), network(address)
        self._limits.hit(_PAIR, account, place)
        self._limits.hit(_ADDRESS, place)
        self._limits.hit(_ACCOUNT, account)

    def succeeded(self, name: str, address: str) -> None:
        """Forget this pair's failures."""
        self._limits.clear(_PAIR, self._account(name), network(address))

    def pardon(self, name: str, unlocked: datetime) -> None:
        """Forget an account's failures from before somebody unlocked it."""
        self._pardoned[name] = unlocked.isoformat()

    def _account(self, name: str) -> str:
        return f"{name}\n{self._pardoned.get(name, '')}"
