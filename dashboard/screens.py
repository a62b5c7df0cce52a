"""The fifteen screens 屏 and twenty-nine functions 功能: navigation, permissions, tests and docs come from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent.parent / "pages"

DIMENSIONS = {
    "display": ("分析展示", "Analysis"),
    "service": ("智慧服务", "Services"),
    "warning": ("信息预警", "Warnings"),
}
"""The three dimensions 维度: id → (zh, en)."""


@dataclass(frozen=True)
class Function:
    """功能: one thing a screen does."""

    id: str
    zh: str
    en: str

    def name(self, lang: str) -> str:
        """Its name in `lang` (zh or en)."""
        return self.zh if lang == "zh" else self.en


@dataclass(frozen=True)
class Screen:
    """屏: one page of the desk."""

    id: str
    slug: str
    zh: str
    en: str
    meaning_zh: str
    meaning_en: str
    dimension: str
    roles: frozenset[str]
    icon: str
    """Name of a Material symbol out of the font Streamlit carries."""
    functions: tuple[Function, ...]

    @property
    def path(self) -> Path:
        """The screen's file, s01_overview.py."""
        return PAGES / f"{self.id.lower()}_{self.slug}.py"

    def name(self, lang: str) -> str:
        """Its title in `lang` (zh or en)."""
        return self.zh if lang == "zh" else self.en

    def meaning(self, lang: str) -> str:
        """What it shows, in one sentence."""
        return self.meaning_zh if lang == "zh" else self.meaning_en


_ALL = frozenset({"supervisor", "admin"})
_LED = _ALL | {"leader"}
_ROOMS = _LED | {"operator"}


def _screen(
    code: str, slug: str, names: tuple[str, str], meaning: tuple[str, str], dimension: str,
    roles: frozenset[str], icon: str, *functions: tuple[str, str, str],
) -> Screen:  # fmt: skip
    return Screen(
        code, slug, *names, *meaning, dimension, roles, icon, tuple(Function(*f) for f in functions)
    )


SCREENS: tuple[Screen, ...] = (
    _screen(
        "S01", "overview", ("阳光交易总览", "Trading overview"),
        ("今天开了多少标、全年成交多少、有没有需要看的预警", "Today's openings, the year's deals, and what needs a look"),
        "display", _LED, "grid_view",
        ("F01", "核心指标总览", "Core totals"), ("F02", "实时交易动态", "Live trading ticker"),
    ),
    _screen(
        "S02", "openness", ("市场开放程度", "Market openness"),
        ("外地企业来得多不多、从哪里来、能不能中标", "Whether firms from elsewhere come, from where, and whether they win"),
        "display", _LED, "language",
        ("F03", "外地企业参与度", "Outside-enterprise participation"),
        ("F04", "来源地与CA互认分布", "Origins and recognised certificates"),
    ),
    _screen(
        "S03", "competition", ("市场竞争程度", "Market competition"),
        ("每个标段有几家来投、谁在中标", "How many bid for each lot, and who wins"),
        "display", _LED, "bar_chart",
        ("F05", "竞争充分度", "Sufficiency of competition"), ("F06", "中标集中度", "Award concentration"),
    ),
    _screen(
        "S04", "service", ("市场服务能力", "Market service capacity"),
        ("直播间与开标室用得怎样、办一个标要多久", "How rooms and broadcasts are used, and how long a lot takes"),
        "display", _LED, "speed",
        ("F07", "直播与场所服务量", "Broadcast and room service"),
        ("F08", "交易时效与电子化率", "Cycle time and e-process rate"),
    ),
    _screen(
        "S05", "savings", ("规模节资与项目专题", "Volume, savings and topics"),
        ("成交多少、省了多少、重点与小额项目进展如何", "Deals made, money saved, key projects and small lots"),
        "display", _LED, "savings",
        ("F09", "成交与节资", "Deals and savings"), ("F10", "重点项目保障", "Key projects"),
        ("F11", "小额交易监测", "Small-value trading"),
    ),
    _screen(
        "S06", "hall", ("数字直播大厅", "Broadcast hall"),
        ("各中心正在开标、即将开标和可回看的场次", "Openings live, coming up and to replay"),
        "service", _ROOMS, "live_tv",
        ("F12", "直播日程与检索", "Schedule and search"), ("F13", "多路直播墙", "Multi-room wall"),
    ),
    _screen(
        "S07", "room", ("数字直播间", "Broadcast room"),
        ("一场开标的画面、进程、唱标与记录", "One opening: picture, process, prices and record"),
        "service", _ALL | {"operator"}, "meeting_room",
        ("F14", "开标进程同步", "Synchronised opening process"), ("F15", "唱标与开标记录", "Price reading and record"),
    ),
    _screen(
        "S08", "witness", ("录播与数字见证", "Replay and witnessing"),
        ("已结束的开标能回看、能核验、有人见证", "Ended openings can be replayed, verified and witnessed"),
        "service", _ALL | {"operator"}, "videocam",
        ("F16", "录播回看与存证", "Replay and evidence"), ("F17", "数字见证", "Digital witnessing"),
    ),
    _screen(
        "S09", "remote", ("远程异地评标", "Remote evaluation"),
        ("跨市跨省评标怎么协同、专家费怎么发", "Evaluations across cities, and how experts are paid"),
        "service", _ALL, "hub",
        ("F18", "远程评标协同与场所调度", "Remote co-ordination and rooms"), ("F19", "专家评审费转账", "Expert-fee transfer"),
    ),
    _screen(
        "S10", "deposits", ("保证金与社会监督", "Deposits and social supervision"),
        ("保证金退了没有、群众意见答了没有", "Whether deposits are returned and opinions answered"),
        "service", _ALL | {"public-officer"}, "shield",
        ("F20", "投标保证金管理", "Deposit management"),
        ("F21", "社会监督与项目电子身份证", "Social supervision and project e-ID"),
    ),
    _screen(
        "S11", "warnings", ("预警中心", "Warning centre"),
        ("哪些标段需要人看一眼，为什么", "Which lots need a look, and why"),
        "warning", _LED, "notifications",
        ("F22", "三色预警信息流", "Three-colour feed"), ("F23", "预警规则与阈值管理", "Rules and thresholds"),
    ),
    _screen(
        "S12", "associations", ("招标人异常关联", "Abnormal associations"),
        ("招标人、代理与中标人之间有没有不寻常的联系", "Unusual links among tenderers, agencies and winners"),
        "warning", _ALL, "account_tree",
        ("F24", "招标人—中标人关联", "Tenderer–winner links"), ("F25", "招标代理异常关联", "Agency links"),
    ),
    _screen(
        "S13", "rings", ("投标人抱团", "Bidder rings"),
        ("哪些投标人总在一起投、报价和文件是否雷同", "Who keeps bidding together; similar prices and files"),
        "warning", _ALL, "group",
        ("F26", "抱团社群识别", "Ring detection"), ("F27", "报价与文件雷同检测", "Price and file similarity"),
    ),
    _screen(
        "S14", "experts", ("专家评审倾向", "Expert tendency"),
        ("评分有没有持续偏向某家，定标之后才可看", "Whether scores lean to one side; only after the award"),
        "warning", _ALL, "balance",
        ("F28", "评分偏离与倾向分析", "Score deviation and tendency"),
    ),
    _screen(
        "S15", "leads", ("线索流转", "Lead transfer"),
        ("线索移交给谁、办到哪一步", "Where leads were sent and how far they are"),
        "warning", _LED, "move_item",
        ("F29", "线索批次流转与闭环", "Lead batches and closed loop"),
    ),
)  # fmt: skip

