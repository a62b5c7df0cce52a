"""The one catalogue: every language says everything, nothing asked for is missing, messages travel and are frozen."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import string
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import messages
from messages import Fault, Invalid, Message, Unknown, catalogue, extract, tidy
from messages.catalogue import FOLDER, LANGUAGES, table
from records.serving.workers import Workers

SCREENS = (
    "admin", "column", "common", "competition", "control", "deposit", "deposits", "export", "family", "filters", "hall", "kpi",
    "leads", "level", "live", "opening", "openness", "opinions", "overview", "remote", "room", "savings", "service", "signin",
    "signout", "state", "table", "tables", "warnings", "witness",
)  # fmt: skip
"""Areas of what the desk's screens say."""
LATIN_IN_CHINESE = ("Excel", "xlsx", "parquet", "rtsp", "room add", r"sunbid(?: [a-z]+)+", "--set")
"""Names that have no Chinese."""


def gaps(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_every_message_with_the_same_parameters(lang: str) -> None:
    chinese, other = table("zh"), table(lang)
    assert len(chinese) > 1000 and set(other) == set(chinese)
    assert {key for key in chinese if gaps(chinese[key]) != gaps(other[key])} == set()
    assert all(gap.isidentifier() for text in other.values() for gap in gaps(text)), (
        "named, and put in as they are"
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_file_of_a_language_is_tidy(lang: str) -> None:
    text = (FOLDER / f"{lang}.po").read_text("utf-8")
    assert text == tidy.tidied(text), "python -m messages.tidy"


def test_every_key_the_code_asks_for_has_words() -> None:
    assert len(extract.asked()) > 500
    assert extract.without_words() == {}


def test_every_message_is_asked_for() -> None:
    assert extract.unused() == []


def test_chinese_words_are_chinese_and_english_ones_english() -> None:
    passing = re.compile("|".join((r"\{\w+\}", *LATIN_IN_CHINESE)))
    for key, text in table("zh").items():
        if key.partition(".")[0] in SCREENS and key != "common.language_name":
            assert not re.search(r"[A-Za-z]{4,}", passing.sub("", text)), key
        assert not re.fullmatch(r"[^\u4e00-\u9fff]*([A-Za-z]+ ){2,}[^\u4e00-\u9fff]*", text), key
    for key, text in table("en").items():
        assert not re.search(r"[\u4e00-\u9fff]", text), key


def test_additions_of_several_people_become_one_sorted_file() -> None:
    ours, theirs = (
        'msgid "b.b"\nmsgstr "B"\n',
        'msgid "a.a"\nmsgstr "A \\"quoted\\""\nmsgid "b.b"\nmsgstr "B"\n',
    )
    assert tidy.tidied(tidy.HEADER + ours + theirs) == tidy.HEADER + theirs
    with pytest.raises(ValueError, match=r"b\.b"):
        tidy.tidied(ours + ours.replace('"B"', '"C"'))
    with pytest.raises(ValueError, match="lost"):
        tidy.tidied('msgid "lost"\nmsgid "a.a"\nmsgstr "A"\n')


def test_a_compiled_file_older_than_its_words_is_not_used(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    source, compiled = tmp_path / "zh.po", tmp_path / "zh.mo"  # type: ignore[operator]
    source.write_text(tidy.HEADER + 'msgid "a.a"\nmsgstr "旧"\n', "utf-8")
    with compiled.open("wb") as out:
        catalogue.compile_po("zh", out)
    assert table.__wrapped__("zh") == {"a.a": "旧"}
    source.write_text(tidy.HEADER + 'msgid "a.a"\nmsgstr "新"\n', "utf-8")
    os.utime(compiled, ns=(0, source.stat().st_mtime_ns - 1))
    assert table.__wrapped__("zh") == {"a.a": "新"}
    assert compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns, "the next process finds it compiled"
    source.write_text(tidy.HEADER, "utf-8")
    os.utime(source, ns=(0, compiled.stat().st_mtime_ns))
    assert table.__wrapped__("zh") == {"a.a": "新"}, "an up-to-date one is read, not compiled again"


MESSAGE = Message(
    "site.hello", who=[Message("site.name"), Decimal("1E+3")], at=datetime(2026, 11, 19, tzinfo=UTC)
)


@pytest.fixture
def hello(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {
        "zh": {"site.hello": "你好 {who} {at}", "site.name": "阳光", "common.comma": "、"},
        "en": {"site.hello": "Hello {who}", "site.name": "Sun"},
        "zz": {"site.name": "Zon"},
    }
    monkeypatch.setattr(messages, "table", words.__getitem__)


@pytest.mark.usefixtures("hello")
def test_a_message_becomes_words_in_the_readers_language_and_survives_every_journey() -> None:
    assert MESSAGE.text("zh") == "你好 阳光、1000 2026-11-19 00:00:00+00:00"
    assert MESSAGE.text("en") == "Hello Sun, 1000"
    back = Message.from_json(json.loads(json.dumps(MESSAGE.to_json())))
    assert back.text("zh") == MESSAGE.text("zh") and back.text("en") == MESSAGE.text("en")
    assert pickle.loads(pickle.dumps(MESSAGE)) == MESSAGE and len({MESSAGE, MESSAGE}) == 1
    with pytest.raises(AttributeError):
        MESSAGE.key = "other"  # type: ignore[misc]


@pytest.mark.usefixtures("hello")
def test_a_third_language_speaks_wherever_all_do_and_changes_no_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messages, "LANGUAGES", ("zh", "en", "zz"))
    monkeypatch.setattr(Workers, "troubles", lambda _: {"disk": Message("site.name")})
    assert Workers().state()["detail"] == "阳光 / Sun / Zon"
    assert Message("site.name").documented() == "阳光 / Sun"
    assert messages.language_of("zz, en;q=0.9") == "zz" and messages.language_of("zh;q=0, *") == "en"


@pytest.mark.usefixtures("hello")
@pytest.mark.parametrize("kind", [Fault, Invalid, Unknown])
def test_a_fault_speaks_the_language_of_its_process(
    kind: type[Fault], monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = pickle.loads(pickle.dumps(kind(Message("site.name"))))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert str(fault) == "Sun" and fault.message == Message("site.name")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert str(fault) == "阳光"


@pytest.mark.usefixtures("hello")
def test_words_that_are_missing_show_their_key_and_fail_only_in_tests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for missing in (Message("site.nothing"), Message("site.hello", other=1)):
        with pytest.raises(KeyError):
            missing.text("zh")
    monkeypatch.setattr(messages, "FORGIVING", True)
    assert Message("site.nothing").text("zh") == "site.nothing"
    assert "site.hello" in Message("site.hello", other=1).text("zh")


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        (None, "zh"), ("", "zh"), ("*", "zh"), ("zz", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en", "en"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"), ("zz, en;q=0.3, zh;q=0.9", "zh"), ("EN-gb;q=0.5, zh;q=0", "en"),
        ("en;q=", "en"), ("en;q=x", "zh"), (";;q=,,", "zh"), ("en; q=0.9, zh; q=0.1", "en"), ("zz, en; q=0.5", "en"),
        ("en;Q=1", "en"), ("en ; q=0.2 , zh ; q=0.7", "zh"), ("en, *;q=0.5", "en"), ("*, en", "en"),
        ("en;q=0, *;q=0", "zh"), ("en;q=nan", "zh"), ("zh;q=0.5, en;q=0.5", "zh"), ("en, zh", "en"), ("en;q=0.5, zh-TW;q=0.5", "en"),
    ],
)  # fmt: skip
def test_the_language_an_http_reader_prefers(header: str | None, lang: str) -> None:
    assert messages.language_of(header) == lang


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "zh"), ({"LANG": "C.UTF-8"}, "zh"), ({"LANG": "en_US.UTF-8"}, "en"), ({"LANG": "en"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN.UTF-8"}, "zh"), ({"LANG": "zh_CN", "LC_MESSAGES": "en_GB"}, "en"),
        ({"LC_ALL": "", "LANG": "en_IE@euro"}, "en"), ({"LANG": "zz_ZZ.UTF-8"}, "zh"),
    ],
)  # fmt: skip
def test_the_language_of_a_process(environment: dict[str, str], lang: str) -> None:
    assert messages.language_of_environment(environment) == lang


BOTH = re.compile(r"[\u4e00-\u9fff].* / [A-Za-z]", re.DOTALL)
DOCUMENTS = {
    "ingest/csv/docs.py", "ingest/kinds/worked_example.py", "supervision/rules/page.py",  # prose of documents in both
    "sunbid/demo/envelopes.py",  # a remark in a record of the demonstration
}  # fmt: skip


def words_of(node: ast.AST) -> str:
    """A text as it is written, what an f-string puts in too."""
    if isinstance(node, ast.JoinedStr):
        return ast.unparse(node)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def called(node: ast.AST) -> str:
    """The last name of what is called; nothing where nothing is."""
    function = node.func if isinstance(node, ast.Call) else None
    return str(getattr(function, "attr", getattr(function, "id", "")))


def compares_languages(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and any(
        isinstance(part, ast.Constant) and part.value in ("zh", "en") for part in ast.walk(node)
    )


def says_a_machines_time(node: ast.AST) -> bool:
    return called(node) in ("Message", "say", "local") and any(
        called(part) in ("rfc3339", "isoformat") for part in ast.walk(node)
    )


@pytest.fixture(scope="module")
def code() -> dict[str, set[str]]:
    """What is looked for in the product's code → files that hold it: all of it is read once."""
    looked_for = {
        "both languages": lambda node: BOTH.search(words_of(node)),
        "compared languages": compares_languages,
        "a machine's time": says_a_machines_time,
    }
    found: dict[str, set[str]] = {what: set() for what in looked_for}
    for path in extract.files():
        for node in ast.walk(ast.parse(path.read_bytes())):
            for what, holds in looked_for.items():
                if holds(node):
                    found[what].add(str(path.relative_to(extract.ROOT)))
    return found


def test_no_text_of_the_code_holds_both_languages(code: dict[str, set[str]]) -> None:
    found = code["both languages"]
    assert "records/migrations/versions/0010_notes_of_the_watch_are_messages.py" in found, (
        "the search finds them"
    )
    assert {file for file in found if "/migrations/" not in file} <= DOCUMENTS


def test_no_code_chooses_words_by_comparing_languages(code: dict[str, set[str]]) -> None:
    """A language is one more .po file: what differs from language to language stands in the catalogue."""
    assert code["compared languages"] == {
        "ingest/csv/write.py",  # headers of spreadsheets are Chinese or the fields' own names
        "dashboard/live/host_desk.py",  # capital numerals 大写 are Chinese alone
    }


def test_no_sentence_holds_a_time_as_machines_write_it(code: dict[str, set[str]]) -> None:
    """2026-11-28T00:16:18.000+08:00 is for programs: a message gets the time as people write it."""
    assert not code["a machine's time"]
