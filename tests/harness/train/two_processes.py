"""What `test_several_processes` looks at, made by two processes of torchrun: ``two_processes.py DATA OUT``."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
from test_loop import make_job

from backbones.build import build_backbone
from harness.data.loader import load_batches
from harness.data.share import Share
from harness.evaluate.confusion import EvaluationCounts
from harness.evaluate.distance import band_of_tensor
from harness.evaluate.evaluate import predict
from harness.matrix.data import read_batches
from harness.train.fabric import FabricProcesses
from harness.train.loop import TrainingStep, train
from harness.train.processes import FailedElsewhere, Processes
from harness.train.sitting import Sitting, Stopped

METHODS = ("fitnets", "pvd")
ROUNDS = "rounds"
MICRO_BATCH = {"fitnets": 2, "pvd": 2, ROUNDS: 1}
"""Of a process alone that makes the same parts; that of `ROUNDS` is given to the two as well."""

NAN = "failing_methods:NanOnOneScan"
BATCH = {"batch_size": 3}
"""Of five scans: in parts of two and one, and at the end of an epoch one part for two processes."""


def jobs(data: Path, out: Path) -> dict[str, object]:
    """The trainings that are compared."""
    whole = {name: make_job(data, out / name, name, **BATCH) for name in METHODS}
    rounds = make_job(data, out / ROUNDS, "fitnets", batch_size=5)
    return whole | {"cut": make_job(data, out / "cut", "pvd", **BATCH), ROUNDS: rounds}


def counts(data: Path, processes: Processes) -> torch.Tensor:
    """Counts of a network of given weights over the five scans, each process on its own."""
    torch.manual_seed(3)
    job = make_job(data, data / "unused")
    network, running = build_backbone("minkowskinet", 0.0625, 19), EvaluationCounts(job.scans.scan_ids, 19)
    scans = read_batches(job.scans.dataset, job.scans.scan_ids[processes.rank :: processes.count])
    for points, predicted in predict(network, job.voxelize, scans, job.device):
        running.add(points.scan_ids[0], predicted, points.labels, band_of_tensor(points.xyz))
    return processes.add_up(running.counts)


def main(data: Path, out: Path) -> None:
    """Train, be stopped, go on, evaluate, and meet a NaN."""
    warnings.simplefilter("error", FutureWarning)
    processes = FabricProcesses("cpu", 2)
    said: dict[str, object] = {}
    found = jobs(data, out)
    for name in METHODS:
        train(found[name], lambda step: None, lambda note: None, Sitting(processes=processes))
    train(found[ROUNDS], lambda step: None, lambda note: None, Sitting(MICRO_BATCH[ROUNDS], processes))
    steps: list[TrainingStep] = []
    try:  # only the second process is told
        stop = (lambda: len(steps) == 4) if processes.rank else (lambda: False)
        train(found["cut"], steps.append, lambda note: None, Sitting(processes=processes, stop=stop))
    except Stopped as stopped:
        said["stopped"] = str(stopped)
    train(found["cut"], steps.append, lambda note: None, Sitting(processes=processes))
    share = Share(2, processes.rank, 2)
    loaded = load_batches(found["pvd"].scans, range(3), 3, found["pvd"].voxelize, 0, 0, share)
    said["order"] = [[part.voxels and part.voxels.points.scan_ids for part in step.parts] for step in loaded]
    said["counts"] = counts(data, processes).tolist()
    try:
        job = make_job(data, out / "nan", NAN, method_settings={"scan": "00/000001", "after": 2}, **BATCH)
        train(job, lambda step: None, lambda note: None, Sitting(processes=processes))
    except (Exception, FailedElsewhere) as error:
        said["fault"] = [type(error).__name__, str(error)]
    (out / f"{processes.rank}.json").write_text(json.dumps(said))
    processes.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
