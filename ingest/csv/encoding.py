"""In which encoding a CSV file is, found from the whole of it; where that is not certain it is refused, never guessed.

A byte-order mark decides. Without one the file is UTF-8 if all of it is. If not, it is a damaged UTF-8 file where
more of what is not ASCII reads as UTF-8 than does not, and GB18030 where that reads as Chinese: its characters are
common ones, and some of them are those any Chinese text has. Korean, Japanese, Russian or Big5 read so are not.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import IO

_MARKS = (
    (b"\xff\xfe\x00\x00", ""), (b"\x00\x00\xfe\xff", ""), (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_CHUNK = 1 << 20
_LONG_UTF8 = re.compile(rb"[\xe3-\xe9\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}")
"""A character of Chinese, Japanese or Korean in UTF-8; by chance such bytes are rare in other encodings."""
_STRAY = re.compile(rb"[\x80-\xff]")
_PAIR = re.compile(rb"([\x81-\xfe])([\x40-\x7e\x80-\xfe])")
_USUAL = re.compile(
    "[的一不是在了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部"
    "度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数"
    "公司工程有限责任建设集团项目标段投名称编号市区县路省镇村街园校院局馆站场房楼厂店科技术贸易股份招购备注甲乙丙丁金额价元万亿保证签评审专家杭州江浙"
    "东西南北京上海广山河湖宁波温绍兴嘉金华衢舟台丽深圳津渝川鲁豫苏皖赣湘鄂粤桂琼黔滇藏陕甘青疆蒙辽吉沪王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊陆郝孔白崔康毛邱秦史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文施工监理设计勘察服务采材料设备安装装修绿化道排管网桥梁隧轨交通]"
)
"""Characters of which any Chinese table holds some; what is read wrongly as GB18030 holds them by chance only."""
_REMEDY = "请另存为 UTF-8 / save it as UTF-8"


@dataclass(frozen=True)
class Encoding:
    """The name of an encoding, or (name empty) why there is none. Bytes that do not fit are left as surrogates."""

    name: str
    reason: str = ""


def find(file: IO[bytes]) -> Encoding:
    """The encoding of a file, which is read to its end and must be seekable."""
    file.seek(0)
    head = file.read(_CHUNK)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name) if name else Encoding("", f"编码是 UTF-32 / it is UTF-32; {_REMEDY}")
    broken = _first_break(file, "utf-8")
    if broken is None:
        return _without_nul(head)
    return _broken(file, broken)


def _without_nul(head: bytes) -> Encoding:
    if head.count(0) * 8 > len(head):
        return Encoding("", f"像是没有 BOM 的 UTF-16 / looks like UTF-16 without a mark; {_REMEDY}")
    return Encoding("utf-8")


def _broken(file: IO[bytes], at: int) -> Encoding:
    """What a file is that is not UTF-8 at byte `at`, counted from 0."""
    file.seek(max(0, at - (_CHUNK >> 4)))
    sample = file.read(_CHUNK)
    if 0 in sample:
        return Encoding("", f"含有 NUL 字节，不是文本 / holds NUL bytes, is no text; {_REMEDY}")
    asian = len(_LONG_UTF8.findall(sample))
    strays = len(_STRAY.findall(_LONG_UTF8.sub(b"", sample)))
    if asian * 3 >= strays:
        return Encoding("utf-8")
    pairs = _PAIR.findall(sample)
    rare = sum(lead < b"\xa1" or trail < b"\xa1" or b"\xa4" <= lead <= b"\xa7" for lead, trail in pairs)
    read = sample.decode("gb18030", "surrogateescape")
    breaks = sum("\udc80" <= c <= "\udcff" for c in read)
    if any("\ue000" <= c <= "\uf8ff" for c in read):
        breaks = len(pairs)  # characters of nobody: Big5 and its like read as GB18030
    usual = len(_USUAL.findall(read))
    if pairs and rare * 3 <= len(pairs) and breaks * 10 <= len(pairs) <= usual * 5:
        return Encoding("gb18030")
    return Encoding(
        "",
        f"编码不是 UTF-8、GB18030 或 UTF-16（第 {at + 1} 字节起）/ not UTF-8, GB18030 or UTF-16; {_REMEDY}",
    )


def _first_break(file: IO[bytes], name: str) -> int | None:
    """Where a file stops being in an encoding."""
    decoder = codecs.getincrementaldecoder(name)()
    file.seek(0)
    done = 0
    while True:
        chunk = file.read(_CHUNK)
        kept = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, not chunk)
        except UnicodeDecodeError as error:
            return done - kept + error.start
        if not chunk:
            return None
        done += len(chunk)


def bad_byte(text: str, encoding: str) -> str | None:
    """The first byte of a text that did not fit its encoding, and where it stands; None if all did."""
    found = re.search("[\udc80-\udcff]", text)
    if found is None or encoding.startswith("utf-16"):
        return None
    name = "UTF-8" if encoding.startswith("utf-8") else "GB18030"
    place = len(text[: found.start()].encode(encoding.removesuffix("-sig"), "surrogateescape")) + 1
    byte = f"0x{ord(found[0]) - 0xDC00:02X}"
    return (
        f"本行第 {place} 字节 {byte} 不是 {name}，请改正这个字 / byte {place} of the line, {byte}, is not {name}: "
        "put the character right"
    )
