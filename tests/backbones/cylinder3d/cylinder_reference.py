"""The released Cylinder3D written once more in NumPy float64 with plain loops, and the ways to get it wrong.

It takes weights under the released names and in the released layout [kρ, kφ, kz, C_in, C_out]. Every default of
`Details` is what the released code does; every other value is a mistake that the comparison must notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np

Site = tuple[int, int, int, int]
Rows = np.ndarray
Pairs = list[list[tuple[int, int]]]


@dataclass(frozen=True)
class Details:
    """What decides equality with the released network."""

    rulebook: str = "as_described"
    activation_before_norm: bool = True
    slope: float = 0.01
    gate_norm_before_sigmoid: bool = True
    gated_first: bool = True
    relu_before_maximum: bool = False
    relu_after_compression: bool = True
    phi_wraps: bool = False
    pooling_wraps: bool = False
    sites: str = "window"
    bounded: bool = True
    deep_stride: tuple[int, int, int] = (2, 2, 1)
    skip_after_inverse: bool = True
    norm_after_strided: bool = False
    flipped_inverse: bool = False
    dictionary_per_branch: bool = False
    first_weights: bool = True


@dataclass
class Released:
    """One forward pass in evaluation mode.

    Attributes:
        weights: by released name.
        extents: cells of the grid.
        details: what the pass does.
    """

    weights: dict[str, Rows]
    extents: tuple[int, int, int]
    details: Details = field(default_factory=Details)
    stored: dict[str, Pairs] = field(default_factory=dict)

    def __call__(self, features: Rows, voxel_of_point: Rows, sites: list[Site]) -> Rows:
        """Return the voxels' logits [V, C] from nine features of every point."""
        x, skips, levels = self.points_to_voxels(features, voxel_of_point, len(sites)), [], [(sites, self.extents)]
        x = self.crossed("downCntx", x, levels[-1], ((1, 3, 3), (3, 1, 3)))
        downs = []
        for number, stride in enumerate(((2, 2, 2), (2, 2, 2), self.details.deep_stride, self.details.deep_stride)):
            name = f"resBlock{number + 2}"
            skips.append(self.crossed(name, x, levels[-1], ((3, 1, 3), (1, 3, 3))))
            coarse, extents, pairs = self.strided(*levels[-1], stride)
            downs.append(pairs)
            weight = self.weights[f"{name}.pool.weight"]
            x = add_up(skips[-1], weight.reshape(27, *weight.shape[3:]), pairs, len(coarse))
            if self.details.norm_after_strided:
                x = self.norm(x, f"{name}.bn2")
            levels.append((coarse, extents))
        for number in range(4):
            x = self.up(
                f"upBlock{number}", x, levels[4 - number], levels[3 - number], downs[3 - number], skips[3 - number]
            )
        gated = self.ddcm(x, levels[0])
        x = np.concatenate([gated, x] if self.details.gated_first else [x, gated], axis=1)
        return self.submanifold("logits", "logit", x, levels[0], (3, 3, 3)) + self.weights["logits.bias"]

    def points_to_voxels(self, features: Rows, voxel_of_point: Rows, voxels: int) -> Rows:
        """Run the point network and take the maximum over the points of each voxel."""
        x = self.norm(features, "PPmodel.0")
        for linear, norm in (("1", "2"), ("4", "5"), ("7", "8")):
            x = np.maximum(self.norm(self.linear(x, f"PPmodel.{linear}"), f"PPmodel.{norm}"), 0)
        x = self.linear(x, "PPmodel.10")
        if self.details.relu_before_maximum:
            x = np.maximum(x, 0)
        largest = np.full((voxels, x.shape[1]), -np.inf)
        for row, voxel in zip(x, voxel_of_point, strict=True):
            largest[voxel] = np.maximum(largest[voxel], row)
        compressed = self.linear(largest, "fea_compression.0")
        return np.maximum(compressed, 0) if self.details.relu_after_compression else compressed

    def linear(self, x: Rows, name: str) -> Rows:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x: Rows, name: str) -> Rows:
        mean, variance = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
        return (x - mean) / np.sqrt(variance + 1e-5) * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def unit(self, name: str, norm: str, key: str, x: Rows, level: tuple, kernel: tuple[int, int, int]) -> Rows:
        x = self.submanifold(name, key, x, level, kernel)
        if self.details.activation_before_norm:
            return self.norm(np.where(x > 0, x, self.details.slope * x), norm)
        x = self.norm(x, norm)
        return np.where(x > 0, x, self.details.slope * x)

    def crossed(self, name: str, x: Rows, level: tuple, kernels: tuple) -> Rows:
        first, second = kernels
        one = self.unit(f"{name}.conv1", f"{name}.bn0", f"{name}bef", x, level, first)
        one = self.unit(f"{name}.conv1_2", f"{name}.bn0_2", f"{name}bef", one, level, second)
        if self.details.dictionary_per_branch:
            del self.stored[f"{name}bef"]
        two = self.unit(f"{name}.conv2", f"{name}.bn1", f"{name}bef", x, level, second)
        two = self.unit(f"{name}.conv3", f"{name}.bn2", f"{name}bef", two, level, first)
        return one + two

    def up(self, name: str, x: Rows, coarse: tuple, fine: tuple, pairs: Pairs, skip: Rows) -> Rows:
        x = self.unit(f"{name}.trans_dilao", f"{name}.trans_bn", f"{name}new_up", x, coarse, (3, 3, 3))
        back = [[(o, i) for i, o in offset] for offset in pairs]
        weight = self.weights[f"{name}.up_subm.weight"].reshape(27, x.shape[1], -1)
        x = add_up(x, weight[::-1] if self.details.flipped_inverse else weight, back, len(fine[0]))
        if self.details.skip_after_inverse:
            x = x + skip
        for number, kernel in enumerate(((1, 3, 3), (3, 1, 3), (3, 3, 3)), start=1):
            x = self.unit(f"{name}.conv{number}", f"{name}.bn{number}", name, x, fine, kernel)
        return x

    def ddcm(self, x: Rows, level: tuple) -> Rows:
        total = np.zeros_like(x)
        for part, kernel in (("", (3, 1, 1)), ("_2", (1, 3, 1)), ("_3", (1, 1, 3))):
            y = self.submanifold(f"ReconNet.conv1{part}", "reconbef", x, level, kernel)
            if self.details.gate_norm_before_sigmoid:
                total += 1 / (1 + np.exp(-self.norm(y, f"ReconNet.bn0{part}")))
            else:
                total += self.norm(1 / (1 + np.exp(-y)), f"ReconNet.bn0{part}")
        return total * x

    def submanifold(self, name: str, key: str, x: Rows, level: tuple, kernel: tuple[int, int, int]) -> Rows:
        """Convolve, with the map of this kernel or with the first that was stored under the key."""
        sites, extents = level
        wrap = extents[1] if self.details.phi_wraps else None
        pairs = find_pairs(sites, sites, kernel, (1, 1, 1), wrap)
        if self.details.rulebook == "as_released":
            pairs = self.stored.setdefault(key, pairs)
        weight = self.weights[f"{name}.weight"].reshape(-1, *self.weights[f"{name}.weight"].shape[3:])
        weight = weight[: len(pairs)] if self.details.first_weights else weight[len(weight) - len(pairs) :]
        return add_up(x, weight, pairs, len(sites))

    def strided(
        self, sites: list[Site], extents: tuple[int, int, int], stride: tuple[int, int, int]
    ) -> tuple[list[Site], tuple[int, int, int], Pairs]:
        """Return the coarse sites, the coarse extents, and the pairs of a 3³ kernel with a padding of 1."""
        coarser = tuple((cells - 1) // step + 1 for cells, step in zip(extents, stride, strict=True))
        found = set()
        for scan, *cell in sites:
            if self.details.sites == "floor":
                found.add((scan, *(c // s for c, s in zip(cell, stride, strict=True))))
                continue
            for offset in product((-1, 0, 1), repeat=3):
                at = [c - d for c, d in zip(cell, offset, strict=True)]
                if self.details.pooling_wraps:
                    at[1] %= extents[1]
                if any(a % s for a, s in zip(at, stride, strict=True)):
                    continue
                out = [a // s for a, s in zip(at, stride, strict=True)]
                if min(out) >= 0 and (
                    not self.details.bounded or all(o < n for o, n in zip(out, coarser, strict=True))
                ):
                    found.add((scan, *out))
        coarse = sorted(found)
        wrap = extents[1] if self.details.pooling_wraps else None
        return coarse, coarser, find_pairs(sites, coarse, (3, 3, 3), stride, wrap)


def find_pairs(
    inputs: list[Site],
    outputs: list[Site],
    kernel: tuple[int, int, int],
    stride: tuple[int, int, int],
    wrap: int | None,
) -> Pairs:
    """Return (input row, output row) per offset, ρ slowest and z fastest."""
    row = {site: number for number, site in enumerate(inputs)}
    pairs: Pairs = []
    for offset in product(*(range(-(size // 2), size // 2 + 1) for size in kernel)):
        pairs.append([])
        for number, (scan, *cell) in enumerate(outputs):
            rho, phi, z = (c * s + d for c, s, d in zip(cell, stride, offset, strict=True))
            found = row.get((scan, rho, phi if wrap is None else phi % wrap, z))
            if found is not None:
                pairs[-1].append((found, number))
    return pairs


def add_up(x: Rows, weight: Rows, pairs: Pairs, rows: int) -> Rows:
    """Return the sum over pairs of input row times weight slice."""
    output = np.zeros((rows, weight.shape[2]))
    for part, offset in zip(weight, pairs, strict=True):
        for source, target in offset:
            output[target] += x[source] @ part
    return output
