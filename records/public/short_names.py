"""Names of firms as people shorten them 简称: 杭州云岭建设工程有限公司 is called 云岭建设工程, 云岭建设 or 云岭.

A name is made of a place, the firm's own part 字号, its trades and its legal form (企业名称登记管理规定 art. 6). The own part
names the firm by itself; place, trades and form do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

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
