"""Findings as a page of Markdown, for the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.gate.finding import Finding
from harness.gate.text import COLUMNS, cells, headline

_MARKS = re.compile(r"([\\`*_{}\[\]|#~])")


def to_summary(findings: Sequence[Finding], changes: Sequence[str], reference: str) -> str:
    """Return a page: verdict, what changed beside the figures, a table of all that did not simply pass, and the rest.

    Args:
        findings: of the gate.
        changes: sentences about versions and devices.
        reference: its folder.
    """
    telling = [finding for finding in findings if finding.verdict != "pass"]
    passed = [finding for finding in findings if finding.verdict == "pass"]
    blocks = [f"## Gate: {_escape(headline(findings))}", f"Reference: {_escape(reference)}."]
    if changes:
        blocks.append("Other than in the reference:\n\n" + "\n".join(f"* {_escape(change)}" for change in changes))
    if telling:
        blocks.append(_table(telling))
    if passed:
        blocks.append(f"<details><summary>What passed: {len(passed)}</summary>\n\n{_table(passed)}\n\n</details>")
    return "\n\n".join(blocks) + "\n"


def _table(findings: Sequence[Finding]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "| " + " | ".join("---" for _ in COLUMNS) + " |"]
    lines += ["| " + " | ".join(map(_escape, cells(finding).values())) + " |" for finding in findings]
    return "\n".join(lines)


def _escape(text: str) -> str:
    """Return text as one line that Markdown and HTML take for nothing but text."""
    line = "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
    return _MARKS.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
