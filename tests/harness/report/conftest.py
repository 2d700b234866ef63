from collections.abc import Callable
from typing import Any

import pytest

from harness.spec import (
    BackboneSpec,
    CellResult,
    CellSpec,
    DatasetSpec,
    LatencyResult,
    MacsResult,
    MethodSpec,
    ProtocolCard,
    RecipeSpec,
    ScoreResult,
    SpanResult,
    TrainingResult,
)

MakeSpec = Callable[..., CellSpec]
MakeResult = Callable[..., CellResult]


def make_spec(method: str = "none", seed: int = 0, **changes: Any) -> CellSpec:
    """A student of half width on a complete set; `role="teacher"` makes it a teacher of full width."""
    teacher = changes.pop("role", "student") == "teacher"
    dataset = {
        "name": "semantickitti",
        "synthetic": False,
        "partial": False,
        "manifest": "a1b2c3d4e5f6a7b8",
        **changes.pop("dataset", {}),
    }
    return CellSpec(
        role="teacher" if teacher else "student",
        dataset=DatasetSpec(
            label_map="0123456789ab",
            scans={"train": 40, "val": 10},
            official_scans={"train": 19130, "val": 4071},
            **dataset,
        ),
        backbone=BackboneSpec(
            name=changes.pop("backbone", "minkowskinet"),
            width=changes.pop("width", 1.0 if teacher else 0.5),
            voxel_size_m=0.05,
            classes=2,
        ),
        method=MethodSpec(name=method, settings=changes.pop("settings", {})),
        recipe=changes.pop("recipe", RecipeSpec()),
        seed=seed,
        engine="portable",
        **changes,
    )


def make_result(spec: CellSpec, miou: float, card: dict[str, Any] | None = None, **changes: Any) -> CellResult:
    """A finished cell with everything measured; without a score where it was trained on the validation scans too."""
    iou = {"car": min(miou + 0.1, 1), "person": max(miou - 0.1, 0)}
    score = ScoreResult(miou=miou, accuracy=0.9, iou=iou, confusion=[[0] * 3] * 3)
    span = SpanResult(p50_ms=changes.pop("p50_ms", 20.0), p95_ms=30, p99_ms=None, mean_ms=21, mad_ms=1)
    protocol: dict[str, Any] = {
        "scoring_rule": "semantickitti-official",
        "split": "val",
        "trained_on": spec.train_on,
        "tta": False,
        "engine": "portable",
        "engine_version": "1",
        "device": "AMD EPYC",
        "torch": "2.13.0",
        "harness": "0.1.0",
        "commit": None,
    }
    return CellResult(
        spec=spec,
        status="finished",
        protocol=ProtocolCard(**{**protocol, **(card or {})}),
        parameters=changes.pop("parameters", 1_500_000),
        score=None if "val" in spec.train_on else score,
        macs=MacsResult(scans=20, gmacs_mean=12.34, gmacs_min=10, gmacs_max=15, voxels_mean=80_000),
        latency=LatencyResult(
            device_kind=changes.pop("device_kind", "CPU"),
            device=changes.pop("device", "AMD EPYC"),
            threads=2,
            scans=20,
            passes=10,
            end_to_end=span,
            spans={},
            fit=None,
            cold_start_ms=90,
        ),
        training=TrainingResult(
            steps=100,
            seconds=60,
            peak_memory_mib=1000,
            devices=("AMD EPYC, 2 threads",),
            final_terms={"cross_entropy": 1.0},
            weights_sha256="0" * 64,
            teacher_weights_sha256=None,
            **changes.pop("sharing", {}),
        ),
    )


@pytest.fixture
def spec() -> MakeSpec:
    return make_spec


@pytest.fixture
def result() -> MakeResult:
    return make_result


@pytest.fixture
def matrix() -> list[CellResult]:
    """A teacher, the plain student and PVD, three seeds each."""
    results = []
    for seed, (teacher, plain, pvd) in enumerate([(0.62, 0.58, 0.60), (0.63, 0.59, 0.61), (0.61, 0.57, 0.60)]):
        results.append(make_result(make_spec(role="teacher", seed=seed), teacher, p50_ms=40.0 + seed))
        results.append(make_result(make_spec(seed=seed), plain))
        above = results[-2].spec.hash
        distilled = make_spec("baselines.pvd:PVD", seed, settings={"weight": 0.1}, teacher=above)
        results.append(make_result(distilled, pvd))
    return results
