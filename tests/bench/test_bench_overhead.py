"""What the harness adds to the work itself: to a training step, to an epoch, to the start of a run, to its help.

The aims: a training of full size takes at most 2 % longer than its steps, planning the matrix `full` at most 1 s, the
help at most 0.3 s. Two ways to the first figure: the parts by themselves, as shares of the recorded step of Cylinder3D
at width 1 and of a step of 100 ms, as on a GPU; and a short training through `train` against a bare loop over the same
batches. docs/benchmarks.md says how the figures stand.
"""

from __future__ import annotations

import io
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fake_plan import finish
from rich.console import Console

from harness.cli.forecast_table import show_plan
from harness.cli.progress import RunProgress
from harness.config.matrix_file import load_matrix
from harness.config.models import BackboneConfig
from harness.config.parts import parts
from harness.config.resolve import resolve_backbone
from harness.data.loader import TrainingScans, load_batches
from harness.data.semantickitti import SemanticKitti
from harness.matrix.budget import choose
from harness.matrix.forecast import forecast
from harness.matrix.plan import plan
from harness.matrix.timing_record import shipped_timings
from harness.matrix.timings import recorded_timings
from harness.matrix.totals import totals
from harness.metrics import MetricsLog
from harness.progress import CellProgress, ProgressFile
from harness.spec import CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.store import Store
from harness.train import checkpoint
from harness.train.finite import Moment, refuse_infinite
from harness.train.learner import Learner, network_voxelizer
from harness.train.loop import CHECKPOINT_SECONDS, TrainingJob, TrainingStep, train
from harness.train.optimiser import learning_rate

TOP = Path(__file__).parents[2]
GPU_STEP_S, EPOCH_STEPS = 0.1, 19_130 // 2
TERMS = {"cross_entropy": 1.25, "lovasz": 0.75, "point_output": 0.01, "voxel_output": 0.02, "point_affinity": 0.003}
SCANS = {"semantickitti": {"train": 19130, "val": 4071}, "nuscenes": {"train": 28130, "val": 6019}}
DEVICE = "an imagined GPU"


def cell(backbone: str, width: float, **changes: object) -> CellSpec:
    """A plain student."""
    config = BackboneConfig(name=backbone, **changes)
    data = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=False, partial=True, scans={}, official_scans={}
    )
    return CellSpec(
        role="student", dataset=data, backbone=resolve_backbone(config, width, 19, "bench"),
        method=MethodSpec(name="none"), recipe=RecipeSpec(epochs=1, batch_size=1), seed=0, engine="portable",
    )  # fmt: skip


def recorded_step_s() -> float:
    """Seconds of a full-size step, two scans, as this project recorded it on a CPU."""
    text = (TOP / "results/measured/profile/cylinder3d-w1.0.txt").read_text()
    found = re.search(r"step ([\d.]+) s", text)
    assert found is not None
    return 2 * float(found[1])


@pytest.mark.benchmark(group="overhead of a step")
def test_what_a_step_costs_besides_its_work(benchmark, tmp_path: Path) -> None:
    """A line in the log, the learning rate, progress.json and the display."""
    log, file, recipe = MetricsLog(tmp_path / "metrics.jsonl"), ProgressFile(tmp_path / "progress.json"), RecipeSpec()
    with RunProgress(Console(file=io.StringIO())) as display:
        display.cell("a cell", 1, 1)

        def step() -> None:
            rate = learning_rate(5000, EPOCH_STEPS, recipe)
            log.append(5000, 0, rate, TERMS)
            display.step(TrainingStep(0, 5000, 15 * EPOCH_STEPS, 2, TERMS))
            file.write(CellProgress(phase="train", done=5000, total=15 * EPOCH_STEPS, time=time.time()))

        benchmark.pedantic(step, rounds=200, iterations=5, warmup_rounds=5)
    seconds = benchmark.stats.stats.median
    benchmark.extra_info |= {
        "share_of_recorded_step": seconds / recorded_step_s(),
        "share_of_100_ms_step": seconds / GPU_STEP_S,
    }


