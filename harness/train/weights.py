"""Final weights of a cell as safetensors: plain numbers, no code."""

from __future__ import annotations

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from harness.errors import HarnessError
from harness.files import replacing

FILE = "weights.safetensors"


def save_weights(network: nn.Module, path: Path) -> str:
    """Write a network's parameters and buffers; return the SHA-256 of the file."""
    content = save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()})
    with replacing(path) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def load_weights(network: nn.Module, path: Path) -> str:
    """Fill a network from a file; every tensor must be placed and every parameter filled.

    Returns:
        The SHA-256 of the file.

    Raises:
        HarnessError: the file is missing, broken, or made for another network.
    """
    remedy = "Run the cell again: move its folder away first."
    try:
        content = path.read_bytes()
        tensors = load_tensors(content)
    except (OSError, SafetensorError) as error:
        raise HarnessError(path, str(error), "the weights of a finished cell", remedy) from error
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if wanted != given:
        differing = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
        raise HarnessError(
            path, f"{len(differing)} tensors that differ ({differing[0]}, …)", "this network's tensors", remedy
        )
    network.load_state_dict(tensors)
    return hashlib.sha256(content).hexdigest()
