"""Findings as JUnit XML, which the pages of CI systems read: a test case for each figure.

A regression is a failure, what could not be measured an error, what the reference does not have is skipped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree

from harness.gate.finding import Finding, Verdict
from harness.gate.text import cells, headline

SUITE = "harness gate"
_TAGS: Mapping[Verdict, str] = {"regression": "failure", "could not measure": "error", "new": "skipped"}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to say, not even escaped."""


def to_junit(findings: Sequence[Finding], made: datetime, seconds: float) -> str:
    """Return a document with one test suite.

    Args:
        findings: a test case each; the class is what the figure is of.
        made: when the gate began, in UTC: the schema has no place for a zone.
        seconds: that it took.
    """
    counts = Counter(_TAGS.get(finding.verdict, "passed") for finding in findings)
    numbers = {
        "tests": str(len(findings)),
        "failures": str(counts["failure"]),
        "errors": str(counts["error"]),
        "skipped": str(counts["skipped"]),
        "time": f"{seconds:.3f}",
    }
    top = ElementTree.Element("testsuites", {"name": SUITE, **numbers})
    suite = ElementTree.SubElement(
        top, "testsuite", {"name": SUITE, **numbers, "timestamp": made.strftime("%Y-%m-%dT%H:%M:%S")}
    )
    for finding in findings:
        _add(suite, finding)
    ElementTree.SubElement(suite, "system-out").text = headline(findings)
    ElementTree.indent(top)
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ElementTree.tostring(top, encoding="unicode") + "\n"


def _add(suite: ElementTree.Element, finding: Finding) -> None:
    told = {key: _clean(text) for key, text in cells(finding).items()}
    case = ElementTree.SubElement(suite, "testcase", {"classname": told["of"], "name": told["figure"], "time": "0.000"})
    text = "\n".join(f"{key}: {value}" for key, value in told.items())
    if tag := _TAGS.get(finding.verdict):
        ElementTree.SubElement(case, tag, _about(tag, told)).text = text
    else:
        ElementTree.SubElement(case, "system-out").text = text


def _about(tag: str, told: Mapping[str, str]) -> dict[str, str]:
    message = f"{told['reference']} → {told['now']} ({told['change']}); {told['verdict']}"
    return {"message": message} if tag == "skipped" else {"message": message, "type": tag}


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
