"""Hints and attention of features in plain NumPy float64 loops, written from the papers' equations alone."""

from __future__ import annotations

import math

import numpy as np

EPSILON = 1e-5


def rows_of_scan(scan_index, scan: int) -> list[int]:
    """Which rows belong to a scan."""
    return [row for row, index in enumerate(scan_index) if int(index) == scan]


def unit_attention(features: np.ndarray, rows: list[int], power: int) -> list[float]:
    """Mean of |feature|^p of each row, divided by the length of all rows together; zeros stay zeros."""
    found = []
    for row in rows:
        total = 0.0
        for value in features[row]:
            total += abs(float(value)) ** power
        found.append(total / len(features[row]))
    length = math.sqrt(sum(value * value for value in found))
    return [value / length if length else 0.0 for value in found]


def attention_loss(student, teacher, scan_index, scans: int, power: int = 2, reduction: str = "mean") -> float:
    """Squared difference of the attention of each scan, mean over the scans."""
    total = 0.0
    for scan in range(scans):
        rows = rows_of_scan(scan_index, scan)
        given, wanted = unit_attention(student, rows, power), unit_attention(teacher, rows, power)
        error = sum((a - b) ** 2 for a, b in zip(given, wanted, strict=True))
        total += error / max(len(rows), 1) if reduction == "mean" else error
    return total / scans


def regression(student, rows: list[int], weight, bias) -> list[list[float]]:
    """weight · row + bias of each row."""
    found = []
    for row in rows:
        outputs = []
        for channel in range(len(weight)):
            value = 0.0 if bias is None else float(bias[channel])
            for given, factor in zip(student[row], weight[channel], strict=True):
                value += float(given) * float(factor)
            outputs.append(value)
        found.append(outputs)
    return found


def normalised(values: list[list[float]], gain, shift) -> list[list[float]]:
    """Each channel with mean 0 and variance 1 over the rows, then times its gain plus its shift."""
    found = [list(row) for row in values]
    for channel in range(len(values[0])):
        column = [row[channel] for row in values]
        mean = sum(column) / len(column)
        variance = sum((value - mean) ** 2 for value in column) / len(column)
        for place, value in enumerate(column):
            unit = (value - mean) / math.sqrt(variance + EPSILON)
            found[place][channel] = unit * float(gain[channel]) + float(shift[channel])
    return found


def hint_loss(student, teacher, scan_index, scans: int, weight, bias=None, gain=None, shift=None, scaled=True) -> float:
    """Squared error of the regression, mean over the rows and channels of each scan, then over the scans."""
    total = 0.0
    for scan in range(scans):
        rows = rows_of_scan(scan_index, scan)
        if not rows:
            continue
        given = regression(student, rows, weight, bias)
        if gain is not None:
            given = normalised(given, gain, shift)
        squares = [float(value) ** 2 for row in rows for value in teacher[row]]
        size = math.sqrt(sum(squares) / len(squares))
        divisor = size if scaled and size > 0 else 1.0
        errors = []
        for place, row in enumerate(rows):
            for channel, value in enumerate(teacher[row]):
                errors.append((given[place][channel] - float(value) / divisor) ** 2)
        total += sum(errors) / len(errors)
    return total / scans
