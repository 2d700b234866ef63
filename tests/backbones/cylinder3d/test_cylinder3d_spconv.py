"""The whole network against the released definition built from spconv's own layers, with the same weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cylinder_names import randomise, released_weights
from cylinder_scenes import random_points
from torch import Tensor
from torch.nn.functional import batch_norm, leaky_relu, linear, relu

from backbones.build import build_backbone, build_voxelizer
from backbones.cylinder3d.network import Cylinder3D
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch

pytestmark = pytest.mark.engine

SPACE = (480, 360, 32)
PHI_Z, RHO_Z, CUBE = (1, 3, 3), (3, 1, 3), (3, 3, 3)


class SpconvCylinder3D:
    """The released forward pass on spconv 2's layers (``Native``, which needs no GPU), in evaluation mode.

    spconv 2 refuses that kernels of different shapes share a map, and gives every tensor a dictionary of its own. For
    the released rulebook both are undone: the check is left out, and one dictionary is put into every tensor.
    """

    def __init__(self, weights: dict[str, np.ndarray], rulebook: str) -> None:
        self.weights = {name: torch.from_numpy(np.ascontiguousarray(w)).float() for name, w in weights.items()}
        self.shared, self.maps = rulebook == "as_released", dict[str, Any]()

    def __call__(self, voxels: VoxelBatch) -> Tensor:
        import spconv.pytorch as spconv

        features = self.point_network(voxels.features)
        largest = torch.full((len(voxels.coordinates), features.shape[1]), -torch.inf)
        largest.scatter_reduce_(0, voxels.voxel_of_point[:, None].expand_as(features), features, "amax")
        rows = relu(self.linear(largest, "fea_compression.0"))
        x = spconv.SparseConvTensor(rows, voxels.coordinates.int(), SPACE, voxels.points.scans)
        x, skips = self.crossed("downCntx", x, PHI_Z, RHO_Z), []
        for number, stride in enumerate(((2, 2, 2), (2, 2, 2), (2, 2, 1), (2, 2, 1)), start=2):
            name = f"resBlock{number}"
            skips.append(self.crossed(name, x, RHO_Z, PHI_Z))
            x = self.layer("SparseConv3d", f"{name}.pool", skips[-1], CUBE, name, stride=stride)
        for number in range(4):
            name, skip = f"upBlock{number}", skips[3 - number]
            x = self.unit(f"{name}.trans_dilao", f"{name}.trans_bn", x, CUBE, f"{name}new_up")
            x = self.layer("SparseInverseConv3d", f"{name}.up_subm", x, CUBE, f"resBlock{5 - number}")
            x = x.replace_feature(x.features + skip.features)
            for part, kernel in enumerate((PHI_Z, RHO_Z, CUBE), start=1):
                x = self.unit(f"{name}.conv{part}", f"{name}.bn{part}", x, kernel, name)
        gates = []
        for part, kernel in (("", (3, 1, 1)), ("_2", (1, 3, 1)), ("_3", (1, 1, 3))):
            y = self.layer("SubMConv3d", f"ReconNet.conv1{part}", x, kernel, "reconbef")
            gates.append(torch.sigmoid(self.norm(y.features, f"ReconNet.bn0{part}")))
        x = x.replace_feature(torch.cat([sum(gates) * x.features, x.features], dim=1))
        return self.layer("SubMConv3d", "logits", x, CUBE, "logit").features + self.weights["logits.bias"]

    def point_network(self, features: Tensor) -> Tensor:
        x = self.norm(features, "PPmodel.0")
        for fully, norm in (("1", "2"), ("4", "5"), ("7", "8")):
            x = relu(self.norm(self.linear(x, f"PPmodel.{fully}"), f"PPmodel.{norm}"))
        return self.linear(x, "PPmodel.10")

    def linear(self, x: Tensor, name: str) -> Tensor:
        return linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        return batch_norm(
            x, *(self.weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        )

    def crossed(self, name: str, x: Any, first: tuple[int, ...], second: tuple[int, ...]) -> Any:
        one = self.unit(f"{name}.conv1", f"{name}.bn0", x, first, f"{name}bef")
        one = self.unit(f"{name}.conv1_2", f"{name}.bn0_2", one, second, f"{name}bef")
        two = self.unit(f"{name}.conv2", f"{name}.bn1", x, second, f"{name}bef")
        two = self.unit(f"{name}.conv3", f"{name}.bn2", two, first, f"{name}bef")
        return two.replace_feature(two.features + one.features)

    def unit(self, name: str, norm: str, x: Any, kernel: tuple[int, ...], key: str) -> Any:
        y = self.layer("SubMConv3d", name, x, kernel, key)
        return y.replace_feature(self.norm(leaky_relu(y.features, 0.01), norm))

    def layer(
        self, kind: str, name: str, x: Any, kernel: tuple[int, ...], key: str, stride: tuple[int, ...] = (1, 1, 1)
    ) -> Any:
        """Run one spconv layer under a key of its own or, for the released rulebook, under its released key."""
        import spconv.pytorch as spconv
        from spconv.core import ConvAlgo

        weight = self.weights[f"{name}.weight"]
        if kind == "SubMConv3d":
            key = key if self.shared else name
            stored = self.maps.get(key)
            kernel = kernel if stored is None else tuple(stored.ksize)
        count = int(np.prod(kernel))
        options: dict[str, Any] = {"bias": False, "indice_key": key, "algo": ConvAlgo.Native}
        if kind == "SparseConv3d":
            options |= {"stride": stride, "padding": 1}
        layer = getattr(spconv, kind)(*weight.shape[3:], kernel, **options).eval()
        layer._check_subm_reuse_valid = lambda *_: None
        rsck = weight.reshape(-1, *weight.shape[3:])[:count].reshape(*kernel, *weight.shape[3:])
        layer.weight.data = rsck.permute(4, 0, 1, 2, 3).contiguous()
        x = x.shadow_copy()
        x.indice_dict = self.maps
        y = layer(x)
        self.maps |= y.indice_dict
        return y


def real_scan() -> PointBatch | None:
    folder = os.environ.get("HARNESS_REAL_DATA")
    if folder is None:
        return None
    file = Path(folder, "semantickitti/sequences/00/velodyne/000000.bin")
    rows = torch.from_numpy(np.fromfile(file, np.float32).reshape(-1, 4))
    scan = torch.zeros(len(rows), dtype=torch.int64)
    return PointBatch(rows[:, :3].contiguous(), rows[:, 3].contiguous(), scan, None, ("00/000000",))


def calibrate(network: Cylinder3D, voxels: VoxelBatch) -> None:
    """Give every normalisation the statistics of this scan, so that no voxel's logits dwarf those of all others."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(voxels)
    network.eval()


@pytest.mark.parametrize("rulebook", ["as_described", "as_released"])
def test_logits_are_those_of_spconv(rulebook: str) -> None:
    """On a real scan where there is one, else on two synthetic ones."""
    pytest.importorskip("spconv.pytorch", reason="spconv is not installed", exc_type=ImportError)
    torch.manual_seed(0)
    network = build_backbone("cylinder3d", 0.25, 20, {"rulebook": rulebook})
    assert isinstance(network, Cylinder3D)
    voxels = build_voxelizer("cylinder3d", None)(real_scan() or random_points((9000, 7000), radius_m=9.0))
    randomise(network)
    calibrate(network, voxels)
    with torch.inference_mode():
        ours, theirs = network(voxels).voxel_logits, SpconvCylinder3D(released_weights(network), rulebook)(voxels)
    assert float((ours - theirs).abs().max() / theirs.abs().max()) <= 1e-4
    assert float((ours.argmax(1) == theirs.argmax(1)).double().mean()) >= 0.9999
