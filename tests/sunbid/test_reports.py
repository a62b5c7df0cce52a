"""Reports of the command line: one file, whole by itself, that says what the command found."""

from __future__ import annotations

import importlib.util
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.dashboard.seeded import copied
from tests.needed import needed
from tests.sunbid.test_cli import ROOT, sunbid

RELEASES = Path(__file__).parents[1] / "supervision" / "cardinal"


class Page(HTMLParser):
    """What stands in a page: the words it shows, the tags it has, and the addresses it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words, self.tags, self.fetched = "", list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "xlink:href")
        ]

    def handle_data(self, data: str) -> None:
        self.words += data + " "


def read(path: Path) -> Page:
    """The report, which must be whole without anything from outside."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.fetched == [] and "script" not in page.tags
    assert not re.search(r"url\((?!#)|@import", text)
    return page


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    """Twelve tenders of four bidders; in the first three of them prices are all but equal."""
    rows = ["tender_id,bidder_id,bid_value,date"]
    for tender in range(12):
        for bidder in range(4):
            step = 0.1 if tender < 3 else 9 + tender
            rows.append(f"T{tender},firm {bidder} <b>&,{100 + step * bidder:.2f},2026-01-{tender + 1:02d}")
    path = tmp_path / "bids.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_a_report_of_collusion_has_pictures_tenders_and_pairs(tmp_path: Path, bids: Path) -> None:
    report = tmp_path / "report.html"
    answer = sunbid(tmp_path, "collusion", "--dataset", str(bids), "--report", str(report), "--json")
    assert answer.returncode == 0, answer.stderr
    told = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(told) == 12, "the report takes nothing from what is printed"
    page = read(report)
    assert page.tags.count("svg") == 2
    assert all(one["tender_id"] in page.words for one in told)
    assert "firm 0 <b>& · firm 1 <b>&" in page.words, "names are text, never markup"
    assert "仅供核查" in page.words


def test_a_report_follows_the_language_of_its_environment(tmp_path: Path, bids: Path) -> None:
    report = tmp_path / "report.html"
    sunbid(tmp_path, "collusion", "--dataset", str(bids), "--report", str(report), LC_ALL="en_US.UTF-8")
    assert "Collusion scores" in read(report).words
    assert not re.search("[\u4e00-\u9fff]", read(report).words.replace("Noto Sans CJK SC", ""))


def test_a_report_of_reviewers_lists_them_by_effect(tmp_path: Path) -> None:
    rows = ["session_id,reviewer_id,subject_id,score"]
    for session in range(40):
        for reviewer in "ABCDE":
            for subject in range(4):
                kind = 9 if reviewer == "A" and subject == 0 else 0
                rows.append(
                    f"{session},{reviewer},{subject},{70 + (session * 7 + subject * 5 + ord(reviewer)) % 9 + kind}"
                )
    table, report = tmp_path / "scores.csv", tmp_path / "report.html"
    table.write_text("\n".join(rows), encoding="utf-8")
    answer = sunbid(tmp_path, "bias", "--dataset", str(table), "--report", str(report), "--json")
    assert answer.returncode == 0, answer.stderr
    page = read(report)
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert all(one["reviewer_id"] in page.words for one in found)
    assert any(one["flag"] and one["tendency"] < 0 for one in found) and "偏高的反照" in page.words


def test_a_report_of_flags_counts_by_indicator(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    release = {"ocid": "ocds-1", "buyer": {"id": "B"}, "bids": {"details": [
        {"id": str(n), "status": "valid", "value": {"amount": 100, "currency": "CNY"}, "tenderers": [{"id": f"F{n}"}]} for n in range(3)
    ]}}  # fmt: skip
    file = tmp_path / "releases.jsonl"
    file.write_text(json.dumps(release) + "\nnot json\n", encoding="utf-8")
    answer = sunbid(tmp_path, "flags", str(file), "--report", str(report))
    assert answer.returncode == 0, answer.stderr
    page = read(report)
    assert "R028" in json.dumps(json.loads(answer.stdout)) and "R028" in page.words
    assert "ocds-1" in page.words and "F0" in page.words


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration market's folder."""
    return copied(tmp_path_factory)


def scanned(market: Path, *words: str) -> list[str]:
    """`sunbid scan --json` over the market: its findings, sorted."""
    answer = sunbid(market, "scan", "--json", *words, SUNBID_DATABASE_URL=f"sqlite:///{market / 'ledger.db'}")
    assert answer.returncode == 0, answer.stderr
    return sorted(answer.stdout.splitlines())


def test_a_report_of_a_scan_has_every_rule_that_found_something(tmp_path: Path, market: Path) -> None:
    report = tmp_path / "report.html"
    found = scanned(market, "--report", str(report))
    page = read(report)
    assert found and "svg" in page.tags
    for rule in {json.loads(line)["rule"] for line in found}:
        assert f"{rule} " in page.words


def test_since_says_which_findings_it_does_not_narrow(tmp_path: Path, market: Path) -> None:
    report, database = tmp_path / "report.html", f"sqlite:///{market / 'ledger.db'}"
    asked = ("scan", "--since", "2099-01-01", "--rule", "R038", "--rule", "R018", "--report", str(report))
    answer = sunbid(market, *asked, "--json", SUNBID_DATABASE_URL=database)
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert found and {(one["rule"], one["evidence"]["period"]) for one in found} == {("R038", "all")}
    assert (
        note := f"其中 {len(found)} 项（R038）"
    ) in answer.stderr and "不限于 2099-01-01 以后" in answer.stderr
    assert note in read(report).words
    assert note in sunbid(market, *asked[:-2], SUNBID_DATABASE_URL=database).stdout


def test_a_report_that_cannot_be_written_is_said(tmp_path: Path, bids: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = sunbid(
        tmp_path, "collusion", "--dataset", str(bids), "--report", str(tmp_path / "file" / "report.html")
    )
    assert answer.returncode == 1
    assert "未能写入" in answer.stderr and "Traceback" not in answer.stderr
    missing = tmp_path / "missing"
    answer = sunbid(tmp_path, "collusion", "--dataset", str(bids), "--report", str(missing / "report.html"))
    assert answer.returncode == 1 and f"没有目录 {missing}" in answer.stderr and not missing.exists()
    before = bids.read_bytes()
    answer = sunbid(tmp_path, "collusion", "--dataset", str(bids), "--report", str(bids))
    assert answer.returncode == 1 and "不是报告" in answer.stderr and bids.read_bytes() == before


def test_without_pyspark_a_scan_on_spark_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pyspark.py").write_text("raise ImportError('not here')")
    assert sunbid(tmp_path, "db", "upgrade").returncode == 0
    answer = sunbid(tmp_path, "scan", "--engine", "spark", PYTHONPATH=f"{hidden}:{ROOT}")
    assert answer.returncode == 1
    assert "sunbid[spark]" in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.soak
def test_spark_finds_what_duckdb_finds(market: Path) -> None:
    needed(importlib.util.find_spec("pyspark"), "pyspark (pip install sunbid[spark])")
    assert scanned(market, "--engine", "spark") == scanned(market)
