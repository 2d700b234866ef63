from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.finding import VERDICTS, Finding, Verdict
from harness.gate.junit import to_junit
from harness.gate.report import to_record, write_report
from harness.gate.summary import to_summary
from harness.gate.text import COLUMNS, amount, cells, change, headline

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FINDINGS = [
    Finding("kitti spvnas", "mIoU", "regression", 0.61234, 0.58, "%", "t: p = 0.001"),
    Finding("kitti spvnas", "MACs", "pass", 11.5, 11.5, "G", "equal"),
    Finding("kitti spvnas", "latency", "could not measure", note="unstable: throttled"),
    Finding("nuscenes spvnas", "results", "new"),
    Finding("kitti spvnas", "peak memory", "better", 5000, 4000, "MiB", "at most 3% more", "renew the reference?"),
]
hostile = st.builds(
    Finding,
    subject=st.text(min_size=1),
    figure=st.text(min_size=1),
    verdict=st.sampled_from(VERDICTS),
    reference=st.none() | st.floats(0, 1e12),
    now=st.none() | st.floats(0, 1e12),
    unit=st.sampled_from(["", "%", "G", "ms", "MiB"]),
    test=st.text(),
    note=st.text(),
)


def test_figures_are_told_with_their_units() -> None:
    assert amount(0.61234, "%") == "61.23 %"
    assert amount(115.34321, "G") == "115.34 G"
    assert amount(1_520_331, "") == "1 520 331"
    assert amount(None, "ms") == "–"
    assert [change(finding) for finding in FINDINGS] == ["−3.23 points", "none", "–", "–", "−20.00%"]
    assert change(Finding("a", "b", "regression", 0, 5)) == "–"
    assert cells(FINDINGS[2])["verdict"] == "could not measure: unstable: throttled"


@pytest.mark.parametrize(
    "verdicts, expected",
    [
        (["pass", "pass", "better", "new"], "passed: 1 new, 1 better, 2 pass"),
        (["could not measure", "regression"], "worse: 1 regression, 1 could not measure"),
        (["pass", "could not measure"], "incomplete: 1 could not measure, 1 pass"),
        ([], "incomplete: nothing compared"),
    ],
)
def test_the_headline_is_the_worst_of_all(verdicts: list[Verdict], expected: str) -> None:
    assert headline([Finding("a", "b", verdict) for verdict in verdicts]) == expected


def test_junit_counts_what_it_lists() -> None:
    top = ElementTree.fromstring(to_junit(FINDINGS, MADE, 1.5))
    suite = top[0]
    assert (top.tag, suite.tag, len(top)) == ("testsuites", "testsuite", 1)
    assert suite.attrib == {
        "name": "harness gate", "tests": "5", "failures": "1", "errors": "1", "skipped": "1", "time": "1.500",
        "timestamp": "2026-01-02T03:04:05",
    }  # fmt: skip
    cases = suite.findall("testcase")
    assert [(case.get("classname"), case.get("name")) for case in cases] == [(f.subject, f.figure) for f in FINDINGS]
    assert [case[0].tag for case in cases] == ["failure", "system-out", "error", "skipped", "system-out"]
    assert cases[0][0].get("message") == "61.23 % → 58.00 % (−3.23 points); regression"
    assert cases[0][0].get("type") == "failure"
    assert "type" not in cases[3][0].attrib
    assert "verdict: could not measure: unstable: throttled" in (cases[2][0].text or "")


@given(st.lists(hostile, max_size=4))
def test_junit_is_xml_whatever_a_name_or_a_reason_says(findings: list[Finding]) -> None:
    suite = ElementTree.fromstring(to_junit(findings, MADE, 0).encode())[0]
    listed = [case[0].tag for case in suite.findall("testcase")]
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert suite.get(attribute) == str(listed.count(tag))
    assert suite.get("tests") == str(len(findings))


def test_what_xml_can_not_say_is_marked() -> None:
    finding = Finding("a\x00b\x1b[2J", '<mIoU> & "x"', "regression", note="\ufffe\ud800]]>")
    case = ElementTree.fromstring(to_junit([finding], MADE, 0).encode())[0][0]
    assert case.get("classname") == "a\ufffdb\ufffd[2J"
    assert case.get("name") == '<mIoU> & "x"'
    assert "regression: \ufffd\ufffd]]>" in (case[0].text or "")


def test_the_summary_shows_what_did_not_simply_pass_first() -> None:
    page = to_summary(FINDINGS, ["torch: 2.14; in the reference 2.13"], "results/measured/h200")
    head, folded = page.split("<details>")
    assert head.startswith("## Gate: worse: 1 regression, 1 could not measure, 1 new, 1 better, 1 pass\n")
    assert "* torch: 2.14; in the reference 2.13" in head
    assert "| kitti spvnas | mIoU | 61.23 % | 58.00 % | −3.23 points | t: p = 0.001 | regression |" in head
    assert "| kitti spvnas | MACs |" in folded
    assert "<summary>What passed: 1</summary>" in folded
    assert "<details>" not in to_summary([FINDINGS[0]], [], "ref")


@given(st.lists(hostile, min_size=1, max_size=4))
def test_every_row_of_the_summary_has_all_columns_and_no_markup_of_others(findings: list[Finding]) -> None:
    rows = [line for line in to_summary(findings, [], "ref").split("\n") if line.startswith("| ")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == len(COLUMNS) + 1
        assert "<" not in row
    assert sum(not row.startswith(("| of |", "| ---")) for row in rows) == len(findings)


def test_the_report_is_three_files_written_whole(tmp_path: Path) -> None:
    paths = write_report(tmp_path / "gate", FINDINGS, ["a"], "ref", MADE, 2.0)
    assert sorted(path.name for path in (tmp_path / "gate").iterdir()) == ["findings.json", "junit.xml", "summary.md"]
    assert {path.name for path in paths} == {"findings.json", "junit.xml", "summary.md"}
    record = json.loads((tmp_path / "gate" / "findings.json").read_text())
    assert record == to_record(FINDINGS, ["a"], "ref")
    assert (record["exit_code"], record["findings"][0]["now"]) == (1, 0.58)
