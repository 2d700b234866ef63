"""The figures of a table for programs: full precision, mIoU in 0–1, one record per row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from harness.report.card import card_of_row
from harness.report.rows import Row
from harness.statistics.spread import Spread


def build_records(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one record per row; None stands for what was not measured.

    Keys: data, manifest, synthetic, partial, backbone, voxel_size_m (None: a grid of its own), backbone_settings, role,
    width, method, settings, label, tta (its settings; None without it);
    miou_mean, miou_sd, ci_low, ci_high (95 %), ci_stretches (of road that it rests on; 0: speaks of these scans alone);
    delta_mean, delta_sd, delta_seeds (that both have), delta_ci (low, high), delta_stretches, p, p_holm, wilcoxon_p,
    wilcoxon_least_p (the smallest that so many seeds can reach), all of the gain over the plain student;
    iou (by class, mean); gmacs, macs_ratio, parameters_m, parameters_ratio (teacher over student);
    latency_p50_ms, latency_p95_ms, latency_protocol, latency_unstable (reasons; empty when stable), all by machine;
    seeds, failed (reason by seed), missing, differences, card (of all seeds together).
    """
    return [_record(row) for row in rows]


def build_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the records as a table; a key that holds figures by class or machine becomes one column each."""
    return pd.json_normalize([_flat(record) for record in build_records(rows)])


def identity(row: Row) -> dict[str, Any]:
    """Return what a row is, without its figures."""
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
    }


def _record(row: Row) -> dict[str, Any]:
    return {
        **identity(row),
        **spread_record("miou", row.miou),
        "ci_low": None if row.interval is None else row.interval.low,
        "ci_high": None if row.interval is None else row.interval.high,
        "ci_stretches": 0 if row.interval is None else row.interval.stretches,
        **_gain(row),
        "iou": {name: None if figure is None else figure.mean for name, figure in row.iou.items()},
        "gmacs": row.gmacs,
        "macs_ratio": row.macs_ratio,
        "parameters_m": row.parameters_m,
        "parameters_ratio": row.parameters_ratio,
        "latency_p50_ms": row.latency_ms,
        "latency_p95_ms": {machine: timing.p95_ms for machine, timing in row.timings.items()},
        "latency_protocol": {machine: timing.protocol for machine, timing in row.timings.items()},
        "latency_unstable": {machine: "; ".join(timing.unstable) for machine, timing in row.timings.items()},
        "seeds": sorted(row.results),
        "failed": {str(seed): reason for seed, reason in sorted(row.failed.items())},
        "missing": sorted(row.missing),
        "differences": row.differences,
        "card": card_of_row(list(row.results.values())),
    }


def _gain(row: Row) -> dict[str, Any]:
    """Return the gain; with one seed there is no claim, and so neither interval nor p-value."""
    comparison = None if row.gain is None else row.gain.comparison
    interval = None if comparison is None else comparison.interval
    return {
        **spread_record("delta", row.delta),
        "delta_seeds": 0 if row.delta is None else row.delta.n,
        "delta_ci": None if interval is None else [interval.low, interval.high],
        "delta_stretches": 0 if interval is None else interval.stretches,
        "p": None if comparison is None else comparison.p,
        "p_holm": None if row.gain is None else row.gain.p_holm,
        "wilcoxon_p": None if comparison is None else comparison.wilcoxon_p,
        "wilcoxon_least_p": None if comparison is None else comparison.wilcoxon_least_p,
    }


def spread_record(name: str, figure: Spread | None) -> dict[str, float | None]:
    """Return mean and standard deviation of a figure under its name."""
    return {
        f"{name}_mean": None if figure is None else figure.mean,
        f"{name}_sd": None if figure is None else figure.sd,
    }


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Turn lists and free-form mappings into text, so that they fill one column each; a card would fill dozens."""
    low, high = record["delta_ci"] or (None, None)
    joined = {
        "delta_ci_low": low,
        "delta_ci_high": high,
        "seeds": " ".join(map(str, record["seeds"])),
        "missing": " ".join(map(str, record["missing"])),
        "failed": "; ".join(f"seed {seed}: {reason}" for seed, reason in record["failed"].items()),
        "differences": "; ".join(record["differences"]),
        **flat_identity(record),
    }
    return {key: value for key, value in (record | joined).items() if key not in ("delta_ci", "card")}


def flat_identity(record: dict[str, Any]) -> dict[str, str]:
    """Return the parts of `identity` that are mappings, as text."""
    return {
        "tta": "" if record["tta"] is None else _pairs(record["tta"]),
        "settings": _pairs(record["settings"]),
        "backbone_settings": _pairs(record["backbone_settings"]),
    }


def _pairs(settings: dict[str, Any]) -> str:
    return "; ".join(f"{key}={value}" for key, value in sorted(settings.items()))
