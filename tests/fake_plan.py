"""Plans, finished results and forecasts for tests, without data and without a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.matrix.forecast import Forecast
from harness.spec import (
    BackboneSpec,
    CellResult,
    CellSpec,
    DatasetSpec,
    MacsResult,
    MethodSpec,
    ProtocolCard,
    Provenance,
    RecipeSpec,
    ScoreResult,
    TrainingResult,
)
from harness.store import Store

DEVICE = "Imagined GPU"
CARD = ProtocolCard(
    scoring_rule="semantickitti-official", split="val", trained_on=("train",), tta=False, engine="portable",
    engine_version="2", device=DEVICE, torch="2", harness="0.5", commit=None,
)  # fmt: skip
SCORE = ScoreResult(miou=0.5, accuracy=None, iou={"car": 0.5}, confusion=[[0, 0], [0, 1]])


def fake_cell(method: str = "none", seed: int = 0, **changes: Any) -> CellSpec:
    """A student of half width, a teacher of full width with `role="teacher"`; 100 training scans, 10 to evaluate."""
    teaches = changes.get("role") == "teacher"
    data = {"name": changes.pop("data", "semantickitti"), "synthetic": False, **changes.pop("dataset", {})}
    network = {"name": changes.pop("backbone", "minkowskinet"), "width": 1.0 if teaches else 0.5, "voxel_size_m": 0.05}
    network |= {"classes": 3, **changes.pop("network", {})}
    recipe = {"epochs": 3, "batch_size": 2, **changes.pop("recipe", {})}
    return CellSpec(
        role=changes.pop("role", "student"),
        dataset=DatasetSpec(
            manifest="m" * 12, label_map="l", partial=False, scans={"train": 100, "val": 10}, official_scans={}, **data
        ),
        backbone=BackboneSpec(**network),
        method=MethodSpec(name=method),
        recipe=RecipeSpec(**recipe),
        seed=seed,
        engine="portable",
        **changes,
    )


def fake_plan(
    data: Sequence[str] = ("semantickitti",),
    backbones: Sequence[str] = ("minkowskinet",),
    methods: Sequence[str] = ("none", "pvd", "logit_kd"),
    seeds: Sequence[int] = (0,),
) -> list[CellSpec]:
    """The cells of such a matrix, teachers of a data set first."""
    specs = []
    for name in data:
        taught = {
            (backbone, seed): fake_cell(role="teacher", data=name, backbone=backbone, seed=seed)
            for backbone in backbones
            for seed in seeds
        }
        specs += [
            *taught.values(),
            *(
                fake_cell(m, seed, data=name, backbone=b, teacher=None if m == "none" else taught[b, seed].hash)
                for b in backbones
                for seed in seeds
                for m in methods
            ),
        ]
    return specs


def fake_result(spec: CellSpec, seconds: float = 600.0, **changes: Any) -> CellResult:
    """A finished result: `seconds` of training, and a tenth of that for the evaluation."""
    processes = changes.pop("processes", 1)
    training = TrainingResult(
        steps=1, seconds=seconds, peak_memory_mib=changes.pop("memory_mib", 1000.0),
        devices=changes.pop("devices", (DEVICE,)), final_terms={}, weights_sha256="w", teacher_weights_sha256=None,
        processes=processes, sittings=changes.pop("sittings", ()),
    )  # fmt: skip
    provenance = Provenance(
        spec_hash=spec.hash, manifest_hash="m", seeds={"student": 0}, commit=None, dirty=None, packages={}, python="3",
        platform="p", device=DEVICE, processes=processes, peak_memory_mib=1000, disk_mib=50, wall_hours=1,
        device_hours=1, phase_seconds={"train": seconds, "evaluate": seconds / 10},
    )  # fmt: skip
    macs = MacsResult(scans=1, gmacs_mean=1, gmacs_min=1, gmacs_max=1, voxels_mean=changes.pop("voxels", 1000.0))
    return CellResult(
        spec=spec, status="finished", protocol=CARD, parameters=1, score=SCORE, macs=macs, training=training,
        **{"provenance": provenance, **changes},
    )  # fmt: skip


def finish(store: Store, spec: CellSpec, seconds: float = 600.0, **changes: Any) -> None:
    """Put a finished cell into a store."""
    store.add(spec, Path("nowhere")).write_result(fake_result(spec, seconds, **changes))


def fake_forecast(hours: float | None, status: Any = "pending", **changes: Any) -> Forecast:
    """What is left of a cell that has not begun."""
    hours = 0.0 if status == "finished" else hours
    return Forecast(
        status=status, left=float(status != "finished"), hours=hours, memory_mib=None,
        disk_mib=1, disk_left_mib=1, basis="made up", **changes,
    )  # fmt: skip
