"""SPVCNN's forward pass in plain NumPy float64, from the released definition: dictionaries of sites, loops, no layers.

Every function takes `altered`, the name of one detail to get wrong, so that a test can show that the detail matters.
"""

from __future__ import annotations

from itertools import product
from math import floor

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Site = tuple[int, int, int, int]
Level = dict[Site, Array]

ALTERATIONS = (
    "integer coordinates",
    "z slowest",
    "voxel at its centre",
    "weights not divided",
    "nearest voxel only",
    "sum over points",
    "voxels keep their own",
    "stem enters stage 1",
    "no refill before up 1",
    "no refill before up 3",
    "skip before up",
    "up 4 skips to the refilled voxels",
    "z1 without z0",
    "z2 without z1",
    "z3 without z2",
    "head reads voxels",
)


class Reference:
    """The network with the weights of a state_dict."""

    def __init__(self, state: dict[str, Array], size_m: float, altered: str = "") -> None:
        self.state, self.size_m, self.altered = state, size_m, altered

    def norm(self, name: str, rows: Array) -> Array:
        weight, bias, mean, var = (
            self.state[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (rows - mean) / np.sqrt(var + 1e-5) * weight + bias

    def submanifold(self, name: str, x: Level) -> Level:
        weight = self.state[f"{name}.convolution.weight"]
        reach = (0,) if len(weight) == 1 else (-1, 0, 1)
        out: Level = {}
        for scan, i, j, k in x:
            total = np.zeros(weight.shape[2])
            for matrix, (a, b, c) in zip(weight, product(reach, reach, reach), strict=True):
                if (other := (scan, i + a, j + b, k + c)) in x:
                    total += x[other] @ matrix
            out[scan, i, j, k] = self.norm(f"{name}.norm", total)
        return out

    def down(self, name: str, x: Level) -> Level:
        weight = self.state[f"{name}.convolution.weight"]
        sums: Level = {}
        for (scan, i, j, k), row in x.items():
            coarse = (scan, i // 2, j // 2, k // 2)
            sums[coarse] = sums.get(coarse, 0) + row @ weight[4 * (i % 2) + 2 * (j % 2) + k % 2]
        return {site: np.maximum(self.norm(f"{name}.norm", row), 0) for site, row in sorted(sums.items())}

    def up(self, name: str, x: Level, fine: Level) -> Level:
        weight = self.state[f"{name}.convolution.weight"]
        rows = {
            (scan, i, j, k): x[scan, i // 2, j // 2, k // 2] @ weight[4 * (i % 2) + 2 * (j % 2) + k % 2]
            for scan, i, j, k in fine
        }
        return {site: np.maximum(self.norm(f"{name}.norm", row), 0) for site, row in rows.items()}

    def blocks(self, name: str, x: Level) -> Level:
        number = 0
        while f"{name}.{number}.first.convolution.weight" in self.state:
            block = f"{name}.{number}"
            y = {site: np.maximum(row, 0) for site, row in self.submanifold(f"{block}.first", x).items()}
            y = self.submanifold(f"{block}.second", y)
            projected = f"{block}.shortcut.convolution.weight" in self.state
            short = self.submanifold(f"{block}.shortcut", x) if projected else x
            x = {site: np.maximum(y[site] + short[site], 0) for site in x}
            number += 1
        return x

    def position(self, cell: int) -> float:
        if self.altered == "integer coordinates":
            return float(cell)
        size = np.float32(self.size_m)
        return float(np.float32(np.float32(cell) * size) / size)

    def read(self, x: Level, stride: int, sites: list[Site]) -> Array:
        """Trilinear features at the points that stand for the sites."""
        shift = 0.5 if self.altered == "voxel at its centre" else 0.0
        out = []
        for scan, *cells in sites:
            p = [self.position(cell) / stride - shift for cell in cells]
            low = [floor(c) for c in p]
            weights, rows = [], []
            for corner in product((0, 1), repeat=3):
                share = 1.0
                for axis in range(3):
                    fraction = p[axis] - low[axis]
                    share *= fraction if corner[axis] else 1 - fraction
                step = corner[::-1] if self.altered == "z slowest" else corner
                site = (scan, low[0] + step[0], low[1] + step[1], low[2] + step[2])
                if site in x:
                    weights.append(share)
                    rows.append(x[site])
            if self.altered == "nearest voxel only":
                weights = [float(number == 0) for number in range(len(weights))]
            divisor = 1.0 if self.altered == "weights not divided" else sum(weights) + 1e-8
            out.append(sum(w * row for w, row in zip(weights, rows, strict=True)) / divisor)
        return np.array(out)

    def refill(self, z: Array, x: Level, stride: int, sites: list[Site]) -> Level:
        members: dict[Site, list[Array]] = {site: [] for site in x}
        for (scan, *cells), row in zip(sites, z, strict=True):
            i, j, k = (floor(self.position(cell) / stride) for cell in cells)
            members[scan, i, j, k].append(row)
        out = {site: sum(rows) / len(rows) for site, rows in members.items()}
        if self.altered == "sum over points":
            out = {site: sum(rows) for site, rows in members.items()}
        if self.altered == "voxels keep their own":
            out = {site: out[site] + x[site] for site in x}
        return out

    def transform(self, number: int, z: Array) -> Array:
        if self.altered == f"z{number} without z{number - 1}":
            return np.zeros(1)
        name = f"point{number}"
        linear = z @ self.state[f"{name}.0.weight"].T + self.state[f"{name}.0.bias"]
        return np.maximum(self.norm(f"{name}.1", linear), 0)

    def up_stage(self, number: int, coarse: Level, skip: Level) -> Level:
        x = self.up(f"up{number}.up", coarse, skip)
        order = -1 if self.altered == "skip before up" else 1
        joined = {site: np.concatenate((x[site], skip[site])[::order]) for site in skip}
        return self.blocks(f"up{number}.blocks", joined)

    def down_stage(self, number: int, x: Level) -> Level:
        return self.blocks(f"down{number}.blocks", self.down(f"down{number}.down", x))

    def logits(self, features: Array, sites: list[Site]) -> tuple[Array, Array]:
        """Return the logits of the points and of the voxels, rows in the order of the sites."""
        altered = self.altered
        x0: Level = dict(zip(sites, features, strict=True))
        for number in range(2):
            x0 = {site: np.maximum(row, 0) for site, row in self.submanifold(f"stem.{number}", x0).items()}
        z0 = self.read(x0, 1, sites)
        refilled = self.refill(z0, x0, 1, sites)
        x1 = self.down_stage(1, x0 if altered == "stem enters stage 1" else refilled)
        x2 = self.down_stage(2, x1)
        x3 = self.down_stage(3, x2)
        x4 = self.down_stage(4, x3)
        z1 = self.read(x4, 16, sites) + self.transform(1, z0)
        y1 = self.up_stage(1, x4 if altered == "no refill before up 1" else self.refill(z1, x4, 16, sites), x3)
        y2 = self.up_stage(2, y1, x2)
        z2 = self.read(y2, 4, sites) + self.transform(2, z1)
        y3 = self.up_stage(3, y2 if altered == "no refill before up 3" else self.refill(z2, y2, 4, sites), x1)
        y4 = self.up_stage(4, y3, refilled if altered == "up 4 skips to the refilled voxels" else x0)
        z3 = self.read(y4, 1, sites) + self.transform(3, z2)
        voxel_rows = np.array([y4[site] for site in sites])
        heads = [rows @ self.state["head.weight"].T + self.state["head.bias"] for rows in (z3, voxel_rows)]
        return heads[1] if altered == "head reads voxels" else heads[0], heads[1]
