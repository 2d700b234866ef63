"""How far off naive habits are: `python ci/naive_latency.py SCAN… [--backbone NAME] [--width W] [--device cuda]`.

A network is timed on scans in SemanticKITTI's format by latency-v1 in one process, and then as people do who forget a
part of it: on voxels whose kernel maps are there already, without a warm-up, on one scan, without waiting for the GPU.
The table says what each habit would print, and by how much that differs from the protocol's median. One thread unless
OMP_NUM_THREADS says otherwise; a machine with nothing else to do, or the table is of its neighbours.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from backbones.backbone import Backbone, Voxelizer
from backbones.build import NAMES, backbone_kind, build_backbone, build_voxelizer
from backbones.points import PointBatch
from backbones.sparse.engine import get_engine
from backbones.sparse.layers import set_engine
from harness.data.collate import collate
from harness.data.kitti_files import read_points
from harness.data.scan import Scan
from harness.heap import keep_freed_memory
from harness.measure.clock import start_clock
from harness.measure.device import choose_device, describe_with_threads
from harness.measure.latency.passes import ProcessMeasurement, TimedNetwork, measure_process

CLASSES = 19
FIRST_RUNS = 10
"""Runs that somebody averages who knows of no warm-up."""


def host_ms() -> float:
    """Return the host's clock."""
    return 1e3 * time.perf_counter()


def unsynchronised_ms(run: Callable[[], object], now_ms: Callable[[], float] = host_ms) -> float:
    """Return what the host's clock says of some work when nobody waits for the device."""
    start_ms = now_ms()
    run()
    return now_ms() - start_ms


def same_voxels_ms(network: Backbone, voxelize: Voxelizer, points: PointBatch, device: torch.device) -> float:
    """Return the time from voxels to labels when the same voxels were labelled before, the device waited for."""
    voxels = voxelize(points.copy_to(device))
    network.predict(voxels).argmax(1)
    clock = start_clock(device)
    network.predict(voxels).argmax(1)
    clock.mark()
    return clock.read().intervals_ms[0]


@dataclass(frozen=True)
class Subject:
    """What is timed."""

    network: Backbone
    voxelize: Voxelizer
    scans: list[PointBatch]
    device: torch.device

    def run(self, points: PointBatch) -> torch.Tensor:
        """Label the points of a scan that is on the device."""
        return self.network.predict(self.voxelize(points)).argmax(1)


def by_protocol(subject: Subject, passes: int) -> ProcessMeasurement:
    """Time the network by latency-v1 in this process."""
    timed = TimedNetwork("it", subject.network, subject.voxelize)
    return measure_process([timed], subject.scans, passes, subject.device, seed=0)["it"]


def rows(subject: Subject, found: ProcessMeasurement, passes: int) -> dict[str, float]:
    """Return what each habit prints in a process that is warm, by the habit."""
    by_scan = [statistics.median(times) for times in zip(*found.end_to_end_ms, strict=True)]
    smallest, largest = (pick(range(len(by_scan)), key=found.voxels.__getitem__) for pick in (min, max))
    told = {
        "one scan: the smallest": by_scan[smallest],
        "one scan: the largest": by_scan[largest],
        "same voxels again": statistics.median(
            same_voxels_ms(subject.network, subject.voxelize, points, subject.device)
            for _ in range(passes)
            for points in subject.scans
        ),
    }
    if subject.device.type == "cuda":
        moved = [points.copy_to(subject.device) for points in subject.scans]
        torch.cuda.synchronize(subject.device)
        told["no synchronise"] = statistics.median(
            unsynchronised_ms(partial(subject.run, points)) for _ in range(passes) for points in moved
        )
        torch.cuda.synchronize(subject.device)
    return told


def first_runs_ms(subject: Subject) -> list[float]:
    """Return the first runs of a process on its first scan, one after the other, the device waited for."""
    times = []
    for _ in range(FIRST_RUNS):
        moved = subject.scans[0].copy_to(subject.device)
        clock = start_clock(subject.device)
        subject.run(moved)
        clock.mark()
        times.append(clock.read().intervals_ms[0])
    return times


def in_fresh_process(arguments: Sequence[str]) -> list[float]:
    """Return the first runs of a process of its own, given what this one was given."""
    command = [sys.executable, __file__, *arguments, "--first-runs"]
    times: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return times


def read_scan(file: Path) -> PointBatch:
    """Read a scan of SemanticKITTI."""
    points = read_points(file)
    return collate([Scan(file.stem, points[:, :3].copy(), points[:, 3].copy(), None, None)])


def make_subject(arguments: argparse.Namespace) -> Subject:
    """Build the network and read the scans."""
    device = choose_device(arguments.device)
    network = build_backbone(arguments.backbone, arguments.width, CLASSES)
    set_engine(network, get_engine(arguments.engine))
    voxelize = build_voxelizer(arguments.backbone, backbone_kind(arguments.backbone).published_voxel_size_m)
    scans = [read_scan(file) for file in arguments.scans]
    return Subject(network.to(device).eval(), voxelize, scans, device)


def table(protocol_ms: float, told_ms: dict[str, float]) -> str:
    """Return what is said by each habit, and how far that is from what the protocol says."""
    lines = [f"{'latency-v1, p50':40s} {protocol_ms:10.1f} ms"]
    lines += [f"{habit:40s} {ms:10.1f} ms  {100 * (ms / protocol_ms - 1):+8.1f} %" for habit, ms in told_ms.items()]
    return "\n".join(lines)


def main() -> None:
    """Print the table, or what a fresh process is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", nargs="+", type=Path)
    parser.add_argument("--backbone", default="minkowskinet", choices=NAMES)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--engine", default="portable")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--first-runs", action="store_true", help="as a fresh process: print the first runs in ms")
    arguments = parser.parse_args()
    keep_freed_memory()
    with torch.no_grad():
        subject = make_subject(arguments)
        if arguments.first_runs:
            print(json.dumps(first_runs_ms(subject)))  # noqa: T201
            return
        found = by_protocol(subject, arguments.passes)
        told = rows(subject, found, arguments.passes)
    times = in_fresh_process(sys.argv[1:])
    told["no warm-up: first run of a process"] = times[0]
    told[f"no warm-up: mean of the first {FIRST_RUNS}"] = statistics.mean(times)
    protocol_ms = statistics.median(value for one in found.end_to_end_ms for value in one)
    head = (
        f"{arguments.backbone} {arguments.width:g}, {arguments.engine}, {describe_with_threads(subject.device)}\n"
        f"{len(subject.scans)} scans of {min(found.voxels)} to {max(found.voxels)} voxels, {arguments.passes} passes"
    )
    print(f"{head}\n{table(protocol_ms, told)}")  # noqa: T201


if __name__ == "__main__":
    main()
