"""The text in the cells of a table: percent, points, marks; what is missing says why in a footnote."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.rows import Row
from harness.statistics.spread import Spread

ABSENT = "–"
SAME = "="
SEEDS_ALONE = "by seeds alone, which have no two recorded stretches of road in common: speaks of these scans only"

OTHERS = "the others have no score there"
NOWHERE = "no score there: no scored points, or the rule leaves it out"


class Footnotes:
    """Numbers sentences in the order of their first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, sentences: Sequence[str]) -> str:
        """Return the marks of sentences, for example `` [1] [2]``."""
        numbers = {self._numbers.setdefault(sentence, len(self._numbers) + 1) for sentence in sentences}
        return "".join(f" [{number}]" for number in sorted(numbers))

    def lines(self) -> list[str]:
        """Return the sentences with their marks."""
        return [f"[{number}] {sentence}" for sentence, number in self._numbers.items()]


def accuracy(row: Row, notes: Footnotes) -> str:
    """Show the mIoU of a row; of a network that was trained on the split there is none, and the footnote says so."""
    return percent(row.miou) + notes.mark(refusals(row))


def accuracy_alone(row: Row, notes: Footnotes) -> str:
    """Show the mIoU of a row where no column says which of its seeds failed or are missing: footnotes do."""
    absent = [f"seed {seed} has no result" for seed in row.missing]
    return accuracy(row, notes) + notes.mark([*_failures(row), *absent])


def refusals(row: Row) -> list[str]:
    """Return why finished cells of a row have no score: they were trained on what they would be scored on."""
    cards = [result.protocol for result in row.results.values() if result.score is None and result.protocol is not None]
    told = (f"trained on {' and '.join(card.trained_on)}: a score on {card.split} would say nothing" for card in cards)
    return list(dict.fromkeys(told))


def part(figure: Spread | None, row: Row, notes: Footnotes) -> str:
    """Show a row's figure for a class or another part, with a footnote where not all seeds with a score have one."""
    found, scored = 0 if figure is None else figure.n, len(row.scored)
    if found == scored:
        return percent(figure)
    reason = f"{found} of {scored} seeds: the others have no score there" if found else NOWHERE
    return percent(figure) + notes.mark([reason])


def percent(figure: Spread | None) -> str:
    """Show a figure in 0–1 as percent: ``61.3 ± 0.4``."""
    if figure is None:
        return ABSENT
    return f"{100 * figure.mean:.1f}" + ("" if figure.sd is None else f" ± {100 * figure.sd:.1f}")


def points(row: Row, notes: Footnotes) -> str:
    """Show a row's gain in points: ``+1.2 ± 0.3``, and ``+0.4 ± 0.3 =`` where it can't be told from none.

    Also over how many seeds, unless over all that have a score.
    """
    if (gain := row.gain) is None:
        return ABSENT + notes.mark(_without_gain(row))
    text = _points(gain.delta.mean) + ("" if gain.delta.sd is None else f" ± {100 * gain.delta.sd:.1f}")
    text += f" {SAME}" if gain.distinguishable is False else ""
    if gain.delta.n != len(row.mious):
        claim = ", no claim" if gain.comparison is None else ""
        text += f" ({gain.delta.n} of {len(row.mious)} seeds{claim})"
    alone = gain.comparison is not None and gain.comparison.interval.stretches == 0
    return text + notes.mark([SEEDS_ALONE] if alone else [])


def _without_gain(row: Row) -> list[str]:
    """Return why a row with a score has no gain; the student without distillation needs no reason."""
    if row.plain or not row.mious:
        return []
    if row.baseline is None:
        return ["no one student without distillation beside it, with the same recipe, views and, of a student, width"]
    return ["no seed that has a score here and of the student without distillation"]


def mean_interval(row: Row, notes: Footnotes) -> str:
    """Show where a row's mean mIoU lies, in percent: ``60.9 to 61.7``."""
    if (interval := row.interval) is None:
        return ABSENT
    text = f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
    return text + notes.mark([] if interval.stretches else [SEEDS_ALONE])


def gain_interval(row: Row) -> str:
    """Show where a row's gain lies, in points: ``+0.3 to +1.1``."""
    if row.gain is None or row.gain.comparison is None:
        return ABSENT
    interval = row.gain.comparison.interval
    return f"{_points(interval.low)} to {_points(interval.high)}"


def _points(gain: float) -> str:
    return f"{round(100 * gain, 1) + 0.0:+.1f}"  # no -0.0


def number(value: float | None, digits: int) -> str:
    """Show a figure with so many digits after the point."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def seeds(row: Row, notes: Footnotes) -> str:
    """Say how many seeds stand behind a row, and name those that don't."""
    finished, planned = len(row.results), len(row.seeds)
    text = str(finished) if finished == planned else f"{finished} of {planned}"
    problems = [f"seed {seed} failed" for seed in sorted(row.failed)] + [f"seed {seed} missing" for seed in row.missing]
    claim = ["1 seed, no claim"] if len(row.mious) == 1 else []
    remarks = "; ".join([*claim, *problems])
    return text + (f" ({remarks})" if remarks else "") + notes.mark(_failures(row))


def _failures(row: Row) -> list[str]:
    return [f"seed {seed} failed: {' '.join(reason.split())}" for seed, reason in sorted(row.failed.items())]
