"""Whether an engine computes what PyTorch's dense convolution does on this machine, and how fast it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from statistics import median
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.functional import conv3d, conv_transpose3d, pad

from backbones.sparse.engine import Direction, Engine
from backbones.sparse.geometry import Geometry, Triple
from backbones.sparse.kernel_map import KernelMap, KernelMapCache

TOLERANCE = 1e-5
"""Largest relative error of a sound engine, in float32; a wrong pair or offset gives 0.1 and more."""

FLOOR = Geometry((2, 2, 2), (2, 2, 2), "floor")
WINDOW = Geometry((3, 3, 3), (2, 2, 2), "window")
CASES: tuple[tuple[Geometry, Direction], ...] = (
    (Geometry((3, 3, 3)), "forward"),
    (Geometry((1, 3, 3)), "forward"),
    (FLOOR, "forward"),
    (FLOOR, "inverse"),
    (WINDOW, "forward"),
    (WINDOW, "inverse"),
)
"""Convolutions of the backbones, each tested where the engine supports it."""

GRID: Triple = (7, 6, 5)
CHANNELS = 5, 4
TIMED_CHANNELS = 32


@dataclass(frozen=True)
class SelfTest:
    """Largest relative errors against PyTorch's dense convolution in float64.

    Attributes:
        outputs: of the output features.
        input_gradients: of the gradient of the input features.
        weight_gradients: of the gradient of the weight.
        cases: how many convolutions the engine supports, of the six of the backbones.
    """

    outputs: float
    input_gradients: float
    weight_gradients: float
    cases: int

    @property
    def passed(self) -> bool:
        """Whether all errors are below `TOLERANCE`; one that is not a number is not."""
        return all(error < TOLERANCE for error in (self.outputs, self.input_gradients, self.weight_gradients))


def self_test(engine: Engine, device: torch.device) -> SelfTest:
    """Compare an engine in float32 with dense convolutions on a fixed small grid, forward and backward.

    Raises:
        EngineError: the engine can't compute on this device.
    """
    draw = torch.Generator().manual_seed(0)
    coordinates = (torch.rand((2, *GRID), generator=draw) < 0.3).nonzero()
    maps, errors = KernelMapCache(), []
    for geometry, direction in CASES:
        strided = geometry.rule != "submanifold"
        if engine.supports(geometry):
            on_device = coordinates.to(device)
            kernel_map = (
                maps.strided(on_device, geometry) if strided else maps.submanifold(on_device, geometry.kernel_size)
            )
            errors.append(_errors(engine, kernel_map, direction, draw))
    outputs, for_features, for_weight = torch.tensor(errors).amax(0).tolist()
    return SelfTest(outputs, for_features, for_weight, len(errors))


def fixed_voxels() -> Tensor:
    """Return [20 426, 4] int64 voxels (scan, x, y, z) of 0.2 m, sorted: a 64-beam sensor's view of a street canyon.

    The same on every machine: 64 × 768 rays from 2 m above a flat ground meet it or one of four walls.
    """
    beams = torch.linspace(-25, 3, 64, dtype=torch.float64)[:, None] * pi / 180
    turns = torch.arange(768, dtype=torch.float64)[None, :] * 2 * pi / 768
    x, y, z = beams.cos() * turns.cos(), beams.cos() * turns.sin(), beams.sin().expand(64, 768)
    walls = torch.minimum(40 / x.abs(), 12 / y.abs())
    range_m = torch.where(z < 0, torch.minimum(walls, 2 / -z), walls)
    cells = (torch.stack([x * range_m, y * range_m, z * range_m], dim=-1).reshape(-1, 3) * 5).round().long()
    cells -= cells.amin(0)
    return pad(torch.unique(cells, dim=0), (1, 0))


def time_engine(engine: Engine, device: torch.device, runs: int = 5) -> float:
    """Return milliseconds of a 3³ submanifold convolution on `fixed_voxels`, forward and backward, 32 channels.

    It is the median of some runs after one that builds what the engine keeps.

    Raises:
        EngineError: the engine can't compute on this device.
    """
    draw = torch.Generator().manual_seed(0)
    kernel_map = KernelMapCache().submanifold(fixed_voxels().to(device), (3, 3, 3))
    shapes = (kernel_map.in_rows, TIMED_CHANNELS), (27, TIMED_CHANNELS, TIMED_CHANNELS)
    features, weight = (torch.randn(shape, generator=draw).to(device).requires_grad_() for shape in shapes)
    spans_ms = []
    for _ in range(runs + 1):
        start = perf_counter()
        output = engine.convolve(features, weight, kernel_map, "forward")
        gradients = torch.autograd.grad(output, (features, weight), torch.ones_like(output))
        # Reading one number waits for the device.
        gradients[1].flatten()[0].item()
        spans_ms.append(1000 * (perf_counter() - start))
    return median(spans_ms[1:])


def _errors(engine: Engine, kernel_map: KernelMap, direction: Direction, draw: torch.Generator) -> list[float]:
    """Relative errors of output, gradient of the features and gradient of the weight."""
    read, written = kernel_map.in_rows, kernel_map.out_rows
    if direction == "inverse":
        read, written = written, read
    shapes = (read, CHANNELS[0]), (kernel_map.geometry.volume, *CHANNELS), (written, CHANNELS[1])
    features, weight, upstream = (torch.randn(shape, generator=draw) for shape in shapes)
    device = kernel_map.inputs.device
    x, w = (tensor.to(device).requires_grad_() for tensor in (features, weight))
    output = engine.convolve(x, w, kernel_map, direction)
    found = [output, *torch.autograd.grad(output, (x, w), upstream.to(device))]
    x, w = (tensor.double().requires_grad_() for tensor in (features, weight))
    dense = _dense(x, w, kernel_map, direction)
    wanted = [dense, *torch.autograd.grad(dense, (x, w), upstream.double())]
    return [((a.cpu().double() - b).norm() / b.norm()).item() for a, b in zip(found, wanted, strict=True)]


def _dense(features: Tensor, weight: Tensor, kernel_map: KernelMap, direction: Direction) -> Tensor:
    """Compute on a CPU with PyTorch's dense convolution, on a grid with room for every output."""
    geometry = kernel_map.geometry
    fine, coarse = kernel_map.in_coordinates.cpu(), kernel_map.out_coordinates.cpu()
    kernel, before = geometry.kernel_size, [size // 2 if size % 2 else 0 for size in geometry.kernel_size]
    spread = weight.view(*kernel, *weight.shape[1:])
    if direction == "forward":
        grid = features.new_zeros(2, *GRID, features.shape[1]).index_put(fine.unbind(1), features)
        room = [(low, size + step) for low, size, step in zip(before, kernel, geometry.stride, strict=True)]
        padded = pad(grid.permute(0, 4, 1, 2, 3), [zeros for sides in reversed(room) for zeros in sides])
        output = conv3d(padded, spread.permute(4, 3, 0, 1, 2), stride=geometry.stride)
        sites = coarse
    else:
        cells = [extent // step + 2 for extent, step in zip(GRID, geometry.stride, strict=True)]
        grid = features.new_zeros(2, *cells, features.shape[1]).index_put(coarse.unbind(1), features)
        output = conv_transpose3d(grid.permute(0, 4, 1, 2, 3), spread.permute(3, 4, 0, 1, 2), stride=geometry.stride)
        sites = fine + torch.tensor([0, *before])
    scan, x, y, z = sites.unbind(1)
    return output[scan, :, x, y, z]
