"""Checkpoints that survive a kill at any moment: written by rename, hashed, the last two kept."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import IO, Any

import torch

from harness.data.input_file import input_size
from harness.errors import HarnessError
from harness.files import replacing, write_text
from harness.train.finite import few, infinite_names
from harness.train.leftovers import remove_leftovers

KEPT = 2
"""Checkpoints that stay on disk: the newest and the one to fall back on."""

KEYS = {"spec", "step", "student", "method", "optimiser", "seconds", "peak_memory_mib", "devices"}
"""What the training loop saves and reads back."""

REMEDY = "The checkpoint before it is used where there is one; delete this file to be rid of the message."
NEVER_WRITTEN = "A kill leaves no such thing: move it away and run again."

State = dict[str, Any]

_NAME = re.compile("[0-9]{9}[.](pt|sha256)")


def save(folder: Path, state: State) -> str:
    """Write `state` as ``<step>.pt`` with its SHA-256 beside it, then drop all but it and the one before.

    The hash is written first: a hash without its checkpoint is harmless, the other way round it would look broken.
    What a killed writer left goes too, and checkpoints of later steps: who writes this one has passed them over.

    Args:
        folder: the cell's checkpoint folder.
        state: tensors, numbers, strings, lists and dicts only; ``state["step"]`` names the file.

    Returns:
        The SHA-256 of the file.

    Raises:
        HarnessError: it can't be written; what was there before is then as it was.
    """
    remove_leftovers(folder)
    path = folder / f"{state['step']:09d}.pt"
    buffer = io.BytesIO()
    torch.save(state, buffer)
    digest = hashlib.sha256(buffer.getbuffer()).hexdigest()
    write_text(path.with_suffix(".sha256"), digest + "\n")
    with replacing(path) as file:
        file.write(buffer.getbuffer())
    stems = _stems(folder)
    kept = [stem for stem in stems if stem <= path.stem and (folder / stem).with_suffix(".pt").exists()][-KEPT:]
    for stem in set(stems).difference(kept):
        for suffix in (".pt", ".sha256"):
            (folder / stem).with_suffix(suffix).unlink(missing_ok=True)
    return digest


def load_latest(folder: Path, spec_hash: str, steps: int | None = None) -> tuple[State | None, list[str]]:
    """Read the newest sound checkpoint.

    Args:
        folder: the cell's checkpoint folder; it may not exist yet.
        spec_hash: the cell's identity; the data's manifest is a part of it.
        steps: of the whole training, which no checkpoint is beyond; None where that is not known.

    Returns:
        The state, or None when there is none to go on from, and one sentence for each broken checkpoint passed over.

    Raises:
        HarnessError: a sound checkpoint belongs to another spec, or something that is no file stands in the place of
            one and would be in the way of the next.
    """
    broken, stems = [], _stems(folder)
    for stem in stems:
        for suffix in (".pt", ".sha256"):
            _refuse_what_is_no_file((folder / stem).with_suffix(suffix))
    for stem in reversed(stems):
        path = folder / f"{stem}.pt"
        if not (path.exists() or path.is_symlink()):  # a kill came between the hash and it: the next saving tidies up
            continue
        try:
            state = load(path)
            _require_possible(state, path, steps)
        except HarnessError as error:
            broken.append(str(error))
            continue
        if state["spec"] != spec_hash:
            remedy = "Move the folder away and run the matrix again."
            raise HarnessError(path, f"a checkpoint of spec {state['spec']}", f"spec {spec_hash}", remedy)
        return state, broken
    return None, broken


def load(path: Path) -> State:
    """Read one checkpoint; nothing in it is executed.

    Raises:
        HarnessError: the bytes do not have the hash beside them, hold more than plain data, or numbers that no training
            can go on from.
    """
    try:
        expected = path.with_suffix(".sha256").read_text().strip()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != expected:
                found = f"{file.tell()} bytes of SHA-256 {digest[:12]}…"
                raise HarnessError(path, found, f"SHA-256 {expected[:12]}…", REMEDY)
            file.seek(0)
            state = _unpack(file, path)
    except FileNotFoundError as error:
        raise HarnessError(error.filename, "no such file", "a checkpoint and its .sha256", REMEDY) from error
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(path, f"'{error}' on reading", "a checkpoint and its .sha256", REMEDY) from error
    absent = KEYS - set(state) if isinstance(state, dict) else KEYS
    if absent:
        raise HarnessError(path, f"no {', '.join(sorted(absent))} in it", "the state of a training", REMEDY)
    if names := infinite_names(state):
        raise HarnessError(path, f"NaN or ∞ in {few(names)}", "finite numbers to go on from", REMEDY)
    checked: State = state
    return checked


def _stems(folder: Path) -> list[str]:
    """List the steps that have a checkpoint or a hash, ascending, as they stand in the names."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise HarnessError(folder, f"'{error.strerror}' on reading", "a cell's checkpoints", NEVER_WRITTEN) from error
    return sorted({name.partition(".")[0] for name in names if _NAME.fullmatch(name)})


def _unpack(file: IO[bytes], path: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # torch raises whatever it meets first in bytes that it did not write
        if "can't allocate memory" in str(error):  # by torch's allocator: no fault of the file
            raise
        raise HarnessError(path, "a file that is no plain checkpoint", "tensors and numbers only", REMEDY) from error


def _refuse_what_is_no_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        try:
            input_size(path)
        except HarnessError as error:
            raise HarnessError(path, error.found, "a regular file", NEVER_WRITTEN) from error


def _require_possible(state: State, path: Path, steps: int | None) -> None:
    """Refuse a step that the training does not have, or that is not the one of the file's name."""
    step = state["step"]
    if type(step) is not int or step != int(path.stem):
        raise HarnessError(path, f"step {step!r} in it", "the step of its name", REMEDY)
    if steps is not None and step > steps:
        raise HarnessError(path, f"step {step}", f"at most {steps}, the last of this training", REMEDY)
