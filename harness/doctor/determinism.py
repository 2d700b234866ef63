"""Whether a training step gives the same bits when it is run again, and on another number of threads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from backbones.reduction import segment_max
from backbones.sparse.engine import Engine
from backbones.sparse.layers import InverseConv, StridedConv, SubmanifoldConv, set_engine
from backbones.sparse.self_test import fixed_voxels
from backbones.sparse.tensor import SparseTensor

CLASSES, LEARNING_RATE = 5, 0.1
EVERY = 4
"""One of so many of the fixed voxels is used, which leaves 5 107: the data race of spconv's CPU wheel shows on them."""


@dataclass(frozen=True)
class Determinism:
    """A training step of a small sparse network, by the bits of everything it computed.

    Attributes:
        engine: name of the engine that computed it.
        device: as torch names it.
        repeatable: the same bits both times, twice on one thread and twice on two.
        independent_of_threads: the same bits on one thread and on two.
        digest: SHA-256 of loss, gradients, weights and statistics after a step on one thread.
    """

    engine: str
    device: str
    repeatable: bool
    independent_of_threads: bool
    digest: str


class ProbeNetwork(nn.Module):
    """Every kind of layer that the backbones have, once: submanifold, strided, inverse, normalised, reduced."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SubmanifoldConv(4, 16, 3)
        self.down = StridedConv(16, 32, 2, 2)
        self.deep = SubmanifoldConv(32, 32, 3)
        self.up = InverseConv(32, 16, 2, 2)
        self.norms = nn.ModuleList(nn.BatchNorm1d(channels) for channels in (16, 32, 32, 16))
        self.classify = nn.Linear(2 * 16, CLASSES)

    def forward(self, x: SparseTensor) -> Tensor:
        """Return [V, CLASSES] logits; every voxel also sees the largest features of its column."""
        fine = self._normalise(0, self.stem(x))
        coarse = self._normalise(1, self.down(fine))
        features = self._normalise(3, self.up(self._normalise(2, self.deep(coarse)), fine)).features
        columns, column = torch.unique(x.coordinates[:, :3], dim=0, return_inverse=True)
        tallest = segment_max(features, column, len(columns))[column]
        logits: Tensor = self.classify(torch.cat([features, tallest], dim=1))
        return logits

    def _normalise(self, number: int, x: SparseTensor) -> SparseTensor:
        return x.with_features(relu(self.norms[number](x.features)))


def probe_determinism(engine: Engine, device: torch.device) -> Determinism:
    """Make one training step twice on one thread and twice on two, and compare bit for bit.

    Raises:
        EngineError: the engine can't compute on this device.
    """
    one, again, two, once_more = (_step(engine, device, threads) for threads in (1, 1, 2, 2))
    return Determinism(
        engine=engine.name,
        device=str(device),
        repeatable=one == again and two == once_more,
        independent_of_threads=one == two,
        digest=one,
    )


def _step(engine: Engine, device: torch.device, threads: int) -> str:
    """Make one step of gradient descent from fixed weights and return the digest of what it computed."""
    with _threads(threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ProbeNetwork().to(device).train()
        set_engine(network, engine)
        optimiser = torch.optim.SGD(network.parameters(), LEARNING_RATE)
        coordinates = fixed_voxels()[::EVERY].to(device)
        logits = network(SparseTensor(coordinates.float() / 100, coordinates))
        loss = cross_entropy(logits, coordinates.sum(1) % CLASSES)
        torch.autograd.backward(loss)
        optimiser.step()
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    computed = hashlib.sha256()
    for tensor in (loss.detach(), *gradients, *network.state_dict().values()):
        computed.update(tensor.cpu().contiguous().numpy().tobytes())
    return computed.hexdigest()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
