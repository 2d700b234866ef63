"""Long lines folded to the width of the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping

NARROWEST, UNLESS_TOLD = 40, 100
"""Columns: what is left of a terminal however narrow, and where there is none."""


def card_text(card: Mapping[str, str], title: str = "card", indent: str = "") -> Iterator[str]:
    """Yield a protocol card in words below its title."""
    from harness.report.card_words import card_lines

    yield f"{indent}{title}"
    for line in card_lines(card):
        yield from folded(line, f"{indent}  ")


def folded(line: str, indent: str = "") -> Iterator[str]:
    """Yield a line in pieces that fit the terminal, those after the first further in; no word is broken."""
    yield from textwrap.wrap(
        line,
        max(NARROWEST, shutil.get_terminal_size((UNLESS_TOLD, 24)).columns - 2),
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
