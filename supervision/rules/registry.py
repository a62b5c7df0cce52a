"""The table of rules. The rule screen, docs/rules.md, `sunbid scan` and the tests are made from it."""

from __future__ import annotations

from messages import Invalid, Message, Unknown
from supervision.rules.alike import FilesAlike
from supervision.rules.cardinal import CARDINAL
from supervision.rules.deposits import SameAccount
from supervision.rules.experts import DrawnTooOften, FavoursBidder, TiedToBidder, WinsWithExpert
from supervision.rules.files import SameMachine
from supervision.rules.market_rule import MarketRule
from supervision.rules.market_structure import Concentration, LosersForCompany, SingleAgain
from supervision.rules.outcome import (
    AwardTooFastOrSlow,
    ComplaintsUpheld,
    ContractGrew,
    LateBidWon,
    LoserSubcontracts,
    LowestRejected,
    NewFirmWon,
    OnlyValidBid,
    OpenedAtAnotherTime,
    PublicityTooShort,
)
from supervision.rules.panels import (
    DecidingExpert,
    FarFromPanel,
    ObjectiveMarksDiffer,
    SameMarks,
    ShortReview,
)
from supervision.rules.parties import (
    LeftTogether,
    MemberTwice,
    OneAuthor,
    OneControl,
    OneManager,
    RelatedToTenderer,
)
from supervision.rules.prices import PriceLadder
from supervision.rules.procedure import LargeDeposit, ShortTimeToBid
from supervision.rules.rings import DivideTerritory, KeepCompany, TakeTurns
from supervision.rules.rule import LotRule, Rule
from supervision.rules.spread import (
    CoverPrices,
    DearWinner,
    LargeGap,
    LowPrice,
    MissingBids,
    SingleNearLimit,
    SmallGap,
    TightPrices,
)
from supervision.rules.tenderers import (
    AgencysWinner,
    FavouredWinner,
    FixedAgency,
    OftenFails,
    OftenNotOpen,
    OftenRejects,
    SplitAwards,
)
from supervision.rules.uploads import OneUploadAddress

LOT_RULES: dict[str, LotRule] = {
    rule.id: rule
    for rule in (
        SameMachine(), SameAccount(), PriceLadder(), ShortTimeToBid(), LargeDeposit(), RelatedToTenderer(), OnlyValidBid(),
        LowestRejected(), OpenedAtAnotherTime(), LateBidWon(), ContractGrew(), OneManager(), OneAuthor(), LeftTogether(),
        OneControl(), MemberTwice(), LoserSubcontracts(), NewFirmWon(), ComplaintsUpheld(), AwardTooFastOrSlow(),
        PublicityTooShort(), FilesAlike(), TiedToBidder(),
    )
}  # fmt: skip
"""Rule id → rule that looks at the facts of one lot."""

MARKET_RULES: dict[str, MarketRule] = {
    rule.id: rule
    for rule in (
        FavouredWinner(), AgencysWinner(), FixedAgency(), OftenRejects(), SplitAwards(), SingleNearLimit(), DearWinner(),
        OftenNotOpen(), LosersForCompany(), TightPrices(), CoverPrices(), SmallGap(), LargeGap(), MissingBids(),
        SingleAgain(), OneUploadAddress(), OftenFails(), LowPrice(), Concentration(), KeepCompany(), TakeTurns(),
        DivideTerritory(), FarFromPanel(), FavoursBidder(), DecidingExpert(), WinsWithExpert(), ObjectiveMarksDiffer(), SameMarks(),
        DrawnTooOften(), ShortReview(), *CARDINAL,
    )
}  # fmt: skip
"""Rule id → rule that looks at the lens."""

RULES: dict[str, Rule] = {**LOT_RULES, **MARKET_RULES}


def rule_of(rule_id: str) -> Rule:
    """The rule of that id. Raises messages.Unknown listing the choices."""
    if rule_id not in RULES:
        raise Unknown(Message("rule.unknown", rule=rule_id, choices=list(RULES)))
    return RULES[rule_id]


def parse_settings(settings: list[str]) -> dict[str, dict[str, float]]:
    """`RULE.PARAM=VALUE` strings as {rule: {parameter: value}}. Raises messages.Invalid naming what is wrong with which."""
    chosen: dict[str, dict[str, float]] = {}
    for text in settings:
        path, equals, number = text.partition("=")
        rule_id, dot, name = path.strip().partition(".")
        if not equals or not dot:
            raise Invalid(Message("rule.setting_form", text=text))
        try:
            value = float(number)
            chosen.setdefault(rule_id, {})[name] = value
            rule_of(rule_id).settings({name: value})
        except Unknown as error:
            raise Invalid(error.message) from None
        except ValueError as error:
            why = error.message if isinstance(error, Invalid) else Message("rule.setting_number")
            raise Invalid(Message("rule.setting_wrong", text=text, why=why)) from None
    return chosen
