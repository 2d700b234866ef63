"""A row of a table: all seeds of one network trained in one way."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.report.statistics import Gain
from harness.report.timings import Timing
from harness.spec import CellResult, CellSpec, TtaSpec
from harness.statistics.interval import Interval
from harness.statistics.spread import Spread, spread

NO_METHOD = "none"


@dataclass
class Row:
    """All seeds of one network trained in one way.

    Attributes:
        spec: of any of its cells; the seed and the teacher's seed mean nothing here.
        results: finished cells by seed.
        failed: reason by seed.
        missing: seeds that are planned and have no result.
        tta: the views that its figures come from; None without test-time augmentation.
        interval: 95 % confidence interval of the mean mIoU, 0–1; None for one seed.
        baseline: row of the student without distillation that it is compared with; None where there is none.
        gain: over that student; None without a seed that both have.
        macs_ratio: multiply-accumulates of the teacher over this student's; None without a teacher beside it.
        parameters_ratio: parameters of the teacher over this student's, likewise.
        timings: of its network, by machine.
        label: what the row is called in its group.
        differences: what else sets it apart from the group's reference row or from its recipe; each clause becomes a
            footnote.
    """

    spec: CellSpec
    results: dict[int, CellResult] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    tta: TtaSpec | None = None
    interval: Interval | None = None
    baseline: Row | None = field(default=None, repr=False)
    gain: Gain | None = None
    macs_ratio: float | None = None
    parameters_ratio: float | None = None
    timings: dict[str, Timing] = field(default_factory=dict)
    label: str = ""
    differences: list[str] = field(default_factory=list)

    @property
    def group(self) -> tuple[str, ...]:
        """Rows of one group are compared: same data, backbone and grid."""
        dataset, backbone = self.spec.dataset, self.spec.backbone
        return (
            dataset.name,
            backbone.name,
            json.dumps([backbone.voxel_size_m, backbone.settings], sort_keys=True),
            dataset.model_dump_json(),
        )

    @property
    def seeds(self) -> list[int]:
        """Seeds of all its cells, finished or not."""
        return sorted([*self.results, *self.failed, *self.missing])

    @property
    def plain(self) -> bool:
        """Whether this is a student without distillation."""
        return self.spec.role == "student" and self.spec.method.name == NO_METHOD

    @property
    def scored(self) -> dict[int, CellResult]:
        """Finished cells with a score, by seed in order; those trained on what they would be scored on have none."""
        return {seed: result for seed, result in sorted(self.results.items()) if result.score is not None}

    @property
    def mious(self) -> dict[int, float]:
        """MIoU by seed, 0–1."""
        return {seed: result.score.miou for seed, result in self.results.items() if result.score is not None}

    @property
    def miou(self) -> Spread | None:
        """MIoU over the seeds, 0–1."""
        return spread([self.mious[seed] for seed in sorted(self.mious)])

    @property
    def delta(self) -> Spread | None:
        """MIoU minus that of the student without distillation, over the seeds that both have, 0–1."""
        return None if self.gain is None else self.gain.delta

    @property
    def iou(self) -> dict[str, Spread | None]:
        """IoU over the seeds by class name, 0–1."""
        scores = [result.score for result in self.scored.values() if result.score is not None]
        names = dict.fromkeys(name for score in scores for name in score.iou)
        by_class = {name: [score.iou.get(name) for score in scores] for name in names}
        return {name: spread([value for value in values if value is not None]) for name, values in by_class.items()}

    @property
    def gmacs(self) -> float | None:
        """Multiply-accumulates of a scan, 10⁹, mean over the counted scans."""
        return _middle(result.macs.gmacs_mean for result in self.results.values() if result.macs is not None)

    @property
    def parameters_m(self) -> float | None:
        """Parameters of the network, millions."""
        counts = (result.parameters for result in self.results.values())
        return _middle(count / 1e6 for count in counts if count is not None)

    @property
    def latency_ms(self) -> dict[str, float]:
        """Median time of a scan by machine, ms."""
        return {machine: timing.p50_ms for machine, timing in self.timings.items()}


def _middle(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None
