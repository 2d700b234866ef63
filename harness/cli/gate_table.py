"""What `harness gate` prints."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

import click

from harness.cli.rows import show_rows
from harness.gate.text import NOTHING, cells, headline
from harness.plain_text import plain

if TYPE_CHECKING:
    from harness.gate.session import Outcome

COLUMNS = 110
"""Where the sentences below the table are broken."""


def show_findings(outcome: Outcome) -> None:
    """Print a table of all that did not simply pass, what each rests on, what did pass, and the verdict."""
    telling = [finding for finding in outcome.findings if finding.verdict != "pass"]
    passed = Counter(finding.figure for finding in outcome.findings if finding.verdict == "pass")
    if telling:
        told = [{column: plain(text) for column, text in cells(finding).items()} for finding in telling]
        tests = [row.pop("test") for row in told]
        rows = [row | {"verdict": finding.verdict} for row, finding in zip(told, telling, strict=True)]
        show_rows(rows, as_json=False, empty="")
        click.echo()
        for row, test, finding in zip(rows, tests, telling, strict=True):
            _show_detail(f"{row['of']}, {row['figure']}", test, plain(finding.note))
    if passed:
        click.echo("passed: " + ", ".join(f"{figure} {count}" for figure, count in passed.items()))
    for change in outcome.changes:
        click.echo(f"changed: {plain(change)}")
    click.echo(f"report: {outcome.files[0].parent} ({', '.join(path.name for path in outcome.files)})")
    click.echo(headline(outcome.findings))


def _show_detail(what: str, *told: str) -> None:
    """Print what a finding rests on below its name, if anything is to be told."""
    lines = [text for text in told if text not in ("", NOTHING)]
    if not lines:
        return
    click.echo(f"{what}:")
    for text in lines:
        click.echo(textwrap.fill(text, COLUMNS, initial_indent="  ", subsequent_indent="    "))