@pytest.mark.benchmark(group="overhead of a checkpoint")
def test_what_a_checkpoint_of_full_size_costs(benchmark, tmp_path: Path) -> None:
    """Cylinder3D at width 1 with Adam: looked through for NaN, serialised, hashed, synced to the disk."""
    learner = Learner(cell("cylinder3d", 1.0), [1] * 20, None, torch.device("cpu"))
    for parameter in learner.trained:
        parameter.grad = torch.full_like(parameter, 1e-3)
    learner.optimiser.step()
    facts = {"spec": "s", "seconds": 0.0, "peak_memory_mib": 0.0, "devices": []}
    spans: dict[str, list[float]] = {"looking for NaN": [], "writing": []}
    steps = iter(range(1, 100))

    def save() -> None:
        begun, number = time.perf_counter(), next(steps)
        refuse_infinite(learner.state(), Moment(0, number))
        looked = time.perf_counter()
        checkpoint.save(tmp_path, {**facts, "step": number, **learner.state()})
        spans["looking for NaN"].append(looked - begun)
        spans["writing"].append(time.perf_counter() - looked)

    benchmark.pedantic(save, rounds=3, iterations=1, warmup_rounds=1)
    seconds = benchmark.stats.stats.median
    epoch_s = EPOCH_STEPS * GPU_STEP_S
    between_s = epoch_s / math.ceil(epoch_s / CHECKPOINT_SECONDS)  # one ends each epoch, and the clock begins anew
    benchmark.extra_info |= {
        "mib": max(path.stat().st_size for path in tmp_path.glob("*.pt")) / 2**20,
        "looking_s": statistics.median(spans["looking for NaN"]),
        "writing_s": statistics.median(spans["writing"]),
        "share_of_recorded_training": seconds / CHECKPOINT_SECONDS,
        "share_at_100_ms_steps": seconds / between_s,
    }


@pytest.mark.benchmark(group="train against a bare loop")
@pytest.mark.usefixtures("one_thread")
def test_a_training_against_its_bare_steps(benchmark, tmp_path: Path, write_sequences: Callable[..., Path]) -> None:
    """The same batches in the same process, in turn: through `train`, and by `Learner.step` alone."""
    root = write_sequences({"00": 12}, points=20_000)
    spec = cell("minkowskinet", 0.25, voxel_size_m=0.2)
    dataset, voxelize, device = SemanticKitti(root, partial=True), network_voxelizer(spec.backbone), torch.device("cpu")
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), spec.recipe.augmentation, 0)
    counts, times = (1,) * 20, {"train": [], "bare": []}  # type: ignore[var-annotated]

    def bare() -> None:
        learner = Learner(spec, counts, None, device)
        for number, batch in enumerate(load_batches(scans, range(1), 1, voxelize, 0, 0)):
            learner.step(batch, learning_rate(number, 12, spec.recipe), number)

    def both() -> None:
        job = TrainingJob(spec, scans, voxelize, counts, None, tmp_path / f"cell-{len(times['train'])}", device)
        job.folder.mkdir()
        for name, work in (("bare", bare), ("train", lambda: train(job, lambda step: None, lambda sentence: None))):
            begun = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - begun)

    bare()
    benchmark.pedantic(both, rounds=5, iterations=1)
    median = {name: statistics.median(seconds) for name, seconds in times.items()}
    more_s = statistics.median(t - b for t, b in zip(times["train"], times["bare"], strict=True))
    benchmark.extra_info |= {
        "step_ms": 1e3 * median["bare"] / 12,
        "ratio": statistics.median(t / b for t, b in zip(times["train"], times["bare"], strict=True)),
        "more_ms": 1e3 * more_s,
    }


def planned() -> list[CellSpec]:
    """The cells of `full`, on data sets of full size that nobody has to have."""
    specs = []
    for part in parts(load_matrix("full")):
        name = part.dataset.name
        data = DatasetSpec(
            name=name, manifest=name, label_map="l", synthetic=False, partial=False, scans=SCANS[name],
            official_scans=SCANS[name],
        )  # fmt: skip
        specs += plan(part, data, 16 if name == "nuscenes" else 19)
    return specs


@pytest.mark.benchmark(group="plan the matrix full")
@pytest.mark.parametrize("finished", [0, 108])
def test_planning_the_full_matrix(benchmark, tmp_path: Path, finished: int) -> None:
    """From the file's name to the printed forecast, with a budget, over an empty store and over a finished one."""
    store = Store(tmp_path)
    for spec in planned()[:finished]:
        finish(store, spec)

    def dry_run() -> int:
        specs = planned()
        forecasts = forecast(specs, store, [*recorded_timings(store), *shipped_timings()], DEVICE)
        choice = choose(specs, forecasts, 100.0)
        sums = totals(choice.specs, forecasts, 4, tmp_path)
        show_plan(Console(file=io.StringIO()), specs, forecasts, sums, DEVICE, choice)
        return len(specs)

    assert benchmark.pedantic(dry_run, rounds=5, iterations=1, warmup_rounds=1) == 108


@pytest.mark.benchmark(group="answer")
@pytest.mark.parametrize("what", ["python -c pass", "harness --help", "harness run --help"])
def test_the_help_answers_at_once(benchmark, what: str) -> None:
    arguments = ["-c", "pass"] if what.startswith("python") else ["-m", *what.split()]

    def call() -> None:
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=TOP)

    benchmark.pedantic(call, rounds=10, iterations=1, warmup_rounds=1)
