"""A row of a table: all seeds of one network trained in one way."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.report.statistics import Spread, spread
from harness.spec import CellResult, CellSpec, TtaSpec

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
        delta: mIoU minus that of the student without distillation, over the seeds that both have, 0–1.
        label: what the row is called in its group.
        differences: what else sets it apart from the group's reference row or from its recipe; each clause becomes a
            footnote.
    """

    spec: CellSpec
    results: dict[int, CellResult] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    tta: TtaSpec | None = None
    delta: Spread | None = None
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
    def mious(self) -> dict[int, float]:
        """MIoU by seed, 0–1."""
        return {seed: result.score.miou for seed, result in self.results.items() if result.score is not None}

    @property
    def miou(self) -> Spread | None:
        """MIoU over the seeds, 0–1."""
        return spread([self.mious[seed] for seed in sorted(self.mious)])

    @property
    def iou(self) -> dict[str, Spread | None]:
        """IoU over the seeds by class name, 0–1."""
        scores = [result.score for _, result in sorted(self.results.items()) if result.score is not None]
        names = scores[0].iou if scores else {}
        by_class = {name: [score.iou[name] for score in scores] for name in names}
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
        """Median time of a scan by machine, ms, the middle one over the seeds; a CPU never fills a GPU's place."""
        times: dict[str, list[float]] = {}
        for result in self.results.values():
            if (latency := result.latency) is not None:
                threads = (
                    f", {latency.threads} {'thread' if latency.threads == 1 else 'threads'}"
                    if latency.device_kind == "CPU"
                    else ""
                )
                machine = f"{latency.device_kind}: {latency.device}{threads}"
                times.setdefault(machine, []).append(latency.end_to_end.p50_ms)
        return {machine: statistics.median(values) for machine, values in times.items()}


def _middle(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None
