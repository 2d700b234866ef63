"""What a budget takes and leaves out, in lines and for scripts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.cli.amounts import duration

if TYPE_CHECKING:
    from harness.matrix.budget import Choice

SHOWN_LEFT_OUT = 5
"""Cells left out before the rest is only counted."""


def choice_lines(choice: Choice) -> Iterator[tuple[str, str]]:
    """Yield titles and lines: the rule, the cells taken in the order in which they run, the first of those left out."""
    from harness.matrix.budget_rule import RULE, RULE_MEANING

    yield "", ""
    taken = f"{duration(choice.hours)} of {choice.budget_hours:g} device hours taken"
    yield "budget", f"{taken}, by the rule '{RULE}': {RULE_MEANING}"
    to_run = [cell for cell in choice.taken if not cell.finished]
    for number, cell in enumerate(to_run, 1):
        yield "taken" * (number == 1), f"{number:3d} {duration(cell.hours):>7s}  {cell.spec.name}: {cell.reason}"
    if choice.unknown:
        yield "", "?: whether it still fits is asked again before it starts"
    for number, left in enumerate(choice.left_out[:SHOWN_LEFT_OUT]):
        yield "left out" * (number == 0), f"{left.spec.name}: {left.reason}"
    if (more := len(choice.left_out) - SHOWN_LEFT_OUT) > 0:
        yield "", f"and {more} more; --json has all of them with their reasons"


def closing_lines(choice: Choice, refused: Mapping[str, str], ran: Collection[str]) -> Iterator[str]:
    """Yield what a run under a budget did not run, and why; nothing when it ran all.

    Args:
        choice: what the budget allowed before the run.
        refused: why cells were not let start later on, by hash.
        ran: hashes of the cells that have a result.
    """
    left_out = [(left.spec, left.reason) for left in choice.left_out]
    left_out += [
        (spec, refused.get(spec.hash, "its teacher was left out")) for spec in choice.specs if spec.hash not in ran
    ]
    if not left_out:
        return
    cells = "1 cell was" if len(left_out) == 1 else f"{len(left_out)} cells were"
    yield f"{cells} left out by the budget of {choice.budget_hours:g} device hours:"
    for spec, reason in left_out[:SHOWN_LEFT_OUT]:
        yield f"  {spec.name}: {reason}"
    if (more := len(left_out) - SHOWN_LEFT_OUT) > 0:
        yield f"  and {more} more"
    yield "The same command goes on with them under a new budget: finished cells cost nothing."


def choice_json(choice: Choice) -> dict[str, Any]:
    """Return the same, with every cell that is left out."""
    from harness.matrix.budget_rule import RULE

    return {
        "rule": RULE,
        "hours": choice.budget_hours,
        "taken_hours": choice.hours,
        "taken": [
            {"hash": taken.spec.hash, "name": taken.spec.name, "hours": taken.hours, "reason": taken.reason}
            for taken in choice.taken
        ],
        "left_out": [
            {"hash": left.spec.hash, "name": left.spec.name, "reason": left.reason} for left in choice.left_out
        ],
    }
