"""The eleven indicators against Cardinal's own examples, its documented settings and exclusions, odd releases, parts."""

from __future__ import annotations

import gzip
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from messages import Invalid, local
from sunbid.cli import app
from supervision.flags import file as files
from supervision.flags.file import Tally, count_file, nothing, refuse_what_is_no_json_lines
from supervision.flags.one_process import instant
from supervision.flags.release import read_release
from supervision.flags.settings import INDICATORS, Settings, parse_settings, read_settings
from supervision.flags.statistics import lower_fence, quantile, upper_fence

EXAMPLES = Path(__file__).parent / "cardinal"


def flagged(*releases: Any, ini: str | None = None) -> dict[str, Any]:
    tally = Tally(Settings() if ini is None else parse_settings(ini))
    for number, raw in enumerate(releases):
        release = read_release({"ocid": str(number), **raw} if isinstance(raw, dict) else raw)
        if release is not None:
            tally.fold(release)
    return tally.finish()


def bid(
    who: str | list[str], amount: float | None = None, status: str = "valid", **more: Any
) -> dict[str, Any]:
    names = [who] if isinstance(who, str) else who
    value = {} if amount is None else {"value": {"amount": amount, "currency": more.pop("currency", "USD")}}
    return {"status": status, "tenderers": [{"id": name} for name in names], **value, **more}


def award(who: str | list[str], status: str = "active", *codes: str) -> dict[str, Any]:
    names = [who] if isinstance(who, str) else who
    items = {"items": [{"classification": {"id": code}} for code in codes]} if codes else {}
    return {"status": status, "suppliers": [{"id": name} for name in names], **items}


def process(*bids: dict[str, Any], awards: Any = (), **more: Any) -> dict[str, Any]:
    return {"bids": {"details": list(bids)}, "awards": list(awards), **more}


def period(start: str, end: str, **tender: Any) -> dict[str, Any]:
    return {"tender": {"tenderPeriod": {"startDate": start, "endDate": end}, **tender}}


# ── Cardinal's own examples ──────────────────────────────────────────────────


@pytest.mark.parametrize("code", INDICATORS)
def test_the_examples_of_the_documentation_come_out_as_it_says(code: str) -> None:
    ini = EXAMPLES / f"{code}.settings.ini"
    chosen = read_settings(ini) if ini.exists() else Settings()
    counted = count_file(EXAMPLES / f"{code}.jsonl", chosen, nothing, nothing)
    assert counted.flags == json.loads((EXAMPLES / f"{code}.expected.json").read_text())