ADMIN = _screen(
    "A01", "admin", ("系统管理", "Administration"),
    ("账号、开标室与数据来源", "Accounts, rooms and sources"), "admin", frozenset({"admin"}), "settings",
)  # fmt: skip
"""The administrator's page; not one of the fifteen screens."""

TABLES_OF: dict[str, tuple[str, ...]] = {
    "F01": ("lots", "participations"), "F02": ("openings",), "F03": ("lots", "participations"),
    "F05": ("lots",), "F06": ("awards",), "F07": ("openings",), "F09": ("lots", "awards"),
    "F12": ("schedule",), "F16": ("replays",), "F20": ("deposits", "refunds"), "F21": ("opinions",),
    "F22": ("warnings",), "F24": ("tenderer-links",), "F25": ("agency-links",), "F26": ("rings",),
    "F27": ("similarity",), "F28": ("expert-tendency",), "F29": ("leads",),
}  # fmt: skip
"""Function → the tables it shows, which are those it exports; `dashboard.exports.tables` reads them."""

NARROWER = {"F20": _ALL}
"""Functions for fewer roles than their screen: who paid a deposit is no business of who answers opinions."""

BY_ID = {screen.id: screen for screen in (*SCREENS, ADMIN)}
BY_SLUG = {screen.slug: screen for screen in (*SCREENS, ADMIN)}

COUNTS_ONLY = {"S11": frozenset({"leader"}), "S15": frozenset({"leader"})}
"""Where a role sees counts and the funnel, never a subject's name."""


def may_see(role: str, screen: Screen) -> bool:
    """Whether `role` may open `screen`."""
    return role in screen.roles


def screens_of(role: str) -> list[Screen]:
    """The screens of `role`, in order."""
    return [screen for screen in SCREENS if may_see(role, screen)]


def pages_of(role: str) -> list[Screen]:
    """What `role` finds in the navigation: its screens, and for the administrator one page more."""
    return [*screens_of(role), *([ADMIN] if may_see(role, ADMIN) else [])]


def names_visible(role: str, screen: Screen) -> bool:
    """Whether `role` may see who a warning is about on `screen`; counts only otherwise."""
    return may_see(role, screen) and role not in COUNTS_ONLY.get(screen.id, frozenset())


def roles_with_names(slug: str) -> frozenset[str]:
    """The roles that may see who a warning is about on the screen `slug`."""
    screen = BY_SLUG[slug]
    return frozenset(role for role in screen.roles if names_visible(role, screen))


def may_use(role: str, screen: Screen, function: str) -> bool:
    """Whether `role` may use a function (F01…) of `screen`."""
    return may_see(role, screen) and role in NARROWER.get(function, screen.roles)


def tables_of(role: str, screen: Screen) -> list[str]:
    """The tables that `role` may export from `screen`: what it shows this role, none where it shows counts only."""
    if not names_visible(role, screen):
        return []
    used = [f.id for f in screen.functions if may_use(role, screen, f.id)]
    return list(dict.fromkeys(table for function in used for table in TABLES_OF.get(function, ())))


def may_export(role: str, table: str) -> bool:
    """Whether any screen of `role` offers `table`."""
    return any(table in tables_of(role, screen) for screen in SCREENS)
