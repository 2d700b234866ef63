"""A made-up reference of the size of the nightly matrix, and nights that are drawn from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.gate.evidence import Evidence
from harness.spec import (
    BackboneSpec,
    CellResult,
    CellSpec,
    DatasetName,
    DatasetSpec,
    LatencyRecord,
    MachineState,
    MacsResult,
    MethodSpec,
    ProcessRun,
    ProtocolCard,
    RecipeSpec,
    ScoreResult,
    SpanResult,
    TrainingResult,
    WarmUp,
)

DATASETS: tuple[DatasetName, ...] = ("semantickitti", "nuscenes")
BACKBONES = ("cylinder3d", "minkowskinet", "spvnas")
METHODS = ("none", "logit_kd", "pvd")
SCANS = ("08/000000", "08/000010")
CARD = ProtocolCard(
    scoring_rule="semantickitti-official", split="val", trained_on=("train",), tta=False, engine="portable",
    engine_version="1", device="NVIDIA H200", torch="2.13.0", harness="0.6.0", commit=None,
)  # fmt: skip


def make_spec(
    method: str = "none", seed: int = 0, dataset: DatasetName = "semantickitti", backbone: str = "minkowskinet",
    **changes: Any,
) -> CellSpec:  # fmt: skip
    """A student, taught where the method asks for it; `role="teacher"` makes it a teacher."""
    taught = method != "none"
    teacher = make_spec(seed=seed, dataset=dataset, backbone=backbone, role="teacher") if taught else None
    role = changes.pop("role", "student")
    spec = CellSpec(
        role=role,
        dataset=DatasetSpec(
            name=dataset, manifest="a1b2c3d4", label_map="0123", synthetic=False, partial=False,
            scans={"train": 40, "val": 10}, official_scans={"train": 40, "val": 10},
        ),
        backbone=BackboneSpec(name=backbone, width=1.0 if role == "teacher" else 0.5, voxel_size_m=0.05, classes=2),
        method=MethodSpec(name=method),
        recipe=RecipeSpec(),
        seed=seed,
        teacher=teacher.hash if teacher else None,
        engine="portable",
    )  # fmt: skip
    return spec.model_copy(update=changes)


def make_result(spec: CellSpec, miou: float = 0.6, **changes: Any) -> CellResult:
    """A finished cell; `changes` are of the result, of its training or of its MACs."""
    macs: dict[str, Any] = {
        "scan_ids": SCANS, "macs": (10_000_000_001, 12_000_000_003), "pairs": (500_000, 600_000),
        "sites": ((80_000, 20_000), (90_000, 25_000)),
    }  # fmt: skip
    training: dict[str, Any] = {"peak_memory_mib": 5000.0, "devices": ("NVIDIA H200",)}
    macs |= {key: changes.pop(key) for key in list(changes) if key in macs}
    training |= {key: changes.pop(key) for key in list(changes) if key in TrainingResult.model_fields}
    return CellResult(
        spec=spec,
        status="finished",
        protocol=changes.pop("protocol", CARD),
        parameters=changes.pop("parameters", 1_500_000),
        score=ScoreResult(miou=miou, accuracy=0.9, iou={"car": miou, "person": miou}, confusion=[[0] * 3] * 3),
        macs=MacsResult(scans=2, gmacs_mean=11, gmacs_min=10, gmacs_max=12, voxels_mean=85_000, **macs),
        training=TrainingResult(
            steps=100, seconds=60, final_terms={}, weights_sha256="0" * 64, teacher_weights_sha256=None, **training
        ),
        **changes,
    )


def failed(spec: CellSpec, reason: str = "no memory") -> CellResult:
    return CellResult(spec=spec, status="failed", reason=reason)


def scored(result: CellResult, miou: float) -> CellResult:
    """The same cell with another mIoU."""
    assert result.score is not None
    return result.model_copy(update={"score": result.score.model_copy(update={"miou": miou})})


def make_cells(rng: np.random.Generator, seeds: Sequence[int], deviation: float = 0.01) -> list[CellResult]:
    """All 24 rows of the nightly matrix, every row with a level of its own; the deviation is over seeds."""
    results = []
    for number, (dataset, backbone) in enumerate((d, b) for d in DATASETS for b in BACKBONES):
        for place, method in enumerate(("teacher", *METHODS)):
            role = {"role": "teacher"} if method == "teacher" else {}
            for seed in seeds:
                spec = make_spec("none" if role else method, seed, dataset, backbone, **role)
                miou = 0.55 + 0.02 * number + 0.01 * place + deviation * float(rng.standard_normal())
                results.append(make_result(spec, miou))
    return results


def make_record(
    backbone: str = "minkowskinet", slower: float = 0.0, rng: np.random.Generator | None = None, **changes: Any
) -> LatencyRecord:
    """A stable record of three processes of ten passes over five scans, off by 1 % a process and a pass."""
    rng = rng or np.random.default_rng(1)
    base = np.array([12.0, 15.0, 18.0, 20.0, 30.0]) * (1 + slower)
    shape = changes.pop("processes_and_passes", (3, 10))
    factors = (1 + 0.01 * rng.standard_normal((shape[0], 1))) * (1 + 0.01 * rng.standard_normal(shape))
    return with_passes(_record(backbone, changes), factors[..., None] * base)


def with_passes(record: LatencyRecord, timed_ms: np.ndarray[Any, Any]) -> LatencyRecord:
    """The same record with other samples, [processes, passes, scans]."""
    state = MachineState(name=record.device)
    runs = tuple(
        ProcessRun(
            number=number, cold_start_ms=90, warm_up=WarmUp(passes=3, settled=True, growth_mib=0, tuned=False),
            end_to_end_ms=tuple(tuple(map(float, one)) for one in process), spans={}, peak_memory_mib=700,
            energy_mj_per_scan=None, before=state, after=state,
        )
        for number, process in enumerate(timed_ms)
    )  # fmt: skip
    return record.model_copy(update={"processes": runs, "passes": timed_ms.shape[1]})


def _record(backbone: str, changes: dict[str, Any]) -> LatencyRecord:
    scans = tuple(f"08/{number:06d}" for number in range(5))
    told: dict[str, Any] = {
        "dataset": "semantickitti", "synthetic": False, "engine": "portable", "engine_version": "1",
        "backbone": BackboneSpec(name=backbone, width=0.5, voxel_size_m=0.05, classes=19),
        "device_kind": "GPU", "device": "NVIDIA H200", "threads": 1, "torch": "2.13.0", "harness": "0.6.0",
        "commit": None, "scan_ids": scans, "scans_sha256": hashlib.sha256(b"scans").hexdigest(),
        "voxels": (60_000, 70_000, 80_000, 90_000, 120_000), "interleaved_with": (), "passes": 10, "spans": {},
        "end_to_end": SpanResult(p50_ms=18, p95_ms=30, p99_ms=None, mean_ms=19, mad_ms=2), "fit": None,
        "cold_start_ms": 90.0, "peak_memory_mib": 700.0, "energy_mj_per_scan": None, "processes": (),
        "verdict": "stable", "reasons": (),
    }  # fmt: skip
    return LatencyRecord(**{**told, **changes})


def make_evidence(rng: np.random.Generator, seeds: Sequence[int], **cells: float) -> Evidence:
    """A whole night: 24 rows and three networks timed."""
    records = tuple(make_record(backbone, rng=rng) for backbone in BACKBONES)
    return Evidence(tuple(make_cells(rng, seeds, **cells)), latency=records)
