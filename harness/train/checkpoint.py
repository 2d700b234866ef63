"""Checkpoints that survive a kill at any moment: written by rename, hashed, the last two kept."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from harness.errors import HarnessError
from harness.files import replacing, write_text
from harness.train.finite import few, infinite_names

KEPT = 2
"""Checkpoints that stay on disk: the newest and the one to fall back on."""

KEYS = {"spec", "step", "student", "method", "optimiser", "seconds", "peak_memory_mib", "devices"}
"""What the training loop saves and reads back."""

State = dict[str, Any]


def save(folder: Path, state: State) -> str:
    """Write `state` as ``<step>.pt`` with its SHA-256 beside it, then drop all but the last two.

    The hash is written first: a hash without its checkpoint is harmless, the other way round it would look broken.

    Args:
        folder: the cell's checkpoint folder.
        state: tensors, numbers, strings, lists and dicts only; ``state["step"]`` names the file.

    Returns:
        The SHA-256 of the file.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{state['step']:09d}.pt"
    write_text(path.with_suffix(".sha256"), digest + "\n")
    with replacing(path) as file:
        file.write(content)
    for old in sorted(folder.glob("*.pt"))[:-KEPT]:
        old.unlink()
        old.with_suffix(".sha256").unlink(missing_ok=True)
    return digest


def load_latest(folder: Path, spec_hash: str) -> tuple[State | None, list[str]]:
    """Read the newest sound checkpoint.

    Args:
        folder: the cell's checkpoint folder; it may not exist yet.
        spec_hash: the cell's identity.

    Returns:
        The state, or None when there is none to go on from, and one sentence for each broken checkpoint passed over.

    Raises:
        HarnessError: a sound checkpoint belongs to another spec.
    """
    broken = []
    for path in sorted(folder.glob("*.pt"), reverse=True):
        try:
            state = load(path)
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
    remedy = "The checkpoint before it is used where there is one; delete this file to be rid of the message."
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(path, f"'{error}' on reading", "a checkpoint and its .sha256", remedy) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise HarnessError(path, f"{len(content)} bytes of SHA-256 {digest[:12]}…", f"SHA-256 {expected[:12]}…", remedy)
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise HarnessError(path, "a file that is no plain checkpoint", "tensors and numbers only", remedy) from error
    missing = KEYS - set(state) if isinstance(state, dict) else KEYS
    if missing:
        raise HarnessError(path, f"no {', '.join(sorted(missing))} in it", "the state of a training", remedy)
    if names := infinite_names(state):
        raise HarnessError(path, f"NaN or ∞ in {few(names)}", "finite numbers to go on from", remedy)
    checked: State = state
    return checked
