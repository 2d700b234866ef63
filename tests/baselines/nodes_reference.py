"""Pooled nodes, structured distillation and knowledge adaptation in plain NumPy float64 loops."""

from __future__ import annotations

import math

import numpy as np
from pvd_reference import block_of, cosine


def nodes(xyz, scan, block=(120, 60, 8)) -> list[list[list[int]]]:
    """Rows of each occupied supervoxel of each scan; a scan is listed although it has none."""
    found = [{} for _ in range(max(scan) + 1)]
    for row, ((x, y, z), index) in enumerate(zip(xyz, scan, strict=True)):
        found[index].setdefault(block_of(x, y, z, block), []).append(row)
    return [list(blocks.values()) for blocks in found]


def pooled(features, rows: list[int], how: str) -> list[float]:
    """One node."""
    columns = [[features[row][channel] for row in rows] for channel in range(len(features[0]))]
    return [sum(column) / len(column) if how == "mean" else max(column) for column in columns]


def node_distance(student, teacher, inside: list[list[list[int]]], how: str) -> float:
    """Mean over the scans of the mean over the pairs of occupied nodes."""
    means = []
    for scan in inside:
        sides = [[pooled(features, rows, how) for rows in scan] for features in (student, teacher)]
        error = 0.0
        for i in range(len(scan)):
            for j in range(len(scan)):
                given, wanted = (cosine(np.array(side[i]), np.array(side[j])) for side in sides)
                error += (given - wanted) ** 2
        means.append(error / max(len(scan) ** 2, 1))
    return sum(means) / len(means)


def soft_cross_entropy(logits, targets) -> float:
    """−Σ p log q of one row."""
    p = [math.exp(v) / sum(math.exp(w) for w in targets) for v in targets]
    q = [math.exp(v) / sum(math.exp(w) for w in logits) for v in logits]
    return -sum(a * math.log(b) for a, b in zip(p, q, strict=True))


def scan_mean(values: list[float], scan, counted=None) -> float:
    """Mean over the counted rows of each scan, then over the scans; a scan without one gives zero."""
    means = []
    for wanted in range(max(scan) + 1):
        kept = [
            value
            for row, (value, index) in enumerate(zip(values, scan, strict=True))
            if index == wanted and (counted is None or counted[row])
        ]
        means.append(sum(kept) / max(len(kept), 1))
    return sum(means) / len(means)


def skd(student, teacher, batch, how: str, labelled_only: bool) -> dict[str, float]:
    """Both terms of structured distillation, without weights, from two networks' outputs as they are."""
    scan = batch.scan_index.tolist()
    logits = [output.prediction_logits.tolist() for output in (student, teacher)]
    rows = [soft_cross_entropy(s, t) for s, t in zip(*logits, strict=True)]
    counted = None if not labelled_only else [label > 0 for label in batch.labels.tolist()]
    features = [output.voxel_features.tolist() for output in (student, teacher)]
    return {
        "pixel": scan_mean(rows, scan, counted),
        "pair": node_distance(*features, nodes(batch.xyz.tolist(), scan), how),
    }


def standardised(features, scan) -> np.ndarray:
    """Each channel of each scan with mean 0 and variance 1."""
    result = np.zeros_like(features)
    for wanted in range(max(scan) + 1):
        rows = [row for row, index in enumerate(scan) if index == wanted]
        for channel in range(features.shape[1]):
            mean = sum(features[row, channel] for row in rows) / len(rows)
            variance = sum((features[row, channel] - mean) ** 2 for row in rows) / len(rows)
            for row in rows:
                result[row, channel] = (features[row, channel] - mean) / math.sqrt(variance + 1e-5)
    return result


def affine(weights: dict[str, np.ndarray], layer: str, row: np.ndarray) -> np.ndarray:
    """One linear layer on one row."""
    lines = zip(weights[f"{layer}.weight"], weights[f"{layer}.bias"], strict=True)
    return np.array([sum(m * v for m, v in zip(line, row, strict=True)) + shift for line, shift in lines])


def ka(student, teacher, batch, weights: dict[str, np.ndarray], how: str, sparsity: float) -> dict[str, float]:
    """The three terms of knowledge adaptation, without weights."""
    scan = batch.scan_index.tolist()
    given, wanted = (standardised(output.voxel_features.numpy(), scan) for output in (student, teacher))
    codes, for_affinity, adapt, lost = [], [], [], []
    for s, t in zip(given, wanted, strict=True):
        code = np.maximum(affine(weights, "encoder", t), 0)
        adapted = np.maximum(affine(weights, "feature_adapter", s), 0)
        codes.append(code)
        for_affinity.append(affine(weights, "affinity_adapter", s))
        hats = [row / length if (length := math.sqrt(sum(row**2))) else row for row in (adapted, code)]
        adapt.append(sum(abs(a - b) for a, b in zip(*hats, strict=True)) / len(code))
        error = sum((d - v) ** 2 for d, v in zip(affine(weights, "decoder", code), t, strict=True))
        lost.append((error + sparsity * sum(code)) / len(t))
    return {
        "adapt": scan_mean(adapt, scan),
        "affinity": node_distance(for_affinity, codes, nodes(batch.xyz.tolist(), scan), how),
        "reconstruction": scan_mean(lost, scan),
    }
