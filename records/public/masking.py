"""Masking of public texts: names that must not stand in one, bidders of a qualification lot 资格预审, whoever objected.

A name is found however it is typed: full or half width, spaces, brackets and capitals make no difference, and it
counts without its legal form (有限公司) too, and shortened as people do (`shortened`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from records.public.rows import MASK
from records.tables.bids import Bid
from records.tables.openings import Opening, OpeningEvent
from records.tables.organisations import Organisation
from records.tables.projects import Lot

_NAMED = ("bidders_published", "bid_read", "bid_corrected")
_OBJECTIONS = ("objection", "objection_answered")
_RAISED_BY = ("raised_by", "objector", "name", "提出人")
"""Where the inside of an objection says who raised it."""


def plain(name: str) -> str:
    """A name without what typing changes: width, spaces, brackets, capitals."""
    return "".join(letter for letter, _ in _letters(name))


def _letters(text: str) -> Iterator[tuple[str, int]]:
    """Letters and digits of a text in one form, each with its place in the text."""
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKC", character).casefold():
            if letter.isalnum():
                yield letter, place


def needles(names: Iterable[str]) -> frozenset[str]:
    """What to look for: each name, and each as it is shortened."""
    whole = {plain(name) for name in names}
    return frozenset(part for name in whole for part in (name, *shortened(name)) if len(part) >= SHORTEST)


def mask(text: str, wanted: frozenset[str]) -> str:
    """The text with every name behind asterisks."""
    letters = list(_letters(text))
    line = "".join(letter for letter, _ in letters)
    hidden: set[int] = set()
    for needle in wanted:
        at = line.find(needle)
        while at >= 0:
            hidden.update(range(letters[at][1], letters[at + len(needle) - 1][1] + 1))
            at = line.find(needle, at + 1)
    return _covered(text, hidden) if hidden else text


def _covered(text: str, hidden: set[int]) -> str:
    """What is hidden as one mask a stretch; the legal form behind a short name goes with it."""
    shown = ""
    for place, character in enumerate(text):
        if place not in hidden:
            shown += character
        elif place - 1 not in hidden:
            shown += MASK
    return re.sub(re.escape(MASK) + r"\s*(?:股份|集团|有限责任|有限)*公司", MASK, shown)


def bidders_of(session: Session, opening: Opening, lot: Lot) -> set[str]:
    """Names of all who are known to bid for a lot: by their bids, with their consortia, and by what was read out."""
    ids = set(lot.participants)
    for bidder, members in session.execute(select(Bid.bidder_id, Bid.consortium).where(Bid.lot_id == lot.id)):
        ids |= {bidder, *members}
    names = set(session.scalars(select(Organisation.name).where(Organisation.id.in_(ids))))
    for payload, detail in _events(session, opening.id, _NAMED):
        names |= named_bidders(detail.get("unmasked", payload))
    return names


def named_bidders(payload: Mapping[str, Any]) -> set[str]:
    """The bidders that a payload names as such."""
    lines = payload.get("bidders", [payload])
    return {line["name"] for line in lines if isinstance(line, dict) and isinstance(line.get("name"), str)}


def objectors(session: Session, opening: Opening, detail: Mapping[str, Any] | None) -> set[str]:
    """Who raised objections at an opening, as far as the inside of its events says so, `detail` among them."""
    inside = [detail or {}, *(held for _, held in _events(session, opening.id, _OBJECTIONS))]
    said = {one[key] for one in inside for key in _RAISED_BY if isinstance(one.get(key), str)}
    return said | set(session.scalars(select(Organisation.name).where(Organisation.id.in_(said))))


def hidden(
    session: Session, opening: Opening, lot: Lot, kind: str, payload: Mapping[str, Any], detail: Any
) -> frozenset[str]:
    """What the texts of one event must not hold: who objected, and who bids on a qualification lot, or while no list is
    published: the words with which an opening is broken off are told though its list is not."""
    names = objectors(session, opening, detail) if kind in _OBJECTIONS or lot.prequalification else set()
    if lot.prequalification or (kind == "ended" and opening.started_at is None):
        names |= bidders_of(session, opening, lot)
    if lot.prequalification:
        names |= named_bidders(payload) if kind in _NAMED else set()
    return needles(names)


def _events(
    session: Session, opening_id: str, kinds: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    query = select(OpeningEvent.payload, OpeningEvent.detail).where(
        OpeningEvent.opening_id == opening_id, OpeningEvent.type.in_(kinds)
    )
    for payload, detail in session.execute(query):
        yield payload, detail or {}


# ── short names 简称 ────────────────────────────────────────────────────────────
# 杭州云岭建设工程有限公司 is called 云岭建设工程, 云岭建设 or 云岭: a name is made of a place, the firm's own part 字号, its
# trades and its legal form (企业名称登记管理规定 art. 6). The own part names the firm by itself; place, trades and form do not.

SHORTEST = 2
"""Fewer letters than this name nobody."""
_FORM = re.compile(r"(股份|集团|有限责任|有限|责任|总|分|子)*(公司|集团|事务所)$")
"""The legal form a firm's name ends with."""
_PLACES = [
    "中国", "北京", "天津", "上海", "重庆", "河北", "山西", "辽宁", "吉林", "黑龙江", "江苏", "浙江", "安徽", "福建", "江西", "山东", "河南",
    "湖北", "湖南", "广东", "海南", "四川", "贵州", "云南", "陕西", "甘肃", "青海", "台湾", "内蒙古", "广西", "西藏", "宁夏", "新疆", "香港",
    "澳门", "石家庄", "太原", "沈阳", "长春", "哈尔滨", "南京", "杭州", "合肥", "福州", "南昌", "济南", "郑州", "武汉", "长沙", "广州", "海口",
    "成都", "贵阳", "昆明", "西安", "兰州", "西宁", "呼和浩特", "南宁", "拉萨", "银川", "乌鲁木齐", "深圳", "青岛", "大连", "厦门", "苏州",
    "无锡", "宁波", "温州", "嘉兴", "湖州", "绍兴", "金华", "衢州", "舟山", "台州", "丽水",
]  # fmt: skip
_PLACE = re.compile(rf"^(?:(?:{'|'.join(_PLACES)})(?:省|市|自治区)?|\w{{2,3}}?(?:省|市(?![政场])|县|自治州))")
_TRADE = re.compile(
    r"(?:建设|工程|建筑|城建|建工|市政|园林|路桥|水利|水电|电力|交通|公路|装饰|装修|设计|咨询|监理|造价|科技|信息|技术|环境|环保|生态|设备|"
    r"机电|机械|安装|贸易|实业|发展|投资|开发|管理|服务|勘察|勘测|测绘|检测|研究|材料|建材|制造|智能|网络|软件|电子|医疗|物业|保洁|绿化|景观|"
    r"消防|钢结构|地基|基础|岩土|古建|劳务|产业|控股|国际|集团|院|局|所|第[一二三四五六七八九十\d]+)$"
)
"""A trade, or a part of its kind, at the end of a name."""
_COMMON = frozenset(
    [
    "质量", "安全", "项目", "投标", "招标", "报价", "标准", "合格", "工期", "资料", "文件", "方案", "现场", "单位", "公司", "中标", "开标",
    "评标", "城市", "国家", "人民",
]
)  # fmt: skip
"""Words that remarks are full of: whoever is called so is found by the longer forms of the name."""


def shortened(name: str) -> Iterator[str]:
    """The short forms of a name without punctuation, the longest first; none that could mean anybody."""
    whole = _FORM.sub("", name)
    local = whole
    while found := _PLACE.match(local):
        local = local[found.end() :]
    for form in dict.fromkeys((whole, local)):
        yield from _without_trades(form)


def _without_trades(form: str) -> Iterator[str]:
    """A form of a name, and what is left of it trade by trade, as long as that is its own part."""
    while len(form) >= SHORTEST and form not in _COMMON and form not in _PLACES and not _only_trades(form):
        yield form
        shorter = _TRADE.sub("", form)
        if shorter == form:
            return
        form = shorter


def _only_trades(form: str) -> bool:
    while found := _TRADE.search(form):
        form = form[: found.start()]
    return not form
