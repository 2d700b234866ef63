"""Point-to-Voxel Distillation in plain NumPy float64 loops, written from the specification alone."""

from __future__ import annotations

import itertools
import math

import numpy as np

PI = 3.1415926
CELLS, BLOCK = (480, 360, 32), (120, 60, 8)
LOW, HIGH = (0.0, -PI, -4.0), (50.0, PI, 2.0)


def block_of(x: float, y: float, z: float, block: tuple[int, int, int] = BLOCK) -> tuple[int, int, int]:
    """Place (radius, angle, height) of one float32 position among blocks of that many cells."""
    x, y, z = np.float32(x), np.float32(y), np.float32(z)
    polar = (np.sqrt(x * x + y * y), np.arctan2(y, x), z)
    place = []
    for value, low, high, cells, size in zip(polar, LOW, HIGH, CELLS, block, strict=True):
        inside = min(max(float(value), low), high)
        cell = math.floor((inside - low) / ((high - low) / (cells - 1)))
        place.append(min(cell, cells - 1) // size)
    return tuple(place)


def flat(block: tuple[int, int, int]) -> int:
    """Number of a block, radius slowest."""
    return (block[0] * 6 + block[1]) * 4 + block[2]


def weight(block: tuple[int, int, int], minor: int, sampler: str = "difficulty") -> float:
    """W_i with all its constants."""
    f_class = 4 * math.exp(-2 * minor) + 1
    outer = (block[0] + 1) * BLOCK[0] * 50.0 / (CELLS[0] - 1)
    category = 1 / f_class if sampler in ("difficulty", "category") else 1.0
    distance = outer / 50.0 if sampler in ("difficulty", "distance") else 1.0
    return category * distance / 96


def probabilities(voxel_xyz, minor_of_block: dict[int, int], sampler: str = "difficulty") -> np.ndarray:
    """P_i of the 96 blocks for one scan's voxels."""
    weights = np.zeros(96)
    for x, y, z in voxel_xyz:
        block = block_of(x, y, z)
        weights[flat(block)] = weight(block, minor_of_block.get(flat(block), 0), sampler)
    return weights / weights.sum()


def minor_count(xyz, labels, minority: set[int], distinct: bool) -> dict[int, int]:
    """N_minor of each block: rows of minority classes, or distinct minority classes."""
    seen: dict[int, list[int]] = {}
    for (x, y, z), label in zip(xyz, labels, strict=True):
        if int(label) in minority:
            seen.setdefault(flat(block_of(x, y, z)), []).append(int(label))
    return {block: len(set(found)) if distinct else len(found) for block, found in seen.items()}


def successive_draws(probability: np.ndarray, count: int) -> dict[tuple[int, ...], float]:
    """Chance of every ordered draw without replacement."""
    chances = {}
    for order in itertools.permutations(range(len(probability)), count):
        chance, left = 1.0, 1.0
        for item in order:
            chance *= probability[item] / left
            left -= probability[item]
        chances[order] = chance
    return chances


def divergence(source: np.ndarray, target: np.ndarray, temperature: float = 1.0) -> float:
    """T²·KL of one row of logits against another."""
    p = [math.exp(v / temperature) for v in source]
    q = [math.exp(v / temperature) for v in target]
    total = 0.0
    for a, b in zip(p, q, strict=True):
        total += a / sum(p) * (math.log(a / sum(p)) - math.log(b / sum(q)))
    return total * temperature**2


def output_loss(student, teacher, scan, counted, direction="teacher_to_student", temperature=1.0, cells=None) -> float:
    """Mean over rows of each scan, or over `cells`, then over the scans."""
    per_scan = {}
    for row, index in enumerate(scan):
        rows = per_scan.setdefault(int(index), [])
        if counted[row]:
            pair = (teacher[row], student[row]) if direction == "teacher_to_student" else (student[row], teacher[row])
            rows.append(divergence(*pair, temperature))
    means = [sum(rows) / (cells or max(len(rows), 1)) for rows in per_scan.values()]
    return sum(means) / len(means)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two rows; 0 where one has no direction."""
    lengths = math.sqrt(sum(v * v for v in a)) * math.sqrt(sum(v * v for v in b))
    return 0.0 if lengths == 0 else sum(x * y for x, y in zip(a, b, strict=True)) / lengths


def affinity_loss(student, teacher, blocks: list[list[list[int]]], padded_to: int | None = None) -> float:
    """Mean over scans; `blocks[s][k]` names the rows of a block. Literal average when `padded_to` is given."""
    means = []
    for scan in blocks:
        error, pairs = 0.0, 0
        for rows in scan:
            for i in rows:
                for j in rows:
                    error += (cosine(student[i], student[j]) - cosine(teacher[i], teacher[j])) ** 2
                    pairs += 1
        means.append(error / (max(pairs, 1) if padded_to is None else len(scan) * padded_to**2))
    return sum(means) / len(means)


def rows_in_blocks(xyz, scan, blocks) -> list[list[list[int]]]:
    """Rows of each sampled block of each scan, by visiting every row; −1 holds none."""
    inside = [[[] for _ in chosen] for chosen in blocks]
    for row, ((x, y, z), index) in enumerate(zip(xyz, scan, strict=True)):
        for k, chosen in enumerate(blocks[int(index)]):
            if flat(block_of(x, y, z)) == chosen:
                inside[int(index)][k].append(row)
    return inside
