"""mIoU: is it below that of the reference by more than its seeds explain?"""

from __future__ import annotations

from collections.abc import Sequence

from harness.gate.finding import Finding, Verdict
from harness.gate.means import ALPHA, Sample, Shift, compare_means
from harness.gate.noise import seed_noise
from harness.gate.rows import Row
from harness.gate.text import signed

FIGURE = "mIoU"


def gate_accuracy(both: Sequence[tuple[Row, Row]]) -> list[Finding]:
    """Compare the mIoU of rows, each alone and together with those of its method, its pair and all.

    A row without a score in the reference, since it was trained on what it would be scored on, has none to compare.
    Seeds that both sides have are tested as if they were others. That errs on the safe side: what two runs of one seed
    have in common moves their difference less than the test expects.

    Args:
        both: each row of the reference with its counterpart, which has results.
    """
    samples = [sample for there, here in both if (sample := _sample(there, here)) is not None]
    noise = seed_noise((sample.pair, sample.reference) for sample in samples)
    told = [sample for sample in samples if sample.pair in noise.pairs]
    rest = [sample for sample in samples if sample.pair not in noise.pairs]
    shifts = compare_means(told, noise)
    seeds = {there.name: _seeds(there, here) for there, here in both}
    return [*(_judge(shift, seeds) for shift in shifts), *map(_without_spread, rest)]


def _sample(there: Row, here: Row) -> Sample | None:
    reference = [(result.spec.seed, result.score.miou) for result in there.finished if result.score is not None]
    now = [result.score.miou for result in here.finished if result.score is not None]
    return Sample(there.name, there.pair, there.method, reference, now) if reference and now else None


def _seeds(there: Row, here: Row) -> str:
    reference, now = ([result.spec.seed for result in row.finished] for row in (there, here))
    same = len(set(now) & set(reference))
    return f"seeds: {len(now)} after {len(reference)}" + (f", of which {same} the same; " if same else "; ")


def _judge(shift: Shift, seeds: dict[str, str]) -> Finding:
    verdict, note = _verdict(shift)
    p = shift.p_rise if verdict == "better" else shift.p_drop
    told = seeds.get(shift.name, "") if shift.level == "row" else ""
    return Finding(
        subject=_subject(shift),
        figure=FIGURE,
        verdict=verdict,
        reference=shift.reference,
        now=shift.now,
        unit="%",
        test=f"t: {told}p = {p:.2g}, {_degrees(shift.degrees)}; line at {signed(-100 * shift.line)}",
        note=note,
    )


def _verdict(shift: Shift) -> tuple[Verdict, str]:
    if shift.p_drop < ALPHA:
        return "regression", ""
    if shift.now < shift.reference <= shift.line:
        return "could not measure", "so few seeds tell so little of their spread that even a score of 0 would pass"
    return ("better", "renew the reference?") if shift.p_rise < ALPHA else ("pass", "")


def _degrees(count: float) -> str:
    return f"{count:.0f} degree{'' if round(count) == 1 else 's'}"


def _subject(shift: Shift) -> str:
    if shift.level == "row":
        return shift.name
    rows = f"{shift.rows} rows together"
    return f"all {rows}" if shift.level == "all" else f"{shift.name}, {rows}"


def _without_spread(sample: Sample) -> Finding:
    """Judge a row whose reference tells of no seed noise: only the very same figure passes."""
    there, here = sample.means
    if there == here:
        return Finding(sample.row, FIGURE, "pass", there, here, "%", "equal")
    note = f"the reference's seeds of {sample.pair} show no spread: it needs two seeds of a row that differ"
    return Finding(sample.row, FIGURE, "could not measure", there, here, "%", note=note)
