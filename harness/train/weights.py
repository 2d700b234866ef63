"""Final weights of a cell as safetensors: plain numbers, no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.files import replacing
from harness.train.leftovers import remove_leftovers

FILE = "weights.safetensors"

TRAINED_ON = "harness.trained_on"
"""Key in the file's metadata, with the splits: ``train+val``. A network that was trained on the training split alone
has none, so that its file has the bytes that every version gave it."""

UNSAID = "train"
"""What a file without the key was trained on."""


def save_weights(network: nn.Module, path: Path, trained_on: Sequence[str] = ("train",)) -> str:
    """Write a network's parameters and buffers, and what it was trained on; return the SHA-256 of the file."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    splits = "+".join(trained_on)
    content = save_tensors(tensors, None if splits == UNSAID else {TRAINED_ON: splits})
    remove_leftovers(path.parent, of=path.name)
    with replacing(path) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()


def load_weights(network: nn.Module, path: Path, trained_on: Sequence[str] = ("train",)) -> str:
    """Fill a network from a cell's file; every tensor must be placed and every parameter filled.

    Args:
        network: to fill.
        path: the file.
        trained_on: the splits of the cell; a file that names others is another cell's.

    Returns:
        The SHA-256 of the file.

    Raises:
        HarnessError: the file is missing, broken, or made for another network or by another training.
    """
    remedy = "Run the cell again: move its folder away first."
    content, tensors = read_tensors(path, "the weights of a finished cell", remedy)
    said, wanted = metadata(content).get(TRAINED_ON, UNSAID), "+".join(trained_on)
    if said != wanted:
        raise HarnessError(path, f"weights trained on {said[:40]}, as they say", f"on {wanted}", remedy)
    require_same(network, tensors, path, remedy)
    network.load_state_dict(tensors)
    return hashlib.sha256(content).hexdigest()


def metadata(content: bytes) -> dict[str, str]:
    """Return the metadata in a sound safetensors file's header, which is eight bytes of length and then JSON."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found: dict[str, str] = header.get("__metadata__", {})
    return found


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
