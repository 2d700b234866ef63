"""What it saves that teacher and student share voxels and kernel maps, against building them for each of the two.

The ratio stands in `extra_info`, measured in the same run, rounds in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from scan_voxels import street_points

from backbones.build import NAMES, backbone_kind, build_backbone, build_voxelizer
from backbones.points import PointBatch

ROUNDS, CLASSES = 5, 19


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def points() -> PointBatch:
    return street_points(azimuths=1900)


def seconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@pytest.mark.parametrize("name", NAMES)
def test_maps_once_for_teacher_and_student(benchmark: BenchmarkFixture, points: PointBatch, name: str) -> None:
    """Voxels and all maps of both networks: the networks are so narrow that little else is left to time."""
    teacher, student = (build_backbone(name, 1 / 16, CLASSES).eval() for _ in range(2))
    voxelize = build_voxelizer(name, backbone_kind(name).published_voxel_size_m)

    @torch.no_grad()
    def apart() -> None:
        teacher.predict(voxelize(points))
        student.predict(voxelize(points))

    @torch.no_grad()
    def shared() -> None:
        voxels = voxelize(points)
        teacher.predict(voxels)
        student.predict(voxels)

    @torch.no_grad()
    def with_all_maps() -> float:
        voxels = voxelize(points)
        teacher.predict(voxels)
        return seconds(lambda: (teacher.predict(voxels), student.predict(voxels)))

    times: list[tuple[float, float]] = []
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        shared, setup=lambda: times.append((seconds(apart), with_all_maps())), rounds=ROUNDS, warmup_rounds=1
    )
    assert benchmark.stats is not None
    once, (twice, neither) = benchmark.stats.stats.median, (median(column) for column in zip(*times, strict=True))
    benchmark.extra_info |= {
        "saved_ms": round(1e3 * (twice - once), 1),
        "ratio_of_building": round((once - neither) / (twice - neither), 2),
    }
