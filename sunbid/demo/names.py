"""Invented names of the demonstration market. Every organisation carries 示例 (example) in its name."""

from __future__ import annotations

CENTRES = (
    ("330100", "市本级", "City level", 4), ("330102", "上城", "Shangcheng", 2), ("330105", "拱墅", "Gongshu", 2),
    ("330106", "西湖", "Xihu", 2), ("330108", "滨江", "Binjiang", 2), ("330109", "萧山", "Xiaoshan", 2),
    ("330110", "余杭", "Yuhang", 2), ("330113", "临平", "Linping", 2), ("330114", "钱塘", "Qiantang", 2),
    ("330111", "富阳", "Fuyang", 2), ("330112", "临安", "Lin'an", 2), ("330122", "桐庐", "Tonglu", 2),
    ("330127", "淳安", "Chun'an", 1), ("330182", "建德", "Jiande", 1),
)  # fmt: skip
"""Division, name zh, name en, number of broadcast rooms: 14 centres, 28 rooms (domain: Hangzhou 2023)."""

SMALL_DISTRICT = "330110"
SMALL_CENTRES = tuple(
    (f"{SMALL_DISTRICT}-{number:02d}", zh, en)
    for number, (zh, en) in enumerate((
        ("荷塘", "Hetang"), ("菊村", "Jucun"), ("松间", "Songjian"), ("北辰", "Beichen"), ("青禾", "Qinghe"),
        ("望舒", "Wangshu"), ("远山", "Yuanshan"), ("碧川", "Bichuan"), ("兰渚", "Lanzhu"), ("锦程", "Jincheng"),
        ("柳汀", "Liuting"), ("云桥", "Yunqiao"), ("听泉", "Tingquan"), ("澄江", "Chengjiang"), ("白鹭", "Bailu"),
        ("云溪", "Yunxi"), ("晨曦", "Chenxi"), ("石桥", "Shiqiao"), ("竹里", "Zhuli"), ("江月", "Jiangyue"),
        ("听涛", "Tingtao"), ("枫岭", "Fengling"),
    ), 1)
)  # fmt: skip
"""Id, name zh, name en: the 22 small-value centres 小额交易中心 of one district (domain: Yuhang 2024). They share the
district's broadcast rooms."""

HOME_DIVISIONS = tuple(division for division, *_ in CENTRES[1:])

OUTSIDE_DIVISIONS = (
    "330203", "330302", "330402", "330602", "330702", "331002", "310115", "310112", "320102", "320505", "320602",
    "340102", "340202", "350102", "360102", "370102", "370602", "410102", "420102", "430102", "440106", "440304",
    "510104", "500103", "610102", "110105", "110108", "120101", "130102", "220102",
)  # fmt: skip
"""Districts elsewhere in Zhejiang and in sixteen other provinces and cities (GB/T 2260)."""

FIRST = (
    "望潮", "晨曦", "锦程", "白鹭", "东林", "朝露", "海棠", "龙吟", "竹海", "江月", "远山", "碧川", "同舟", "云起", "青禾",
    "澄江", "松涛", "南屏", "金穗", "长风", "听泉", "北辰", "听涛", "云溪", "南湖", "星河", "明德", "立新", "宏远", "嘉禾",
    "鼎峰", "中桥", "瑞川", "安澜", "启明", "正源", "博远", "天筑", "华岭", "广厦", "固基", "顺水", "清波", "紫藤", "银杏",
    "红枫", "玉兰", "丹桂", "磐石", "飞虹",
)  # fmt: skip

BUSINESSES = (
    "建设集团有限公司", "建筑工程有限公司", "市政有限公司", "路桥有限公司", "城建有限公司", "园林有限公司",
    "机电有限公司", "水利工程有限公司", "智能科技有限公司", "物业服务有限公司", "医疗设备有限公司", "监理咨询有限公司",
)  # fmt: skip
"""A bidder is one of FIRST with one of these: 600 different names."""

TENDERERS = (
    "城北开发中心", "城南开发中心", "滨水建设指挥部", "交通建设中心", "教育后勤保障中心", "医院建设管理中心",
    "水利工程管理所", "园林绿化管理中心", "保障房建设中心", "产业园管理委员会", "科技城建设中心", "体育场馆运营中心",
    "城市更新中心", "轨道物业管理所", "数字资源管理中心", "文化场馆管理中心", "社区服务中心", "市政养护所",
    "农业发展中心", "生态环境监测站",
)  # fmt: skip

