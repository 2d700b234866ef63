"""The released Cylinder3D, written down a second time: names and shapes of its tensors, and its forward pass on a
grid of which every cell is occupied, where each of its convolutions is a dense one.

Released names throughout; nothing is taken from `backbones.convert`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

Triple = tuple[int, int, int]
State = dict[str, Tensor]

POINTS, NET = "cylinder_3d_generator.", "cylinder_3d_spconv_seg."
STRIDES: dict[str, Triple] = {"2": (2, 2, 2), "3": (2, 2, 2), "4": (2, 2, 1), "5": (2, 2, 1)}
A, B, CUBE = (1, 3, 3), (3, 1, 3), (3, 3, 3)


def norm_tensors(name: str, channels: int, draw: torch.Generator) -> Iterator[tuple[str, Tensor]]:
    for part in ("weight", "running_var"):
        yield f"{name}.{part}", torch.rand(channels, generator=draw) + 0.5
    for part in ("bias", "running_mean"):
        yield f"{name}.{part}", torch.randn(channels, generator=draw) * 0.3
    yield f"{name}.num_batches_tracked", torch.tensor(7)


def linear_tensors(name: str, wide: int, narrow: int, draw: torch.Generator) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", torch.randn(narrow, wide, generator=draw) / wide**0.5
    yield f"{name}.bias", torch.randn(narrow, generator=draw) * 0.3


def _kernel(name: str, size: Triple, wide: int, narrow: int, draw: torch.Generator) -> tuple[str, Tensor]:
    scale = (size[0] * size[1] * size[2] * wide) ** -0.5
    return f"{name}.weight", torch.randn(*size, wide, narrow, generator=draw) * scale


def _units(block: str, units: list[tuple[str, str, Triple, int]], narrow: int, draw: torch.Generator) -> State:
    """Units of (convolution, norm, kernel, channels in)."""
    state: State = {}
    for conv, norm, size, wide in units:
        state |= [_kernel(f"{block}.{conv}", size, wide, narrow, draw)]
        state |= norm_tensors(f"{block}.{norm}", narrow, draw)
    return state


def released_cylinder3d(
    initial: int = 4, inputs: int = 5, outputs: int = 7, points: tuple[int, ...] = (64, 128, 256, 256), seed: int = 0
) -> State:
    """Return a state dict in spconv 1.x's layout, with random numbers."""
    draw, w = torch.Generator().manual_seed(seed), initial
    state: State = dict(norm_tensors(f"{POINTS}PPmodel.0", 9, draw))
    for place, (wide, narrow) in zip((1, 4, 7, 10), pairwise((9, *points)), strict=True):
        state |= linear_tensors(f"{POINTS}PPmodel.{place}", wide, narrow, draw)
        if place < 10:
            state |= norm_tensors(f"{POINTS}PPmodel.{place + 1}", narrow, draw)
    state |= linear_tensors(f"{POINTS}fea_compression.0", points[-1], inputs, draw)
    context = [("conv1", "bn0", A, inputs), ("conv1_2", "bn0_2", B, w), ("conv2", "bn1", B, inputs)]
    state |= _units(f"{NET}downCntx", [*context, ("conv3", "bn2", A, w)], w, draw)
    for number, (wide, narrow) in zip("2345", pairwise((w, 2 * w, 4 * w, 8 * w, 16 * w)), strict=True):
        block = f"{NET}resBlock{number}"
        down = [("conv1", "bn0", B, wide), ("conv1_2", "bn0_2", A, narrow), ("conv2", "bn1", A, wide)]
        state |= _units(block, [*down, ("conv3", "bn2", B, narrow)], narrow, draw)
        state |= [_kernel(f"{block}.pool", CUBE, narrow, narrow, draw)]
    for number, (wide, narrow) in enumerate(pairwise((16 * w, 16 * w, 8 * w, 4 * w, 2 * w))):
        block = f"{NET}upBlock{number}"
        up = [("trans_dilao", "trans_bn", CUBE, wide), ("conv1", "bn1", A, narrow), ("conv2", "bn2", B, narrow)]
        state |= _units(block, [*up, ("conv3", "bn3", CUBE, narrow)], narrow, draw)
        state |= [_kernel(f"{block}.up_subm", CUBE, narrow, narrow, draw)]
    gates = [("conv1", "bn0", (3, 1, 1)), ("conv1_2", "bn0_2", (1, 3, 1)), ("conv1_3", "bn0_3", (1, 1, 3))]
    state |= _units(f"{NET}ReconNet", [(*gate, 2 * w) for gate in gates], 2 * w, draw)
    state |= [_kernel(f"{NET}logits", CUBE, 4 * w, outputs, draw)]
    return {**state, f"{NET}logits.bias": torch.randn(outputs, generator=draw)}


