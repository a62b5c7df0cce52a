"""What stands where nobody and nothing was named: words that programs and people put in, which say nothing of whom or what.

Names of authors and managers, companies and serial numbers are asked against the one list.
"""

from __future__ import annotations

import re
from string import ascii_lowercase, ascii_uppercase

_SEPARATORS = re.compile(r"[\W_]+")
_CAPITAL = str.maketrans(ascii_lowercase, ascii_uppercase)
_PLACEHOLDERS = frozenset(
    [
        "NA",
        "NONE",
        "NULL",
        "NIL",
        "UNKNOWN",
        "UNNAMED",
        "DEFAULT",
        "DEFAULTSTRING",
        "TBD",
        "TOBEFILLEDBYOEM",
        "SYSTEMSERIALNUMBER",
        "无",
        "暂无",
        "没有",
        "未知",
        "不详",
        "未填",
        "待定",
        "空",
        "默认",
        "ADMIN",
        "ADMINISTRATOR",
        "ROOT",
        "USER",
        "USERS",
        "GUEST",
        "OWNER",
        "AUTHOR",
        "PC",
        "IAMLADP",
        "CHINA",
        "作者",
        "用户",
        "管理员",
        "系统管理员",
        "使用者",
        "WINDOWS",
        "WINDOWSUSER",
        "WINDOWS用户",
        "MICROSOFT",
        "MICROSOFTOFFICE",
        "MICROSOFTOFFICEUSER",
        "OFFICE",
        "OFFICEUSER",
        "微软",
        "微软用户",
        "微软中国",
        "LENOVO",
        "DELL",
        "HP",
        "ASUS",
        "WPS",
        "WPSOFFICE",
        "WPS用户",
        "LIBREOFFICE",
        "OPENPYXL",
        "PYTHONDOCX",
        "APACHEPOI",
    ]
)
"""In the form that `pressed` gives."""


def pressed(value: str) -> str:
    """Letters and digits of every script alone, the Latin ones capital: two spellings of one name or serial are the same."""
    return _SEPARATORS.sub("", value).translate(_CAPITAL)


def says_nothing(value: str) -> bool:
    """Whether a name or serial is empty, dashes, or a word that stands for none."""
    kept = pressed(value)
    return not kept or kept in _PLACEHOLDERS
