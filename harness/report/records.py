"""The figures of a table for programs: full precision, mIoU in 0–1, one record per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.report.rows import Row
from harness.report.statistics import Spread


def build_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one record per row; None stands for what was not measured.

    Keys: data, manifest, synthetic, partial, backbone, voxel_size_m (None: a grid of its own), backbone_settings, role,
    width, method, settings, label, tta (its settings; None without it), miou_mean, miou_sd, delta_mean, delta_sd,
    delta_seeds (0–1), iou (by class, mean, 0–1), gmacs, parameters_m, latency_p50_ms (by machine), seeds, failed
    (reason by seed), missing, differences.
    """
    return [_record(row) for row in rows]


def build_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the records as a table; a key that holds figures by class or machine becomes one column each."""
    return pd.json_normalize([_flat(record) for record in build_records(rows)])


def _record(row: Row) -> dict[str, Any]:
    spec = row.spec
    return {
        "data": spec.dataset.name,
        "manifest": spec.dataset.manifest,
        "synthetic": spec.dataset.synthetic,
        "partial": spec.dataset.partial,
        "backbone": spec.backbone.name,
        "voxel_size_m": spec.backbone.voxel_size_m,
        "backbone_settings": spec.backbone.settings,
        "role": spec.role,
        "width": spec.backbone.width,
        "method": spec.method.name,
        "settings": spec.method.settings,
        "label": row.label,
        "tta": None if row.tta is None else row.tta.model_dump(mode="json"),
        **_spread("miou", row.miou),
        **_spread("delta", row.delta),
        "delta_seeds": 0 if row.delta is None else row.delta.n,
        "iou": {name: None if figure is None else figure.mean for name, figure in row.iou.items()},
        "gmacs": row.gmacs,
        "parameters_m": row.parameters_m,
        "latency_p50_ms": row.latency_ms,
        "seeds": sorted(row.results),
        "failed": {str(seed): reason for seed, reason in sorted(row.failed.items())},
        "missing": sorted(row.missing),
        "differences": row.differences,
    }


def _spread(name: str, figure: Spread | None) -> dict[str, float | None]:
    return {
        f"{name}_mean": None if figure is None else figure.mean,
        f"{name}_sd": None if figure is None else figure.sd,
    }


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Turn lists and free-form mappings into text, so that they fill one column each."""
    joined = {
        "seeds": " ".join(map(str, record["seeds"])),
        "missing": " ".join(map(str, record["missing"])),
        "failed": "; ".join(f"seed {seed}: {reason}" for seed, reason in record["failed"].items()),
        "differences": "; ".join(record["differences"]),
        "tta": "" if record["tta"] is None else _pairs(record["tta"]),
        "settings": _pairs(record["settings"]),
        "backbone_settings": _pairs(record["backbone_settings"]),
    }
    return record | joined


def _pairs(settings: dict[str, Any]) -> str:
    return "; ".join(f"{key}={value}" for key, value in sorted(settings.items()))
