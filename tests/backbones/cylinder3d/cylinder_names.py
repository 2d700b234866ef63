"""The released names of Cylinder3D's weights, and weights that make every layer matter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from backbones.cylinder3d.network import Cylinder3D
from backbones.sparse.layers import SparseConv

CROSSED = {"branch1.0": ("conv1", "bn0"), "branch1.1": ("conv1_2", "bn0_2")}
CROSSED |= {"branch2.0": ("conv2", "bn1"), "branch2.1": ("conv3", "bn2")}
UP = {"before": ("trans_dilao", "trans_bn"), "after.0": ("conv1", "bn1"), "after.1": ("conv2", "bn2")}
UP |= {"after.2": ("conv3", "bn3")}
DDCM = {"rho": ("conv1", "bn0"), "phi": ("conv1_2", "bn0_2"), "z": ("conv1_3", "bn0_3")}
MLP = {"norm": "0", "hidden.0": "1", "hidden.1": "2", "hidden.3": "4", "hidden.4": "5", "hidden.6": "7"}
MLP |= {"hidden.7": "8", "last": "10"}


def module_names() -> Iterator[tuple[str, str]]:
    """Yield the name of every module of ours that has weights, and its released name."""
    for ours, theirs in MLP.items():
        yield f"point_mlp.{ours}", f"PPmodel.{theirs}"
    yield "point_mlp.compression", "fea_compression.0"
    blocks = [("context", "downCntx", CROSSED)]
    for number in range(1, 5):
        yield f"down{number}.down", f"resBlock{number + 1}.pool"
        yield f"up{number}.up", f"upBlock{number - 1}.up_subm"
        blocks += [
            (f"down{number}.crossed", f"resBlock{number + 1}", CROSSED),
            (f"up{number}", f"upBlock{number - 1}", UP),
        ]
    for ours, theirs, parts in [*blocks, ("ddcm", "ReconNet", DDCM)]:
        for part, (convolution, norm) in parts.items():
            yield f"{ours}.{part}.convolution", f"{theirs}.{convolution}"
            yield f"{ours}.{part}.norm", f"{theirs}.{norm}"
    yield "logits", "logits"


def released_weights(network: Cylinder3D) -> dict[str, np.ndarray]:
    """Return a network's numbers under the released names, sparse kernels in their shape of space."""
    weights = {}
    for ours, theirs in module_names():
        module = network.get_submodule(ours)
        for name, value in module.state_dict().items():
            array = value.double().numpy()
            if name == "weight" and hasattr(module, "geometry"):
                array = array.reshape(*module.geometry.kernel_size, *array.shape[1:])
            weights[f"{theirs}.{name}"] = array
    return weights


def randomise(network: torch.nn.Module, seed: int = 0) -> None:
    """Give every normalisation statistics of its own, and weights large enough that no layer is lost in the next."""
    draw = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (SparseConv, torch.nn.Linear)):
            module.weight.data *= 3
        if isinstance(module, torch.nn.BatchNorm1d):
            for tensor, low, high in (
                (module.running_mean, -0.3, 0.3),
                (module.running_var, 0.5, 2.0),
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.3, 0.3),
            ):
                tensor.copy_(torch.rand(tensor.shape, generator=draw) * (high - low) + low)