AGENCIES = (
    "工程咨询有限公司", "招标代理有限公司", "项目管理有限公司", "造价咨询有限公司", "建设监理咨询有限公司",
    "采购服务有限公司", "工程管理咨询有限公司", "公共采购咨询有限公司",
)  # fmt: skip

PLACES = {
    "城北片区": "area", "青禾路": "road", "远山小学": "school", "澄江泵站": "water", "白鹭园区": "area",
    "云起大道": "road", "松涛社区": "area", "海棠湾": "water", "望潮路": "road", "南屏医院": "hospital",
    "金穗仓储": "site", "长风隧道": "span", "晨曦路": "road", "碧川公园": "park", "听泉中学": "school",
    "北辰站": "site", "听涛路": "road", "云溪公寓": "site", "南湖医院": "hospital", "银杏广场": "site",
    "丹桂苑": "site", "紫藤街": "street", "飞虹桥": "span", "红枫岭": "park", "启明学校": "school",
    "安澜圩区": "water", "同舟码头": "water", "玉兰苑": "site", "锦程路": "road", "星河体育馆": "site",
}  # fmt: skip
"""Where lots are, and what kind of place that is: a school builds no second school, a pump no shop."""

SUBJECTS = {
    "works": (
        ("学校新建工程施工", "施工"), ("道路提升工程施工", "施工"), ("雨污分流工程施工", "施工"),
        ("景观提升工程施工", "施工"), ("综合体装修工程", "装修"), ("河道清淤工程", "水利"),
        ("地下管廊工程施工", "施工"), ("照明改造工程", "机电"), ("机电设备更新", "机电"), ("道路提升工程监理", "监理"),
    ),
    "procurement": (
        ("智慧教室设备采购", "货物"), ("检验设备采购", "货物"), ("物业服务采购", "服务"), ("食堂食材配送", "服务"),
        ("绿化养护服务", "服务"), ("影像设备采购", "货物"),
    ),
    "land": (("仓储用地使用权出让", "出让"),),
    "property": (("沿街商铺租赁权转让", "租赁"),),
    "other": (
        ("小额修缮工程", "修缮"), ("小额道路养护工程", "修缮"), ("小额绿化补植工程", "修缮"), ("小额管网疏通工程", "修缮"),
    ),
}  # fmt: skip
"""Trade family → what a lot is about, and its category."""

FITS = {
    "学校新建工程施工": ("area", "road"), "道路提升工程施工": ("area", "site"), "道路提升工程监理": ("area", "site"),
    "雨污分流工程施工": ("area", "road", "site", "school"), "景观提升工程施工": ("road", "street", "park", "water"),
    "综合体装修工程": ("area", "site"), "河道清淤工程": ("water", "area"), "地下管廊工程施工": ("road", "area"),
    "照明改造工程": ("road", "street", "park", "site", "span"), "机电设备更新": ("hospital", "site", "school"),
    "智慧教室设备采购": ("school",), "检验设备采购": ("hospital",), "影像设备采购": ("hospital",),
    "物业服务采购": ("area", "site", "hospital"), "食堂食材配送": ("school", "hospital"),
    "绿化养护服务": ("road", "park", "area"), "仓储用地使用权出让": ("area", "road"), "沿街商铺租赁权转让": ("road", "street"),
    "小额修缮工程": ("school", "hospital", "site"), "小额道路养护工程": ("road", "street", "area"),
    "小额绿化补植工程": ("road", "park", "area"), "小额管网疏通工程": ("site", "area", "school"),
}  # fmt: skip
"""Subject → kinds of places that have such lots."""


def title(drawn: str, subject: str) -> str:
    """A lot's title: the place that was drawn, or where it does not fit one that does."""
    fitting = [place for place, kind in PLACES.items() if kind in FITS[subject]]
    place = drawn if drawn in fitting else fitting[list(PLACES).index(drawn) % len(fitting)]
    return f"{place}{subject}"


FAMILY_WEIGHTS = {"works": 58, "procurement": 22, "land": 4, "property": 4, "other": 12}

OBJECTIONS = (
    ("系数抽取球号是否与公示编号一致？", "一致，编号表已在全景画面展示并记录。"),
    ("解密截止时间以何处时钟为准？", "以国家标准时间为准，见页首时钟。"),
    ("第 3 号报价的小数位是否以开标一览表为准？", "以投标文件中的开标一览表为准，已核对一致。"),
    ("记录表是否在结束后公布？", "签署后即公布，并附可验证的档案指纹。"),
)
