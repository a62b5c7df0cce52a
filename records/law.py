"""法律法规: what is cited anywhere is named here, once; its words and how an article is written are messages `law.*`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from messages import Message


@dataclass(frozen=True)
class Law:
    """A law, regulation or order, and where its official text stands, as far as that is known."""

    name: str
    """Its words are `law.<name>`."""
    address: str = ""


@dataclass(frozen=True)
class Article:
    """What of a law is cited: articles 条, of one article perhaps a paragraph 款 or some of its items 项. A law without
    articles has numbered items alone; without any of these the whole of it is cited."""

    law: Law
    articles: Sequence[int] = ()
    paragraph: int | None = None
    items: Sequence[int] = ()

    @property
    def cited(self) -> Message:
        """As it is written: 招标投标法第 24 条."""
        law, of = Message(f"law.{self.law.name}"), list(self.articles)
        if not of:
            return Message("law.item", law=law, items=list(self.items)) if self.items else law
        if self.paragraph:
            return Message("law.article_paragraph", law=law, n=of, paragraph=self.paragraph)
        if self.items:
            return Message("law.article_items", law=law, n=of, items=list(self.items))
        return Message("law.article", law=law, n=of)

    @property
    def short(self) -> Message:
        """As a narrow column has it: 法 24, 条例 40(4)."""
        law = Message(f"law.{self.law.name}.short")
        if not self.articles:
            return Message("law.short", law=law, n=list(self.items)) if self.items else law
        inner = [self.paragraph] if self.paragraph else list(self.items)
        key = "law.short_items" if inner else "law.short"
        return Message(key, law=law, n=list(self.articles), items=inner)


BIDDING_LAW = Law(
    "bidding",
    "https://www.samr.gov.cn/zw/zfxxgk/fdzdgknr/bgt/art/2023/art_1f79dd79321441a0831f3aed697b4535.html",
)
"""招标投标法."""
BIDDING_RULES = Law("bidding_rules", "https://xzfg.moj.gov.cn/front/law/detail?LawID=1154")
"""招标投标法实施条例."""
CIVIL_CODE = Law("civil_code")
"""民法典."""
ELECTRONIC_BIDDING = Law("electronic_bidding")
"""电子招标投标办法, eight ministries, 2013."""
COMPLAINTS = Law("complaints")
"""工程建设项目招标投标活动投诉处理办法."""
MUST_BE_TENDERED = Law("must_be_tendered")
"""必须招标的工程项目规定, order 16 of the National Development and Reform Commission, 2018."""
SMART_BIDDING = Law("smart_bidding")
"""发改法规〔2026〕195号: where artificial intelligence is to serve tendering, a numbered list of scenes."""
ZHEJIANG_RULES = Law("zhejiang_rules")
"""浙江省招标投标条例."""
CHONGQING_RULES = Law("chongqing_rules")
"""重庆市招标投标条例."""
PROCUREMENT_LAW = Law("procurement_law")
"""政府采购法."""
COUNTERTERRORISM_LAW = Law("counterterrorism_law")
"""反恐怖主义法."""
PUBLIC_VIDEO_RULES = Law("public_video_rules")
"""公共安全视频图像信息系统管理条例."""
PROCUREMENT_ARCHIVES = Law("procurement_archives")
"""DA/T 103—2024, the archives' standard on files of tenders and procurement."""
