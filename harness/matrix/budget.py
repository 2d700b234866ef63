"""Which cells to run in the hours there are: those that compare PVD with the plain student first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.matrix.budget_rule import rule_order
from harness.matrix.forecast import Forecast
from harness.spec import CellSpec

SHORTEST_HOURS = 0.05
"""Less is told in seconds."""


@dataclass(frozen=True)
class Taken:
    """A cell that the budget has room for.

    Attributes:
        spec: the cell.
        reason: why it is at its place.
        hours: device hours left; None when nobody knows.
        finished: it is done already.
    """

    spec: CellSpec
    reason: str
    hours: float | None
    finished: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A cell that the budget has no room for, and what it would need."""

    spec: CellSpec
    reason: str


@dataclass(frozen=True)
class Choice:
    """What a budget allows.

    Attributes:
        budget_hours: device hours that were given.
        taken: in the order in which they are to run, each teacher before its students; finished cells too.
        left_out: in the order of the rule.
        hours: of all taken whose hours are known.
    """

    budget_hours: float
    taken: tuple[Taken, ...]
    left_out: tuple[LeftOut, ...]
    hours: float

    @property
    def specs(self) -> list[CellSpec]:
        """The cells taken, in the order in which they are to run."""
        return [taken.spec for taken in self.taken]

    @property
    def unknown(self) -> list[CellSpec]:
        """Cells taken although nobody knows their hours: whether they fit is asked again before each starts."""
        return [taken.spec for taken in self.taken if taken.hours is None]


def choose(specs: Sequence[CellSpec], forecasts: Mapping[str, Forecast], hours: float) -> Choice:
    """Take cells by the rule while they fit into a number of device hours.

    The known hours of those taken never exceed the budget, but for cells that run already, which are counted first. A
    cell of unknown hours is taken while there is anything left. The order of `specs` decides which of the methods goes
    first, and nothing else.

    Args:
        specs: the cells of a plan, with the teachers that they need.
        forecasts: of all of them, by hash.
        hours: of device time.
    """
    by_hash = {spec.hash: spec for spec in specs}
    order = rule_order(by_hash, forecasts)
    running = [(key, "runs now") for key in sorted(by_hash) if forecasts[key].status == "running"]
    taken: dict[str, Taken] = {}
    left_out: list[LeftOut] = []
    spent = 0.0
    for key, reason in [*running, *order]:
        if key in taken:
            continue
        group = _with_teacher(key, by_hash, forecasts, taken.keys())
        cost = sum(forecasts[member].hours or 0.0 for member in group)
        unknown = any(forecasts[member].unknown for member in group)
        fits = spent + cost < hours if unknown else spent + cost <= hours
        if not fits and forecasts[key].status not in ("running", "finished"):
            with_teacher = any(forecasts[member].status != "finished" for member in group if member != key)
            left_out.append(LeftOut(by_hash[key], _needs(cost, unknown, with_teacher, hours - spent)))
            continue
        spent += cost
        for member in group:
            why = reason if member == key else f"teacher for {by_hash[key].method.label}"
            finished = forecasts[member].status == "finished"
            why = "finished before" if finished else why
            taken[member] = Taken(by_hash[member], why, forecasts[member].hours, finished)
    return Choice(hours, tuple(taken.values()), tuple(left_out), spent)


def refuse_unknown(choice: Choice, executor: str, device: str) -> None:
    """Refuse a budget whose cells are all handed over at once while nobody knows how long some of them take.

    Args:
        choice: what the budget allows.
        executor: that submits all cells at once.
        device: of the forecasts.

    Raises:
        HarnessError: some cell's hours are unknown.
    """
    if unknown := choice.unknown:
        names = unknown[0].name + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
        expected = f"a timing for every cell, since --executor {executor} submits all of them at once"
        remedy = "Run a cell of each kind to its end first (--only), or use --executor debug or local, which ask again."
        raise HarnessError("--budget", f"no timing for {names} on {device}", expected, remedy)


def _with_teacher(
    key: str, by_hash: Mapping[str, CellSpec], forecasts: Mapping[str, Forecast], taken: Collection[str]
) -> list[str]:
    """Return a cell behind the teacher that has to be trained for it, if any has."""
    teacher = by_hash[key].teacher
    done = forecasts[key].status in ("finished", "running")
    if done or teacher is None or teacher not in by_hash or teacher in taken:
        return [key]
    return [teacher, key]


def _needs(cost: float, unknown: bool, with_teacher: bool, left: float) -> str:
    """Say why a cell was left out."""
    needed = "needs nobody knows how many hours" if unknown else f"needs {_length(cost)}"
    return f"{needed}{' with its teacher' if with_teacher else ''}, {_length(max(left, 0))} are left"


def _length(hours: float) -> str:
    """Return hours as a budget is given, and what would be none of them in seconds."""
    return f"{hours:.1f} h" if hours >= SHORTEST_HOURS or hours == 0 else f"{3600 * hours:.2g} s"
