"""Final weights of a cell as safetensors: plain numbers, no code."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.files import replacing
from harness.train.leftovers import remove_leftovers

FILE = "weights.safetensors"


def save_weights(network: nn.Module, path: Path) -> str:
    """Write a network's parameters and buffers; return the SHA-256 of the file."""
    content = save_tensors({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()})
    remove_leftovers(path.parent, of=path.name)
    with replacing(path) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def load_weights(network: nn.Module, path: Path) -> str:
    """Fill a network from a cell's file; every tensor must be placed and every parameter filled.

    Returns:
        The SHA-256 of the file.

    Raises:
        HarnessError: the file is missing, broken, or made for another network.
    """
    remedy = "Run the cell again: move its folder away first."
    content, tensors = read_tensors(path, "the weights of a finished cell", remedy)
    require_same(network, tensors, path, remedy)
    network.load_state_dict(tensors)
    return hashlib.sha256(content).hexdigest()


def read_tensors(path: Path, expected: str, remedy: str) -> tuple[bytes, dict[str, Tensor]]:
    """Read a safetensors file.

    Args:
        path: the file.
        expected: what it should be; this and the next for an error.
        remedy: what to do if it is not.

    Returns:
        Its bytes and its tensors.

    Raises:
        HarnessError: it is missing or broken.
    """
    try:
        content = path.read_bytes()
        return content, load_tensors(content)
    except (OSError, SafetensorError) as error:
        raise HarnessError(path, str(error), expected, remedy) from error


def require_same(network: nn.Module, tensors: Mapping[str, Tensor], path: Path, remedy: str) -> None:
    """Check that a file's tensors have the names, shapes and types of a network's, all of them and no others.

    Raises:
        HarnessError: some differ.
    """
    wanted = {name: (tensor.shape, tensor.dtype) for name, tensor in network.state_dict().items()}
    given = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    if wanted != given:
        differing = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
        raise HarnessError(
            path, f"{len(differing)} tensors that differ ({differing[0]}, …)", "this network's tensors", remedy
        )