def to_krsc(state: State) -> State:
    """Return the same numbers as spconv 2.x stores them."""
    return {name: t.permute(4, 0, 1, 2, 3).contiguous() if t.ndim == 5 else t for name, t in state.items()}


class DenseCylinder3D:
    """The released forward pass in evaluation mode; `shared` lets a block's convolutions share its first map."""

    def __init__(self, state: State, shared: bool) -> None:
        self.state, self.shared = state, shared

    def __call__(self, features: Tensor, grid: Triple) -> Tensor:
        """Return the logits [cells, outputs] of one point [cells, 9] in every cell, x slowest."""
        rows = torch.relu(self.linear(f"{POINTS}fea_compression.0", self.points(features)))
        x = rows.t().reshape(1, -1, *grid)
        x = self.crossed(f"{NET}downCntx", x, A)
        skips = []
        for number in "2345":
            skips.append(self.crossed(f"{NET}resBlock{number}", x, B))
            kernel = self.state[f"{NET}resBlock{number}.pool.weight"].permute(4, 3, 0, 1, 2)
            x = F.conv3d(skips[-1], kernel, stride=STRIDES[number], padding=1)
        for place, number in enumerate("5432"):
            x = self.up(f"{NET}upBlock{place}", x, skips.pop(), STRIDES[number])
        x = torch.cat([self.recon(x), x], dim=1)
        logits = self.conv(f"{NET}logits", x, CUBE) + self.state[f"{NET}logits.bias"][None, :, None, None, None]
        return logits.flatten(2)[0].t()

    def points(self, x: Tensor) -> Tensor:
        x = self.norm(f"{POINTS}PPmodel.0", x)
        for place in (1, 4, 7):
            x = torch.relu(self.norm(f"{POINTS}PPmodel.{place + 1}", self.linear(f"{POINTS}PPmodel.{place}", x)))
        return self.linear(f"{POINTS}PPmodel.10", x)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean, var, weight, bias = (
            self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    def conv(self, name: str, x: Tensor, first: Triple) -> Tensor:
        """Convolve with the weights' own kernel, or with their first slices along the map of kernel `first`."""
        weight = self.state[f"{name}.weight"]
        if self.shared:
            volume = first[0] * first[1] * first[2]
            weight = weight.flatten(0, 2)[:volume].reshape(*first, *weight.shape[3:])
        padding = tuple(size // 2 for size in weight.shape[:3])
        return F.conv3d(x, weight.permute(4, 3, 0, 1, 2), padding=padding)

    def unit(self, block: str, conv: str, norm: str, x: Tensor, first: Triple) -> Tensor:
        return self.norm(f"{block}.{norm}", F.leaky_relu(self.conv(f"{block}.{conv}", x, first), 0.01))

    def crossed(self, block: str, x: Tensor, first: Triple) -> Tensor:
        shortcut = self.unit(block, "conv1_2", "bn0_2", self.unit(block, "conv1", "bn0", x, first), first)
        return shortcut + self.unit(block, "conv3", "bn2", self.unit(block, "conv2", "bn1", x, first), first)

    def up(self, block: str, x: Tensor, skip: Tensor, stride: Triple) -> Tensor:
        x = self.unit(block, "trans_dilao", "trans_bn", x, CUBE)
        kernel = self.state[f"{block}.up_subm.weight"].permute(3, 4, 0, 1, 2)
        # What a dense convolution of this stride takes to x is put back where it came from.
        spare = [n - ((m - 1) * s + 1) for n, m, s in zip(skip.shape[2:], x.shape[2:], stride, strict=True)]
        x = F.conv_transpose3d(x, kernel, stride=stride, padding=1, output_padding=spare) + skip
        for number in "123":
            x = self.unit(block, f"conv{number}", f"bn{number}", x, A)
        return x

    def recon(self, x: Tensor) -> Tensor:
        gates = (("conv1", "bn0"), ("conv1_2", "bn0_2"), ("conv1_3", "bn0_3"))
        block = f"{NET}ReconNet"
        context = [torch.sigmoid(self.norm(f"{block}.{n}", self.conv(f"{block}.{c}", x, (3, 1, 1)))) for c, n in gates]
        return sum(context, start=torch.zeros(())) * x
