"""The released networks of the spvnas repository, written down a second time: names and shapes of their tensors in
torchsparse's layout, and their forward pass on a grid of which every cell is occupied, where each of their
convolutions is a dense one.

Released names throughout; nothing is taken from `backbones.convert`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from released_cylinder3d import State, linear_tensors, norm_tensors
from torch import Tensor
from torch.nn import functional as F

Names = tuple[str, str]
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Stage:
    """Names (convolution, norm) and channels of a stage; `shortcut` is that of the first block, if it has one."""

    transition: Names
    blocks: tuple[tuple[Names, Names], ...]
    shortcut: Names | None
    entering: int
    middles: tuple[int, ...]
    leaving: int


@dataclass(frozen=True)
class Released:
    """A whole network: its stages down and up, and the names of the layers beside them."""

    stem: int
    stages: tuple[Stage, ...]
    head: str
    head_inputs: int
    points: tuple[Names, Names, Names]


def manual(channels: Sequence[int]) -> Released:
    """MinkUNet and SPVCNN with these nine widths."""
    stem, *outputs = channels
    stages = []
    for place, leaving in enumerate(outputs):
        up = place >= 4
        root = f"up{place - 3}" if up else f"stage{place + 1}"
        block = (f"{root}.1.0", f"{root}.1.1") if up else (f"{root}.1", f"{root}.2")
        entering = leaving if up else channels[place]
        first = entering + channels[7 - place] if up else entering
        stages.append(
            Stage(
                transition=(f"{root}.0.net.0", f"{root}.0.net.1"),
                blocks=tuple(((f"{b}.net.0", f"{b}.net.1"), (f"{b}.net.3", f"{b}.net.4")) for b in block),
                shortcut=None if first == leaving else (f"{block[0]}.downsample.0", f"{block[0]}.downsample.1"),
                entering=entering,
                middles=(leaving, leaving),
                leaving=leaving,
            )
        )
    points = tuple((f"point_transforms.{n}.0", f"point_transforms.{n}.1") for n in range(3))
    return Released(stem, tuple(stages), "classifier.0", outputs[-1], points)


def searched(
    channels: Sequence[int], transitions: Sequence[int], middles: Sequence[tuple[int, ...]], head_inputs: int = 128
) -> Released:
    """A member of SPVNAS, made definite; a stage has as many blocks as it has middles."""
    stages = []
    for place, leaving in enumerate(channels[1:]):
        root = f"{'upsample' if place >= 4 else 'downsample'}.{place % 4}"
        blocks = [f"{root}.feature.{number}" for number in range(len(middles[place]))]
        stages.append(
            Stage(
                transition=(f"{root}.transition.net.conv", f"{root}.transition.net.bn"),
                blocks=tuple(
                    tuple((f"{block}.net.{part}.net.conv", f"{block}.net.{part}.net.bn") for part in (0, 1))
                    for block in blocks
                ),
                shortcut=(f"{blocks[0]}.downsample.net.conv", f"{blocks[0]}.downsample.net.bn"),
                entering=transitions[place],
                middles=tuple(middles[place]),
                leaving=leaving,
            )
        )
    points = tuple((f"point_transforms.{n}.net.conv", f"point_transforms.{n}.net.bn") for n in range(3))
    return Released(channels[0], tuple(stages), "classifier.linear", head_inputs, points)


def released_state(net: Released, classes: int, seed: int = 0) -> State:
    """Return a state dict with random numbers."""
    draw = torch.Generator().manual_seed(seed)
    state: State = {}

    def unit(names: Names, volume: int, wide: int, narrow: int) -> None:
        shape = (wide, narrow) if volume == 1 else (volume, wide, narrow)
        state[f"{names[0]}.kernel"] = torch.randn(shape, generator=draw) * (volume * wide) ** -0.5
        state.update(norm_tensors(names[1], narrow, draw))

    unit(("stem.0", "stem.1"), 27, 4, net.stem)
    unit(("stem.3", "stem.4"), 27, net.stem, net.stem)
    skips, before = [net.stem, *(stage.leaving for stage in net.stages[:3])], net.stem
    for place, stage in enumerate(net.stages):
        unit(stage.transition, 8, before, stage.entering)
        wide = stage.entering + (skips.pop() if place >= 4 else 0)
        for number, (first, second) in enumerate(stage.blocks):
            unit(first, 27, wide if number == 0 else stage.leaving, stage.middles[number])
            unit(second, 27, stage.middles[number], stage.leaving)
        if stage.shortcut:
            unit(stage.shortcut, 1, wide, stage.leaving)
        before = stage.leaving
    ends = (net.stem, net.stages[3].leaving, net.stages[5].leaving, net.stages[7].leaving)
    for (linear, norm), wide, narrow in zip(net.points, ends[:-1], ends[1:], strict=True):
        state |= linear_tensors(linear, wide, narrow, draw)
        state |= norm_tensors(norm, narrow, draw)
    return state | dict(linear_tensors(net.head, net.head_inputs, classes, draw))


class DenseNetwork:
    """The released forward passes in evaluation mode on a full grid, whose extents are multiples of 16."""

    def __init__(self, net: Released, state: State) -> None:
        self.net, self.state = net, state

    def minkunet(self, features: Tensor, grid: Triple) -> Tensor:
        """Return the logits [cells, classes] for [cells, 4], x slowest."""
        levels = [self.stem(features, grid)]
        for stage in self.net.stages[:4]:
            levels.append(self.down(stage, levels[-1]))
        x = levels.pop()
        for stage in self.net.stages[4:]:
            x = self.up(stage, x, levels.pop())
        return self.classify(rows(x))

    def spvcnn(self, features: Tensor, grid: Triple) -> Tensor:
        """Return the logits [cells, classes] for [cells, 4], one point in each cell at its exact coordinates."""
        x0 = self.stem(features, grid)
        x1 = self.down(self.net.stages[0], x0)
        x2 = self.down(self.net.stages[1], x1)
        x3 = self.down(self.net.stages[2], x2)
        x4 = self.down(self.net.stages[3], x3)
        z1 = read_points(x4, grid, 16) + self.point(0, rows(x0))
        y2 = self.up(self.net.stages[5], self.up(self.net.stages[4], refill(z1, grid, 16), x3), x2)
        z2 = read_points(y2, grid, 4) + self.point(1, z1)
        y4 = self.up(self.net.stages[7], self.up(self.net.stages[6], refill(z2, grid, 4), x1), x0)
        return self.classify(rows(y4) + self.point(2, z2))

    def classify(self, x: Tensor) -> Tensor:
        weight, bias = self.state[f"{self.net.head}.weight"], self.state[f"{self.net.head}.bias"]
        return F.linear(x, weight[:, : x.shape[1]], bias)

    def point(self, number: int, x: Tensor) -> Tensor:
        linear, norm = self.net.points[number]
        x = F.linear(x, self.state[f"{linear}.weight"], self.state[f"{linear}.bias"])
        return torch.relu(self.norm(norm, x))

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean, var, weight, bias = (
            self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias)

    def unit(self, names: Names, x: Tensor, upwards: bool = False) -> Tensor:
        kernel = self.state[f"{names[0]}.kernel"]
        if kernel.ndim == 2:
            x = F.conv3d(x, kernel.t()[..., None, None, None])
        elif len(kernel) == 27:  # axes z, y, x: x is fastest
            x = F.conv3d(x, kernel.unflatten(0, (3, 3, 3)).permute(4, 3, 2, 1, 0), padding=1)
        elif upwards:  # axes x, y, z
            x = F.conv_transpose3d(x, kernel.unflatten(0, (2, 2, 2)).permute(3, 4, 0, 1, 2), stride=2)
        else:
            x = F.conv3d(x, kernel.unflatten(0, (2, 2, 2)).permute(4, 3, 0, 1, 2), stride=2)
        return self.norm(names[1], x)

    def stem(self, features: Tensor, grid: Triple) -> Tensor:
        x = features.t().reshape(1, 4, *grid)
        for names in (("stem.0", "stem.1"), ("stem.3", "stem.4")):
            x = torch.relu(self.unit(names, x))
        return x

    def blocks(self, stage: Stage, x: Tensor) -> Tensor:
        for number, (first, second) in enumerate(stage.blocks):
            shortcut = self.unit(stage.shortcut, x) if stage.shortcut and number == 0 else x
            x = torch.relu(self.unit(second, torch.relu(self.unit(first, x))) + shortcut)
        return x

    def down(self, stage: Stage, x: Tensor) -> Tensor:
        return self.blocks(stage, torch.relu(self.unit(stage.transition, x)))

    def up(self, stage: Stage, x: Tensor, skip: Tensor) -> Tensor:
        x = torch.relu(self.unit(stage.transition, x, upwards=True))
        return self.blocks(stage, torch.cat([x, skip], dim=1))


def rows(x: Tensor) -> Tensor:
    return x.flatten(2)[0].t()


def refill(points: Tensor, grid: Triple, stride: int) -> Tensor:
    """Mean of the points in each voxel."""
    return F.avg_pool3d(points.t().reshape(1, -1, *grid), stride)


def read_points(x: Tensor, grid: Triple, stride: int) -> Tensor:
    """Trilinear reading where a voxel's feature sits at its lowest corner; absent corners are left out."""
    cells = torch.tensor(list(product(*map(range, grid)))) / stride
    low = cells.floor()
    total, weights = torch.zeros(len(cells), x.shape[1]), torch.zeros(len(cells), 1)
    for corner in product((0, 1), repeat=3):
        place = (low + torch.tensor(corner)).long()
        weight = (1 - (cells - place).abs()).prod(1) * (place < torch.tensor(x.shape[2:])).all(1)
        inside = place.minimum(torch.tensor(x.shape[2:]) - 1)
        total += weight[:, None] * x[0, :, inside[:, 0], inside[:, 1], inside[:, 2]].t()
        weights += weight[:, None]
    return total / weights
