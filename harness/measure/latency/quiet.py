"""Nothing beside the networks runs while they are timed."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def quiet(networks: Sequence[nn.Module]) -> Iterator[None]:
    """Eval mode, no gradients, garbage collected once and then no more; all as before afterwards."""
    training, collecting = [network.training for network in networks], gc.isenabled()
    for network in networks:
        network.eval()
    gc.collect()
    gc.disable()
    try:
        with torch.no_grad():
            yield
    finally:
        for network, before in zip(networks, training, strict=True):
            network.train(before)
        if collecting:
            gc.enable()