def test_the_command_prints_one_json_object_and_says_what_it_left_out(tmp_path: Path) -> None:
    text = (EXAMPLES / "R036.jsonl").read_text()
    path = tmp_path / "odd.jsonl"
    path.write_text(f"not json\n\n[1]\n{text}")
    run = subprocess.run(
        [sys.executable, "-m", "sunbid", "flags", str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == '{"OCID":{"F":{"R036":1.0}}}\n'
    first, second, last = run.stderr.splitlines()
    assert "odd.jsonl" in first and "1" in first and "odd.jsonl" in second and "3" in second
    assert str(text.count("\n") + 3) in last


def test_records_count_as_their_releases_and_a_package_is_called_one(tmp_path: Path) -> None:
    path, release = (
        tmp_path / "records.jsonl",
        json.loads((EXAMPLES / "R036.jsonl").read_text().splitlines()[0]),
    )
    lines = [{"ocid": "OCID", "compiledRelease": release}, {"releases": [release]}]
    path.write_text("\n".join(map(json.dumps, lines)))
    empty = tmp_path / "empty.ini"
    empty.write_text("")
    counted = count_file(path, Settings(), nothing, nothing)
    assert counted.flags == {"OCID": {"F": {"R036": 1.0}}}
    assert [(line.number, line.why.key) for line in counted.bad] == [(2, "flags.package")]
    run = CliRunner().invoke(app, ["flags", str(path), "--settings", str(empty)])
    assert run.stdout == "{}\n" and str(empty) in run.stderr
    empty.write_bytes("; 设置".encode("gb18030"))
    run = CliRunner().invoke(app, ["flags", str(path), "--settings", str(empty)])
    assert run.exit_code == 2 and local("flags.settings_no_utf8", file=empty) in run.stderr


def test_of_a_file_that_is_no_json_lines_only_the_first_lines_are_named(tmp_path: Path) -> None:
    path = tmp_path / "words.jsonl"
    path.write_text("no json\n" * 100)
    run = subprocess.run(
        [sys.executable, "-m", "sunbid", "flags", str(path)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1 and len(run.stderr.splitlines()) == 23


def test_a_file_of_another_kind_is_refused_once_with_what_to_do(tmp_path: Path) -> None:
    whole = json.dumps({"releases": [{"ocid": str(n)} for n in range(100)]}, indent=1)
    kinds = {
        "jq -c": whole.encode(),
        "gunzip": gzip.compress(whole.encode()),
        "iconv": '{"ocid": "标段"}\n'.encode("gbk"),
        "iconv ": '{"ocid": "A"}\n'.encode("utf-16-le"),
    }
    for what_to_do, content in kinds.items():
        path = tmp_path / "release.jsonl"
        path.write_bytes(content)
        with pytest.raises(Invalid, match=what_to_do.strip()):
            refuse_what_is_no_json_lines(path)
    for fine in (
        b"",
        b"\xef\xbb\xbf{}\n{}\n",
        '{"ocid": "标"}'.encode(),
        ("标" * 70_000).encode(),
        b'{"ocid": "A"}\n{"ocid": "caf\xe9"}\n',
    ):
        path.write_bytes(fine)
        refuse_what_is_no_json_lines(path)


def test_bad_settings_end_the_command_with_2_and_say_what_is_wrong(tmp_path: Path) -> None:
    ini = tmp_path / "wrong.ini"
    ini.write_text("[R024]\nthreshold = many\n")
    command = [sys.executable, "-m", "sunbid", "flags", str(EXAMPLES / "R024.jsonl"), "--settings", str(ini)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and "[R024] threshold = many" in run.stderr and run.stdout == ""


# ── settings ─────────────────────────────────────────────────────────────────


def test_only_indicators_with_a_section_are_computed_and_comments_are_none() -> None:
    chosen = parse_settings(
        "currency = USD ; main\n[R035]\n; threshold = 9\nthreshold = 3 # three\n[codelists.bid_status]\nx = y\n"
    )
    assert (chosen.enabled, chosen.currency, chosen.r035_threshold) == ({"R035"}, "USD", 3)
    assert parse_settings("").enabled == frozenset()
    assert parse_settings("[R003.procurement_method_details]\nLicitación A = 7").enabled == {"R003"}


@pytest.mark.parametrize(
    ("ini", "names"),
    [
        ("[R099]\n", "R099"),
        ("[R024]\nfence = 1\n", "fence"),
        ("[R028]\nthreshold = 1\n", "threshold"),
        ("[R025]\npercentile = 101\n", "percentile"),
        ("[R048]\ndigits = two\n", "two"),
        ("[R038]\nminimum_submitted_bids = -1\n", "-1"),
        ("colour = red\n", "colour"),
        ("[R024]\nthreshold\n", "2"),
    ],
)  # fmt: skip
def test_what_is_unknown_or_wrong_is_named(ini: str, names: str) -> None:
    with pytest.raises(Invalid, match=names):
        parse_settings(ini)


# ── R003 · R018 ──────────────────────────────────────────────────────────────


def test_r003_counts_whole_days_in_any_zone() -> None:
    exactly = period("2020-01-01T00:00:00Z", "2020-01-15T19:00:00-05:00")
    short = period("2020-01-01T00:00:00Z", "2020-01-15T23:59:59.999Z")
    assert flagged(exactly, short, ini="[R003]") == {"OCID": {"1": {"R003": 1.0}}}
    assert flagged(short, ini="[R003]\nthreshold = 14") == {}


def test_r003_by_kind_of_procedure_and_method() -> None:
    ten = ("2020-01-01T00:00:00Z", "2020-01-11T00:00:00Z")
    ini = "[R003]\nprocurement_methods = open|selective\n[R003.procurement_method_details]\nCotización = 10\n"
    urgent = period(*ten, procurementMethod="open", procurementMethodDetails="Cotización")
    usual, direct = period(*ten, procurementMethod="selective"), period(*ten, procurementMethod="direct")
    assert flagged(urgent, usual, direct, period(*ten), ini=ini) == {"OCID": {"1": {"R003": 1.0}}}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("2020-01-01T00:00:00Z", True), ("2020-01-01t00:00:00.5z", True), ("2020-01-01 00:00:60+08:00", True),
        ("2020-01-01T00:00:00−05:00", True), ("2020-01-01", False), ("2020-01-01T00:00:00", False),
        ("2020-01-01T00:00Z", False), ("2020-13-01T00:00:00Z", False), ("20200101T000000+0000", False), (5, False),
        ("2020-01-01T00:00:00+08:60", False), (None, False),
    ],
)  # fmt: skip
def test_times_are_rfc_3339_or_none(text: Any, known: bool) -> None:
    assert (instant(text) is not None) is known


def test_r018_one_tenderer_in_a_competitive_method() -> None:
    def tender(number: Any, method: str | None = "open") -> dict[str, Any]:
        return {"tender": {"numberOfTenderers": number, "procurementMethod": method}}

    found = flagged(tender(1), tender(2), tender(1.0), tender(True), tender(1, "direct"), tender(1, None))
    assert found == {"OCID": {"0": {"R018": 1.0}}}
    assert flagged(tender(1, "direct"), ini="[R018]\nprocurement_methods = direct|") == {
        "OCID": {"0": {"R018": 1.0}}
    }
    assert flagged(tender(1, None), ini='[R018]\nprocurement_methods = ""') == {"OCID": {"0": {"R018": 1.0}}}


# ── R024 · R058 ──────────────────────────────────────────────────────────────


def gap(percent: float, **more: Any) -> dict[str, Any]:
    return process(bid("W", 100), bid("L", 100 + percent), awards=[award("W")], **more)


def test_r024_and_r058_take_a_threshold_inclusively() -> None:
    assert flagged(gap(5), gap(6), ini="[R024]\nthreshold = 0.05") == {
        "OCID": {"0": {"R024": 0.05}}, "Tenderer": {"W": {"R024": 0.0}, "L": {"R024": 0.0}},
    }  # fmt: skip
    assert flagged(gap(5), gap(6), ini="[R058]\nthreshold = 0.06") == {
        "OCID": {"1": {"R058": 0.06}}, "Tenderer": {"W": {"R058": 0.0}},
    }  # fmt: skip
    assert flagged(gap(0), gap(0), gap(0), gap(9), ini="[R024]\n[R058]\n") == {}, "no fence of nothing"


@pytest.mark.parametrize(
    "left_out",
    [
        {"awards": [award("W"), award("X", "pending")]},
        {"awards": [award("W"), award("X")]},
        {"awards": [award(["W", "X"])]},
        {"awards": []},
        {"bids": {"details": [bid("W", 100), bid("L", 99)]}},
        {"bids": {"details": [bid("W", 100), bid(["L", "M"], 105)]}},
        {"bids": {"details": [bid("W", 100), bid("L", 105, "disqualified")]}},
        {"bids": {"details": [bid("W", 100), bid("L", 105, currency="EUR")]}},
        {"tender": {"status": "cancelled"}},
        {"ocid": 7},
    ],
)  # fmt: skip
def test_what_cardinal_leaves_out_of_the_gaps_is_left_out(left_out: dict[str, Any]) -> None:
    ini = "[R024]\nthreshold = 0.5"
    assert flagged(gap(5), ini=ini) != {}
    assert flagged(gap(5) | left_out, ini=ini) == {}


def test_cancelled_awards_were_earlier_attempts_and_the_winners_lowest_bid_counts() -> None:
    tried = process(bid("W", 100), bid("W", 90), bid("L", 99), awards=[award("X", "cancelled"), award("W")])
    assert flagged(tried, ini="[R024]\nthreshold = 1")["OCID"] == {"0": {"R024": 0.1}}


def test_procedures_without_comparable_prices() -> None:
    drawn, auction = {"procurementMethodDetails": "Sorteo"}, {"procurementMethodDetails": "Auction"}
    three = (gap(5, tender=drawn), gap(5, tender=auction), gap(5))
    tail = "[R024]\nthreshold = 0.5"
    assert set(
        flagged(*three, ini=f"no_price_comparison_procurement_methods = Sorteo|Rifa\n{tail}")["OCID"]
    ) == {"1", "2"}
    assert set(flagged(*three, ini=f"price_comparison_procurement_methods = Auction\n{tail}")["OCID"]) == {
        "1"
    }
    assert set(flagged(*three, ini=f"{tail}\n[exclusions]\nprocurement_method_details = Sorteo")["OCID"]) == {
        "1",
        "2",
    }


def test_the_main_currency_is_the_first_met_or_the_one_chosen() -> None:
    euro = process(bid("W", 100, currency="EUR"), bid("L", 101, currency="EUR"), awards=[award("W")])
    assert set(flagged(gap(5), euro, ini="[R024]\nthreshold = 1")["OCID"]) == {"0"}
    assert set(flagged(gap(5), euro, ini="currency = EUR\n[R024]\nthreshold = 1")["OCID"]) == {"1"}


# ── R025 · R048 ──────────────────────────────────────────────────────────────


def test_r025_counts_a_bidder_once_a_process_and_takes_percentile_and_threshold() -> None:
    lost = [process(bid("F", 9), bid("F", 8), bid(f"W{n}", 7), awards=[award(f"W{n}")]) for n in range(4)]
    assert flagged(*lost, ini="[R025]\nthreshold = 0.1")["Tenderer"] == {"F": {"R025": 0.0}}
    won = process(bid("F", 1), awards=[award("F")])
    assert flagged(*lost, won, ini="[R025]\nthreshold = 0.2\npercentile = 100") == {
        "Tenderer": {"F": {"R025": 0.2}}
    }


def test_r048_counts_trades_by_digits_over_enough_processes_of_sole_suppliers() -> None:
    two = [
        process(awards=[award("F", "active", "10110000", "10220000"), award(["F", "G"], "active", "99")])
    ] * 2
    ini = "[R048]\nthreshold = 2\nminimum_contracting_processes = 2\n"
    assert flagged(*two, ini=ini) == {}
    assert flagged(*two, ini=f"{ini}digits = 4") == {"Tenderer": {"F": {"R048": 2.0}}}
    assert flagged(two[0], ini=f"{ini}digits = 4") == {}


# ── R028 · R030 · R035 · R036 · R038 ─────────────────────────────────────────


def test_r028_different_tenderers_same_price_and_currency() -> None:
    same = process(
        bid("A", 5), bid("B", 5.0, "pending"), bid("C", 5, currency="EUR"), bid("D", 5, "withdrawn")
    )
    assert flagged(same, ini="[R028]")["Tenderer"] == {"A": {"R028": 1.0}, "B": {"R028": 1.0}}
    assert flagged(process(bid("A", 5), bid("A", 5)), ini="[R028]") == {}
    assert set(flagged(process(bid(["A", "B"], 5), bid("A", 5)), ini="[R028]")["Tenderer"]) == {"A", "B"}


def test_r030_compares_times_as_written() -> None:
    ends = {"tenderPeriod": {"endDate": "2020-01-02T00:00:00Z"}}
    late = process(
        bid("W", date="2020-01-02T00:00:01Z"), bid("L", date="2020-01-03"), awards=[award("W")], tender=ends
    )
    assert flagged(late, ini="[R030]") == {"OCID": {"0": {"R030": 1.0}}, "Tenderer": {"W": {"R030": 1.0}}}
    late["awards"][0]["status"] = "pending"
    assert flagged(late, ini="[R030]") == {}


def test_r035_all_others_disqualified() -> None:
    alone = process(
        bid("V"), bid("V", None, "disqualified"), bid("D", None, "disqualified"), awards=[award("V")]
    )
    assert flagged(alone, ini="[R035]\nthreshold = 0") == {
        "OCID": {"0": {"R035": 1.0}},
        "Tenderer": {"V": {"R035": 0.0}},
    }
    assert flagged(alone, ini="[R035]\nthreshold = 2") == {}
    assert flagged(alone | {"awards": [award("D")]}, ini="[R035]") == {}


def test_r036_of_equal_lowest_bids_the_first_told_counts() -> None:
    first, second = bid("D", 5, "disqualified"), bid("V", 5)
    assert flagged(process(first, second, awards=[award("V")]), ini="[R036]") == {
        "OCID": {"0": {"R036": 1.0}}
    }
    assert flagged(process(second, first, awards=[award("V")]), ini="[R036]") == {}
    assert flagged(process(first, awards=[award("D")]), ini="[R036]") == {}, "no valid bid with a price"
    assert flagged(process(first, second), ini="[R036]") == {}, "nothing awarded"


def test_r038_in_each_group_from_its_least_number_on() -> None:
    body = {"buyer": {"id": "B"}, "tender": {"procuringEntity": {"id": "P"}}}
    half = process(bid("F"), bid("F", None, "disqualified"), **body)
    assert flagged(half, ini="[R038]\nthreshold = 0.5") == {
        "Buyer": {"B": {"R038": 0.5}}, "ProcuringEntity": {"P": {"R038": 0.5}}, "Tenderer": {"F": {"R038": 0.5}},
    }  # fmt: skip
    more = "[R038]\nthreshold = 0.5\nminimum_submitted_bids = 3\nminimum_contracting_processes = 3"
    assert flagged(half, ini=more) == {}


# ── odd releases, parts, quartiles ───────────────────────────────────────────

ODD = [None, True, 1, 1.5, "x", [], {}, [None], ["x"], [{}], {"id": 1}, {"id": "F"}, [{"id": "F"}, 7]]
WHOLE = {
    "tender": period("2020-01-01T00:00:00Z", "2020-02-01T00:00:00Z", procuringEntity={"id": "P"})["tender"],
    "buyer": {"id": "B"},
    **process(
        bid("F", 3, date="2021"),
        bid(["F", "G"], 3),
        awards=[award("F", "active", "1011"), award("G", "pending")],
    ),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, held in inner for place in places(held, (*path, key)))]


@given(st.lists(st.tuples(st.sampled_from(places(WHOLE)[1:]), st.sampled_from(ODD)), max_size=3))
def test_no_release_is_too_odd(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    release = json.loads(json.dumps(WHOLE))
    for (*way, last), odd in changes:
        holder: Any = release
        for step in way:
            holder = holder[step] if isinstance(holder, dict | list) and _has(holder, step) else None
        if isinstance(holder, dict | list) and _has(holder, last):
            holder[last] = odd
    json.dumps(flagged(release, gap(5)), allow_nan=False)


def _has(holder: Any, step: Any) -> bool:
    return step in holder if isinstance(holder, dict) else isinstance(step, int) and step < len(holder)


@pytest.mark.parametrize("line", ["null", "[]", '"x"', "7", '{"ocid": null}', "{}"])
def test_what_is_no_release_is_none(line: str) -> None:
    assert flagged(json.loads(line) if line != "{}" else []) == {}


def test_a_price_of_nothing_does_not_stop_the_rest() -> None:
    free = process(bid("W", 0), bid("L", 5), awards=[award("W")])
    assert flagged(free, ini="[R058]\nthreshold = 0.1")["OCID"] == {"0": {"R058": None}}


def test_a_file_in_parts_counts_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.releases import write_releases

    path = tmp_path / "many.jsonl"
    write_releases(path, 600)
    lines = path.read_text().splitlines()
    euro = json.dumps(
        {
            "ocid": "euro",
            **process(bid("E", 1, currency="EUR"), bid("G", 3, currency="EUR"), awards=[award("E")]),
        }
    )
    lines[300:300] = ["{broken", "", euro]
    path.write_text("\n".join(lines))
    whole = count_file(path, Settings(), nothing, nothing)
    monkeypatch.setattr(files, "SMALLEST", 1)
    monkeypatch.setattr(files, "LARGEST", 40_000)
    monkeypatch.setattr(files.os, "sched_getaffinity", lambda _: {0, 1})
    said: list[int] = []
    parts = count_file(path, Settings(), lambda bad: said.append(bad.number), nothing)
    assert parts == whole and said == [301] and whole.lines == 603
    assert "euro" not in whole.flags["OCID"]


def test_a_byte_order_mark_before_the_first_release_loses_nothing(tmp_path: Path) -> None:
    source = EXAMPLES / "R018.jsonl"
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
    plain, read = (count_file(path, Settings(), nothing, nothing) for path in (source, marked))
    assert read == plain and read.bad == []


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_quartiles_lie_among_the_values_and_fences_beyond_them(values: list[float]) -> None:
    q1, q3 = quantile(values, 0.25), quantile(values, 0.75)
    assert min(values) <= q1 <= q3 <= max(values) or math.isclose(q1, q3)
    assert upper_fence(values) >= q3 - 1e-6 and lower_fence(values)[0] <= q1 + 1e-6


def test_quantiles_of_type_8_by_hand() -> None:
    values = [float(v) for v in random.sample(range(1, 11), 10)]
    assert quantile(values, 0.25) == pytest.approx(2.9166666666666665) and quantile(values, 0.5) == 5.5
    assert math.isnan(quantile([], 0.5)) and quantile([3.0], 0.25) == 3.0
