"""Seconds per scan of full-size cells here: `python ci/time_cells.py FILE --semantickitti DIR [--methods NAME …]`.

Every backbone at widths 1.0 and 0.5 without distillation, and the student of 0.5 beside the teacher of 1.0 with each
method: a step with a batch of one full-size scan, after one that is not counted, and for the plain ones a prediction.
Reading and voxelising are counted in, as without loader workers. FILE is what forecasts are made from; see
docs/running.md. One thread unless OMP_NUM_THREADS says otherwise, on a GPU where there is one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import torch

from backbones.backbone import Backbone
from backbones.build import NAMES
from backbones.sparse.engine import get_engine
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.loader import TrainingScans
from harness.data.semantickitti import SemanticKitti
from harness.data.step_batch import StepBatch
from harness.files import write_text
from harness.heap import keep_freed_memory
from harness.matrix.timing_record import TimedCell, TimingRecord
from harness.matrix.timings import device_label
from harness.measure.memory import PeakMemory
from harness.spec import CellSpec, DatasetSpec, RecipeSpec
from harness.train.learner import Learner, network_voxelizer

METHODS = ("logit_kd", "fitnets", "attention_transfer", "pvd")
COUNTS = (0, *[10**6] * 8, *[10**3] * 11)
"""Labelled points by class that a method is told of: common classes and rare ones."""
ROUNDS = 2
TEACHER, STUDENT = 1.0, 0.5


def cell(backbone: str, width: float, method: str) -> CellSpec:
    """Return a cell with batches of one scan."""
    data = DatasetSpec(
        name="semantickitti", manifest="", label_map="", synthetic=False, partial=True, scans={}, official_scans={}
    )
    return CellSpec(
        role="student",
        dataset=data,
        backbone=resolve_backbone(BackboneConfig(name=backbone), width, 19, "BACKBONE"),
        method=resolve_method(MethodConfig(name=method), "METHOD"),
        recipe=RecipeSpec(batch_size=1),
        seed=0,
        engine=get_engine("auto").name,
    )


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the median time of some rounds after one that is not counted."""
    times = []
    for _ in range(1 + ROUNDS):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def timed(spec: CellSpec, teacher: Backbone | None, scans: TrainingScans, device: torch.device) -> TimedCell:
    """Make steps of a cell and predictions of its network."""
    memory, voxelize = PeakMemory(device), network_voxelizer(spec.backbone)
    learner = Learner(spec, COUNTS, teacher, device)
    train_s = seconds(lambda: learner.step(StepBatch.whole(0, scans.batch(0, scans.scan_ids, voxelize)), 0.0), device)
    # What earlier cells of this process have freed stays with it on a CPU: only a GPU tells the peak of this one.
    peak_mib = round(memory.mib()) if device.type == "cuda" else None
    network = learner.student.eval()

    def predict() -> torch.Tensor:
        return network(scans.batch(0, scans.scan_ids, voxelize).to(device)).point_logits.argmax(dim=1)

    with torch.no_grad():
        evaluate_s = seconds(predict, device)
    return TimedCell(
        dataset="semantickitti",
        backbone=spec.backbone.name,
        width=spec.backbone.width,
        teacher_width=None if teacher is None else TEACHER,
        method=spec.method.label,
        train_s=round(train_s, 4),
        evaluate_s=round(evaluate_s, 4),
        voxels=len(scans.batch(0, scans.scan_ids, voxelize).coordinates),
        memory_mib=peak_mib,
    )


def cells(names: list[str], methods: list[str], scans: TrainingScans, device: torch.device) -> Iterator[TimedCell]:
    """Yield the plain networks of each backbone, then its student with each method."""
    for name in names:
        yield timed(cell(name, TEACHER, "none"), None, scans, device)
        yield timed(cell(name, STUDENT, "none"), None, scans, device)
        teacher = Learner(cell(name, TEACHER, "none"), COUNTS, None, device).student
        for method in methods:
            yield timed(cell(name, STUDENT, method), teacher, scans, device)


def main() -> None:
    """Write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--semantickitti", type=Path, required=True)
    parser.add_argument("--scan", default="00/000000")
    parser.add_argument("--backbones", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    arguments = parser.parse_args()
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset, recipe = SemanticKitti(arguments.semantickitti, partial=True), RecipeSpec(batch_size=1)
    scans = TrainingScans(dataset, (arguments.scan,), recipe.augmentation, seed=0)
    record = TimingRecord(
        device=device_label(device),
        engine=get_engine("auto").name,
        batch_size=1,
        command=f"python ci/time_cells.py FILE --semantickitti DIR --scan {arguments.scan}",
        date=date.today().isoformat(),
        source=f"a training step and a prediction of scan {arguments.scan}, median of {ROUNDS} after one more",
        cells=tuple(cells(arguments.backbones, arguments.methods, scans, device)),
    )
    write_text(arguments.file, record.model_dump_json(indent=1, exclude_none=True) + "\n")


if __name__ == "__main__":
    main()
