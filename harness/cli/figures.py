"""The figures of a finished cell, each with its protocol card, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.spec import CellResult

OF_A_SCORE = ("scoring_rule", "split", "tta")
BESIDE = "card, beside the above"


def figure_lines(result: CellResult) -> Iterator[str]:
    """Yield the lines of a finished cell: accuracy, cost and training, and under each number what it rests on."""
    from harness.cli.amounts import counted
    from harness.cli.folded import card_text
    from harness.report.card import card_of_cell, card_with_views

    card = card_of_cell(result)
    unsaid = ("macs.", "latency.", *(OF_A_SCORE if result.score is None else ()))
    shared = {key: value for key, value in card.items() if not key.startswith(unsaid)}
    yield from _accuracy_lines(result)
    yield from card_text(shared, indent="  ")
    if result.tta is not None:
        views, miou = counted(result.tta.views, "view"), 100 * result.tta.score.miou
        yield f"with test-time augmentation, {views}: mIoU {miou:.2f} %"
        seen = card_with_views(result)
        yield from card_text({k: v for k, v in seen.items() if shared.get(k) != v}, BESIDE, "  ")
    if result.macs is not None and result.parameters is not None:
        scans = counted(result.macs.scans, "scan")
        yield f"{result.parameters / 1e6:.3f} M parameters, {result.macs.gmacs_mean:.3f} GMACs ({scans})"
        yield from card_text(_of(card, "macs."), BESIDE, "  ")
    if (latency := result.latency) is not None:
        span, device = latency.end_to_end, f"{latency.device_kind}, {latency.device}"
        yield f"latency p50 {span.p50_ms:.1f} ms, p95 {span.p95_ms:.1f} ms ({device})"
        yield from card_text(_of(card, "latency."), BESIDE, "  ")
    if (training := result.training) is not None:
        cost = f"{training.seconds:.0f} s, peak {training.peak_memory_mib:.0f} MiB"
        yield f"trained {counted(training.steps, 'step')} in {cost}"


def _accuracy_lines(result: CellResult) -> Iterator[str]:
    """Yield the scores, or why there are none."""
    from harness.cli.score_lines import score_lines
    from harness.evaluate.stretches import sequence_scores
    from harness.report.statistics import scoring_rule

    if result.protocol is None:
        return
    split, dataset = result.protocol.split, result.spec.dataset
    if result.score is None:
        yield f"no mIoU: it was trained on {split}, the split that would be scored"
        return
    scans = f"{dataset.scans.get(split, 0)} of {dataset.official_scans.get(split, 0)} scans"
    daggers = " †partial" * dataset.partial + " †synthetic" * dataset.synthetic
    rule = scoring_rule(result)
    sequences = {} if rule is None else sequence_scores(rule, result.score.stretches, list(result.score.iou))
    yield from score_lines(result.score, sequences, f"{split}, {scans}{daggers}, rule {result.protocol.scoring_rule}")


def _of(card: Mapping[str, str], beginning: str) -> dict[str, str]:
    return {key: value for key, value in card.items() if key.startswith(beginning)}
