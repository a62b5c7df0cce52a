"""统一社会信用代码 (GB 32100-2015) and administrative divisions (GB/T 2260)."""

from __future__ import annotations

import re

from stdnum.cn import uscc as _uscc
from stdnum.exceptions import ValidationError

_SHAPE = re.compile(r"^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$")

PROVINCES = {
    "11": ("北京", "Beijing"), "12": ("天津", "Tianjin"), "13": ("河北", "Hebei"), "14": ("山西", "Shanxi"),
    "15": ("内蒙古", "Inner Mongolia"), "21": ("辽宁", "Liaoning"), "22": ("吉林", "Jilin"),
    "23": ("黑龙江", "Heilongjiang"), "31": ("上海", "Shanghai"), "32": ("江苏", "Jiangsu"),
    "33": ("浙江", "Zhejiang"), "34": ("安徽", "Anhui"), "35": ("福建", "Fujian"), "36": ("江西", "Jiangxi"),
    "37": ("山东", "Shandong"), "41": ("河南", "Henan"), "42": ("湖北", "Hubei"), "43": ("湖南", "Hunan"),
    "44": ("广东", "Guangdong"), "45": ("广西", "Guangxi"), "46": ("海南", "Hainan"),
    "50": ("重庆", "Chongqing"), "51": ("四川", "Sichuan"), "52": ("贵州", "Guizhou"), "53": ("云南", "Yunnan"),
    "54": ("西藏", "Tibet"), "61": ("陕西", "Shaanxi"), "62": ("甘肃", "Gansu"), "63": ("青海", "Qinghai"),
    "64": ("宁夏", "Ningxia"), "65": ("新疆", "Xinjiang"), "71": ("台湾", "Taiwan"),
    "81": ("香港", "Hong Kong"), "82": ("澳门", "Macao"),
}  # fmt: skip
"""Two-digit province prefix of GB/T 2260 → short name (zh, en)."""


def looks_like_uscc(code: str) -> bool:
    """Whether `code` has the shape of a USCC: 18 characters of the GB 32100 alphabet."""
    return bool(_SHAPE.match(code))


def uscc_check(code: str) -> bool:
    """Whether the check digit agrees (GB 32100-2015). Some early codes fail it and are legal: warn, don't refuse."""
    try:
        _uscc.validate(code)
    except ValidationError:
        return False
    return True


def uscc_division(code: str) -> str | None:
    """Digits 3–8 of a USCC: the registration authority's division; an inference, not an address."""
    return code[2:8] if looks_like_uscc(code) else None


def division_known(code: str) -> bool:
    """Whether a GB/T 2260 division lies in a province there is; counties change too often to be held against one."""
    return code[:2] in PROVINCES
