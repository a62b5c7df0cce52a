"""docs/csv.md: `python -m ingest.csv.docs` writes it from the names and cells the code takes, a test holds it."""

from __future__ import annotations

from pathlib import Path

from ingest import schema
from ingest.csv.names import FILES, HEADERS, coded
from ingest.csv.write import headers
from ingest.kinds.registry import KINDS
from messages import Message

DOCUMENT = Path(__file__).parents[2] / "docs" / "csv.md"

_HEAD = """# CSV 包 / CSV packs

本页由 `python -m ingest.csv.docs` 生成 / generated from the code.

    sunbid import 文件夹 [--format csv] [--source NAME]

一个文件夹是一包：一类记录一个文件（`.csv`、`.tsv`、`.txt`），按下表命名；或一个 `.xlsx`、`.xlsm` 工作簿，一类一张工作表。来源默认为文件夹名（压缩包为其文件名）。
名称不在下表中的 CSV 文件、其他格式的表格略过，各记一条注。例：`examples/tsuchiura`。报告见 [records.md](records.md)。
A folder is a pack: one file a kind, named as below; or an `.xlsx` workbook with a sheet a kind. The source is the folder's name (of an
archive its own). Tables of other names and formats are passed over, with a note. `examples/tsuchiura` is a whole pack.

| 事项 subject | 规则 rule |
|---|---|
| 编码 encoding | UTF-8（有无 BOM 均可）、GB18030（含 GBK、GB2312）、带 BOM 的 UTF-16；可为 `.csv.gz`、`.zip`。不能确定的（如 Big5、Shift_JIS、EUC-KR，或读出的字都不常用）整个拒收，从不猜测；个别坏字节只拒收所在的行 / never guessed; a bad byte costs its row |
| 分隔 delimiter | 逗号、分号、制表符、竖线；可有 `sep=,` 首行；引号按 RFC 4180。未闭合的引号拒收那一行，后面的行照读 / an open quote costs its own row |
| 表头 headers | 中文、英文字段名或国家规范字段名，可混用；末尾 `*`、空格、换行、全角不计；其上的标题行记注 / zh, en or national names; titles above are noted |
| 单位 units | 表头可带单位：`投标报价(万元)`、`price（亿元）`；国家规范金额字段本身以万元计 / the header may carry the unit |
| 编号 key | 每行须有 `key`（编号）；`version` 默认 1，`occurred_at` 默认最早 / every row has a key |
| 金额 money | 可带千分位和 ¥；全角数字可 / separators and full-width digits are read |
| 时间 times | `2026/11/19 9:00`、`2026年11月19日9时30分`、`2026-11-19T09:00:00+08:00`；不带时区为北京时间；只有日期的就是这一天，各处只显示日期 / a day alone is that day, shown without an hour; Beijing time without offset |
| 是否 flags | 是/否、true/false、1/0、yes/no、√/× |
| 代码 codes | 中文或代码均可，如 `公开招标` 或 `open`，见下表 / Chinese words or the codes, as listed below |
| 列表 lists | 分号或顿号隔开；对象列表写 JSON / semicolons; lists of objects as JSON |
| 文本标记 text | 开头的 `'` 和 `="…"` 去掉 / a leading apostrophe and ="…" are taken off |
| 空行空列 empty | 空行、空列不计；比表头短的行按空白读并加注 / empty rows and columns do not count |
| 合计行 totals | 以合计、总计、小计开头的行不是记录，记注 / rows of totals are notes |
| 工作簿 workbook | 读到最后一行，不信工作表自称的大小；按所见取值：日期、百分数（仅持股比例）、补零的编号；隐藏的行、列、工作表一并读入并加注 / read to the end, as shown; what is hidden is read, with a note |

拒收并说明 / refused with the reason: 科学计数法（`9.13301E+17`，位数已丢失）、工作簿中 16 位以上的数字、日期列中的 Excel 序列号
（`45678`）、多出表头的单元格、未知列名、没有结果的公式、`#REF!` 等错误、合并单元格、被改成日期的编号、超过 131,072 字符的单元格、控制字符和看不见的字符、工作簿中出现两次的单元格或行；
重复的表头或没有编号列的表头，整张表只拒收一次。每条拒收写明文件、工作表 `sheet`、行 `line`、列 `column` 和改法。
/ powers of ten, numbers of 16 digits and more in a workbook, Excel day numbers, cells beyond the header, unknown columns, formulas
without a result, errors, merged cells, keys turned into dates, cells too long, control and invisible characters, a cell or row twice in a workbook; a header with a field twice or without
the key is one refusal for the table. Each refusal names file, sheet, line, column and remedy.

空白模板：`sunbid export --format csv --templates --out DIR`；整个账本导出为 CSV 包：`sunbid export --format csv --out DIR`，
每个来源一个文件夹，没有开标事件（完整的开标日志用 OCDS 导出）。
The first command writes empty templates, the second the ledger as packs: a folder a source and no opening events.
"""


def document() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_kind(kind) for kind in KINDS)])


def _kind(kind: str) -> str:
    files = ", ".join(f"`{stem}.csv`" for stem, held in FILES.items() if held == kind)
    about = KINDS[kind].about
    lines = [
        f"## {kind}",
        "",
        about,
        "",
        files,
        "",
        "| 表头 header | field | 类型 type | 必填 |",
        "|---|---|---|---|",
    ]
    zh: dict[str, list[str]] = {}
    for header, name in HEADERS[kind].items():
        zh.setdefault(name, []).append(header)
    described = {name: (words, required) for name, words, required, _ in schema.fields(kind)}
    described |= {"key": ("string", "是"), "version": ("integer", ""), "occurred_at": ("date-time", "")}
    for name in headers(kind):
        words, required = described[name]
        escaped = _coded(kind, name) or words.replace("|", "\\|")
        lines.append(f"| {'、'.join(zh.get(name, ()))} | `{name}` | {escaped} | {required} |")
    if national := KINDS[kind].national:
        names = ", ".join(f"`{theirs}` → `{ours.field}`" for theirs, ours in national.items())
        lines += ["", f"{Message('docs.national').documented()}: {names}"]
    ignored = ", ".join(f"`{name}`" for name in sorted(KINDS[kind].national_ignored))
    return "\n".join(
        [*lines, *(["", f"{Message('docs.taken').documented()}: {ignored}"] if ignored else []), ""]
    )


def _coded(kind: str, name: str) -> str:
    """The codes of a field, each with the words that may stand for it; empty for other fields."""
    codes = coded(kind).get(name, ())
    words = KINDS[kind].codes.get(name, {})
    said = {code: "、".join(word for word, meant in words.items() if meant == code) for code in codes}
    return "；".join(f"`{code}` {said[code]}" for code in codes)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
