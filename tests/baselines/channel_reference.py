"""Channel-wise distillation and intra-class feature variation in plain float64 loops, written from their equations."""

from __future__ import annotations

import math
from collections.abc import Sequence


def distribution(column: Sequence[float], temperature: float) -> list[float]:
    """Log softmax of the values of one channel."""
    scaled = [value / temperature for value in column]
    top = max(scaled)
    norm = top + math.log(math.fsum(math.exp(value - top) for value in scaled))
    return [value - norm for value in scaled]


def channel_divergence(student, teacher, scans, temperature=4.0, counted=None, count=None) -> float:
    """T²/C · Σ_c KL(teacher ‖ student) over the rows of a scan, mean over `count` scans."""
    count = 1 + max(scans) if count is None else count
    total = 0.0
    for scan in range(count):
        rows = [row for row in range(len(scans)) if scans[row] == scan and (counted is None or counted[row])]
        for channel in range(len(teacher[0]) if rows else 0):
            p = distribution([float(teacher[row][channel]) for row in rows], temperature)
            q = distribution([float(student[row][channel]) for row in rows], temperature)
            total += math.fsum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
    return temperature**2 * total / (len(teacher[0]) * count)


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Cosine of two rows, 0 where one of them is zero."""
    lengths = math.sqrt(math.fsum(x * x for x in a)) * math.sqrt(math.fsum(y * y for y in b))
    return math.fsum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def similarity(features, labels, scans, row: int) -> float:
    """Cosine of one row to the mean of the rows of its class in its scan."""
    group = [i for i in range(len(scans)) if scans[i] == scans[row] and labels[i] == labels[row]]
    centre = [math.fsum(float(features[i][c]) for i in group) / len(group) for c in range(len(features[row]))]
    return cosine([float(value) for value in features[row]], centre)


def variation(student, teacher, labels, scans) -> float:
    """Squared difference of the similarities, mean over the labelled rows of each scan, then over the scans."""
    means = []
    for scan in range(1 + max(scans)):
        rows = [row for row in range(len(scans)) if scans[row] == scan and labels[row] > 0]
        differences = [
            similarity(student, labels, scans, row) - similarity(teacher, labels, scans, row) for row in rows
        ]
        means.append(math.fsum(d * d for d in differences) / len(rows) if rows else 0.0)
    return sum(means) / len(means)
