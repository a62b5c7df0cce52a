"""The organisations of the demonstration market: a pure function of the seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from random import Random

from stdnum.cn import uscc as uscc_rules

from sunbid.demo import names

HOME_SHARE_OF_FIRMS = 0.6
RING_SIZE = 5
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ORG_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class Firm:
    """One organisation; `business` is its index in names.BUSINESSES, -1 for those that do not bid."""

    id: str
    name: str
    division: str
    role: str
    business: int = -1
    weight: float = 1.0
    """How often it bids, relative to others."""

    @property
    def outside(self) -> bool:
        """Registered outside the home city."""
        return not self.division.startswith("3301")

    def fact(self, what: str, length: int = 12) -> str:
        """A machine fact of this firm: stable, and distinct from every other firm's."""
        return hashlib.sha256(f"{self.id}/{what}".encode()).hexdigest()[:length].upper()

    @property
    def mac(self) -> str:
        """A locally administered network address."""
        digits = self.fact("mac", 10)
        return "02:" + ":".join(digits[i : i + 2] for i in range(0, 10, 2))

    @property
    def upload_ip(self) -> str:
        """An address of the range kept for benchmarks (RFC 2544), so that it is nobody's."""
        number = int(self.fact("ip", 8), 16) % (1 << 17)
        return f"198.{18 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}"

    @property
    def account(self) -> str:
        """The number of the firm's basic account; invented, with letters no bank uses."""
        return "DEMO" + str(int(self.fact("account", 14), 16)).zfill(17)[:15]


class People:
    """Bidders, tenderers and agencies of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def bidders(self) -> tuple[Firm, ...]:
        """600 firms, four in ten of them registered outside the home city."""
        rng = Random(f"{self.seed}/bidders")
        pairs = [(first, b) for b in range(len(names.BUSINESSES)) for first in names.FIRST]
        return tuple(self._bidder(rng, number, *pair) for number, pair in enumerate(pairs))

    def _bidder(self, rng: Random, number: int, first: str, business: int) -> Firm:
        home = number % 10 < HOME_SHARE_OF_FIRMS * 10
        division = rng.choice(names.HOME_DIVISIONS if home else names.OUTSIDE_DIVISIONS)
        name = f"{first}示例{names.BUSINESSES[business]}"
        return Firm(uscc(rng, "91", division), name, division, "bidder", business, rng.paretovariate(1.6))

    @cached_property
    def tenderers(self) -> tuple[Firm, ...]:
        """One or two a centre."""
        rng = Random(f"{self.seed}/tenderers")
        made = []
        for number, name in enumerate(names.TENDERERS):
            division = names.CENTRES[number % len(names.CENTRES)][0]
            made.append(Firm(uscc(rng, "12", division), f"示例{name}", division, "tenderer"))
        return tuple(made)

    @cached_property
    def agencies(self) -> tuple[Firm, ...]:
        """招标代理."""
        rng = Random(f"{self.seed}/agencies")
        made = []
        for number, name in enumerate(names.AGENCIES):
            division = names.HOME_DIVISIONS[number % len(names.HOME_DIVISIONS)]
            made.append(
                Firm(uscc(rng, "91", division), f"示例{names.FIRST[number]}{name}", division, "agency")
            )
        return tuple(made)

    @cached_property
    def ring(self) -> tuple[Firm, ...]:
        """The planted ring: home firms of the first business that bid together in one district."""
        return tuple(firm for firm in self.bidders if firm.business == 0 and not firm.outside)[:RING_SIZE]

    def tenderers_of(self, division: str) -> list[Firm]:
        """The tenderers of a centre."""
        return [firm for firm in self.tenderers if firm.division == division]


def uscc(rng: Random, kind: str, division: str) -> str:
    """An invented 统一社会信用代码 with both check digits right (GB 11714-1997, GB 32100-2015)."""
    body = "MA" + "".join(rng.choice(_ORG_ALPHABET) for _ in range(6))
    start = kind + division + body + _org_check(body)
    return start + str(uscc_rules.calc_check_digit(start))


def _org_check(body: str) -> str:
    """Check character of an organisation code (GB 11714-1997)."""
    values = (int(c) if c.isdigit() else ord(c) - 55 for c in body)
    rest = 11 - sum(v * w for v, w in zip(values, _ORG_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))
