"""The bid files of the lots in which a ring is planted: a technical bid and a bill of quantities for each bidder, and the tender
document. Three of the ring wrote together, with the same slips, and took one bill up and down."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from sunbid.demo.lots import BidPlan, LotPlan
from sunbid.demo.people import People

FOLDER = "bid-files"
"""Below the data folder."""
PLANTED = ("collusion", "machine")
"""What is planted in the lots whose records refer to files."""
_TOGETHER = 3
_PARTS = (
    "基坑",
    "承台",
    "箱梁",
    "墩柱",
    "路基",
    "管廊",
    "支护",
    "防水层",
    "沥青面层",
    "雨水管",
    "挡墙",
    "预制板",
)
_WAYS = (
    "分层摊铺",
    "跳仓浇筑",
    "旋挖成孔",
    "高压旋喷",
    "整体吊装",
    "机械开挖",
    "人工清底",
    "蒸汽养护",
    "张拉压浆",
    "热熔焊接",
)
_POSTS = ("质检员", "施工员", "测量员", "安全员", "试验员", "材料员")
_LAWS = (
    "投标人应当按照招标文件的要求编制投标文件，对招标文件提出的实质性要求和条件作出响应。",
    "中标人应当按照合同约定履行义务，完成中标项目，不得向他人转让中标项目。",
    "施工现场应当设置围挡、警示标志和夜间照明，渣土运输车辆应当密闭并冲洗干净后出场。",
    "关键工序验收合格后方可进入下一道工序，隐蔽工程应当留存影像资料并由监理签字确认。",
)
_SLIPS = (("编制", "编致"), ("履行", "屡行"), ("冲洗", "冲冼"))
"""What the tender document says, and what those who wrote together made of it."""


def references(plan: LotPlan, bid: BidPlan) -> list[dict[str, str]] | None:
    """The files of a bid as its record refers to them; None in lots without."""
    if plan.planted not in PLANTED:
        return None
    return [{"path": f"{plan.key}/{bid.firm.id}/{name}"} for name in ("技术标.docx", "工程量清单.xlsx")]


def tender_reference(plan: LotPlan) -> list[dict[str, str]] | None:
    """The tender document as the call for tenders refers to it."""
    return [{"path": f"{plan.key}/招标文件.docx"}] if plan.planted in PLANTED else None


def write(data: Path, plans: Iterable[LotPlan], people: People) -> None:
    """Write the files that are not there yet."""
    for plan in plans:
        folder = data / FOLDER / plan.key
        if plan.planted in PLANTED and not folder.exists():
            _write_lot(folder, plan, people)


def _write_lot(folder: Path, plan: LotPlan, people: People) -> None:
    folder.mkdir(mode=0o700, parents=True)
    _word(folder / "招标文件.docx", _LAWS, plan.tenderer.name)
    ring = [bid.firm.id for bid in plan.bids if bid.firm in people.ring][:_TOGETHER]
    shared, bill = _clauses(f"{plan.key}/ring", 60), random.Random(plan.key)
    items = {f"{part}{way}": round(bill.uniform(80, 9000), 2) for part in _PARTS for way in _WAYS[:4]}
    for bid in plan.bids:
        own = bid.firm.id
        chance, together = random.Random(f"{plan.key}/{own}"), own in ring
        laws = [_slipped(law) for law in _LAWS] if together else list(_LAWS)
        clauses = [*(shared if together else _clauses(f"{own}/more", 60)), *_clauses(own, 60)]
        factor = 1 + 0.01 * ring.index(own) if together else 1.0
        prices = {
            name: round(price * (factor if together else chance.uniform(0.9, 1.1)), 4)
            for name, price in items.items()
        }
        (folder / own).mkdir()
        _word(folder / own / "技术标.docx", [*laws, *clauses], f"示例编制{bid.firm.fact('author', 6)}")
        _bill(folder / own / "工程量清单.xlsx", prices)


def _clauses(seed: str, count: int) -> list[str]:
    """Sentences whose figures nobody else has by chance."""
    chance = random.Random(seed)
    return [
        f"{chance.choice(_PARTS)}{chance.randint(101, 999)}处{chance.choice(_WAYS)}厚{chance.randint(101, 999)}毫米，"
        f"配{chance.choice(_POSTS)}{chance.randint(11, 99)}名，{chance.randint(101, 999)}小时内完成第{chance.randint(11, 99)}道工序。"
        for _ in range(count)
    ]


def _slipped(law: str) -> str:
    for right, wrong in _SLIPS:
        law = law.replace(right, wrong)
    return law


def _word(path: Path, paragraphs: Iterable[str], author: str) -> None:
    import docx

    made = docx.Document()
    made.core_properties.author = author
    for paragraph in paragraphs:
        made.add_paragraph(paragraph)
    made.save(str(path))


def _bill(path: Path, prices: dict[str, float]) -> None:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("工程量清单")
    for name, price in prices.items():
        sheet.append([name, "项", price])
    book.save(path)
