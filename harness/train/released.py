"""Read a checkpoint of released code: plain tensors alone, whoever wrote the file."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, Any

import torch
from torch import Tensor

from harness.errors import HarnessError

MOST_BYTES = 4 << 30
"""The largest released file is one of Cylinder3D at width 1.5, about 0.5 GB; training states hold three times that."""

CONTAINERS = ("model", "state_dict", "model_state_dict")
"""Keys under which a checkpoint keeps the network's tensors beside other things."""

PREFIX = "module."
"""What torch's data-parallel wrappers put before every name."""

EXPECTED = "a checkpoint written by torch.save that holds a network's tensors"
AGAIN = "Download it again if it is incomplete."


@dataclass(frozen=True)
class Released:
    """A checkpoint.

    Attributes:
        tensors: by name, without the prefix of a wrapper.
        sha256: of the file.
    """

    tensors: dict[str, Tensor]
    sha256: str


def read_released(path: Path) -> Released:
    """Read the network's tensors from a checkpoint; no code in it runs.

    Raises:
        HarnessError: the file is missing, too large, truncated, no checkpoint, holds code, or holds no network.
    """
    try:
        with path.open("rb") as file:
            _bound(path, file)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            content = _load(path, file)
    except OSError as error:
        raise HarnessError(path, error.strerror or str(error), EXPECTED, "Check the path.") from error
    tensors = _network(path, content)
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if claimed > MOST_BYTES:
        raise _too_large(path, claimed)
    return Released(tensors, sha256)


def _bound(path: Path, file: IO[bytes]) -> None:
    """Refuse a file that is too large, or that would be once its archive is unpacked, or whose archive is damaged.

    Raises:
        HarnessError: it is.
    """
    size = file.seek(0, 2)
    if size <= MOST_BYTES and zipfile.is_zipfile(file):
        try:
            with zipfile.ZipFile(file) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
                # torch's reader ignores the checksums, and a damaged weight is a weight like any other.
                damaged = archive.testzip() if size <= MOST_BYTES else None
        except OSError:
            raise
        except Exception as error:  # a damaged or hostile archive makes zipfile's decompressors raise almost anything
            raise _unreadable(path, error) from error
        if damaged is not None:
            raise HarnessError(path, f"other bytes than were saved in {damaged[:80]!r}", EXPECTED, AGAIN)
    if size > MOST_BYTES:
        raise _too_large(path, size)
    file.seek(0)


def _load(path: Path, file: IO[bytes]) -> Any:
    """Unpickle plain data.

    Raises:
        HarnessError: the file is damaged, no checkpoint, or holds code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd content, which is refused below by name
            return torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        if "GLOBAL" not in str(error):
            raise _unreadable(path, error) from error
        remedy = "Open it with the code that wrote it, if you trust that, and save the network's state_dict() alone."
        raise HarnessError(path, "pickled code or objects, which are never run here", EXPECTED, remedy) from error
    except Exception as error:  # a damaged or hostile file makes torch's readers raise almost anything
        raise _unreadable(path, error) from error


def _network(path: Path, content: Any) -> dict[str, Tensor]:
    """Return the network's tensors in a checkpoint's content.

    Raises:
        HarnessError: there are none.
    """
    inside = [content[key] for key in CONTAINERS if key in content] if isinstance(content, Mapping) else []
    for candidate in (content, *inside):
        if isinstance(candidate, Mapping) and candidate and all(map(_is_plain, candidate, candidate.values())):
            wrapped = all(name.startswith(PREFIX) for name in candidate)
            return {name.removeprefix(PREFIX) if wrapped else name: tensor for name, tensor in candidate.items()}
    shown = ", ".join(repr(key)[:40] for key in list(content)[:5]) if isinstance(content, Mapping) else ""
    found = f"the keys {shown}" if shown else f"a {type(content).__name__}"
    remedy = f"Save the network's state_dict(), bare or under one of the keys {', '.join(CONTAINERS)}."
    raise HarnessError(path, found, "names and plain tensors", remedy)


def _is_plain(name: object, value: object) -> bool:
    """Tell whether an entry is a named tensor with numbers of its own."""
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and value.device.type == "cpu"


def _too_large(path: Path, size: int) -> HarnessError:
    return HarnessError(
        path,
        f"{size / 1e9:.1f} GB",
        f"at most {MOST_BYTES / 1e9:.1f} GB",
        "A released network is far smaller; check that the file is what you think it is.",
    )


def _unreadable(path: Path, error: Exception) -> HarnessError:
    told = str(error).partition("WeightsUnpickler error:")[2] or str(error)  # the fault, behind general advice
    reason = told.strip().splitlines()
    found = f"a file that torch can't read ({reason[0][:120] if reason else type(error).__name__})"
    return HarnessError(path, found, EXPECTED, AGAIN)
