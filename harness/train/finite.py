"""Numbers that are not finite, in gradients and in what training has changed: which, when, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness.errors import HarnessError

SHOWN = 3
"""Names in a message before the rest is only counted."""

KEPT = "checkpoints made before are kept."
GRADIENT = (
    "The student diverges, or a term has no finite gradient where it is (a root of 0, a division by 0): lower "
    f"recipe.learning_rate, set recipe.gradient_clip, or mend the method; {KEPT}"
)
DIVERGED = f"The student diverges: lower recipe.learning_rate or set recipe.gradient_clip; {KEPT}"


@dataclass(frozen=True)
class Moment:
    """A step of a training. Both numbers count from 0 as in metrics.jsonl; for people, and as text, they count from 1.

    Attributes:
        epoch: of the step.
        step: since the training began, over all epochs; None where nobody counts.
    """

    epoch: int
    step: int | None = None

    def __str__(self) -> str:
        if self.step is None:
            return f"epoch {self.epoch + 1}"
        logged = f"epoch {self.epoch}, step {self.step} in metrics.jsonl, which counts from 0"
        return f"epoch {self.epoch + 1}, step {self.step + 1} ({logged})"


def gradient_fault(gradients: Mapping[str, Tensor], scan_ids: Sequence[str], moment: Moment) -> HarnessError | None:
    """Return the error for a gradient whose norm is not finite, None when it is.

    Args:
        gradients: of the student and the method's adapters, by name.
        scan_ids: of the batch; a gradient is of all its scans together.
        moment: the step.
    """
    norm = torch.stack([gradient.detach().norm() for gradient in gradients.values()]).norm()
    if norm.isfinite():
        return None
    if names := infinite_names(gradients):
        clause = (
            f"the terms are finite, but not the gradient of {few(names)} ({len(names)} of {len(gradients)} tensors)"
        )
    else:
        name, size = max(((name, largest(gradient)) for name, gradient in gradients.items()), key=lambda item: item[1])
        clause = f"its squares overflow; the largest number, {size:.2g}, is in {name}"
    where = f"{moment}, {scans_label(scan_ids)}"
    return HarnessError(where, f"norm of the gradient = {float(norm)}: {clause}", "a finite gradient", GRADIENT)


def refuse_infinite(state: Mapping[str, Any], moment: Moment) -> None:
    """Check what is about to be written as a checkpoint or as final weights.

    A step with finite terms and a finite gradient can still overflow the weights, or the running statistics of a
    normalisation, and whoever resumed from those would have NaN for ever.

    Args:
        state: tensors in dicts and lists.
        moment: the last step made.

    Raises:
        HarnessError: a tensor is not finite.
    """
    if names := infinite_names(state):
        found = f"NaN or ∞ in {few(names)}"
        raise HarnessError(f"after {moment}", found, "finite weights, statistics and optimiser state", DIVERGED)


def infinite_names(state: Mapping[str, Any]) -> list[str]:
    """Return the paths of the floating tensors, in dicts and lists, that hold NaN or infinite numbers."""
    return [name for name, tensor in _tensors(state) if tensor.is_floating_point() and not all_finite(tensor)]


def all_finite(values: Tensor) -> bool:
    """Tell whether every number is finite.

    A finite sum has finite parts alone, and is far cheaper than a look at each; where it overflows the look decides.
    """
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())


def largest(values: Tensor) -> float:
    """Return the largest magnitude, 0 of nothing."""
    return float(values.detach().abs().max()) if values.numel() else 0.0


def few(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def scans_label(ids: Sequence[str]) -> str:
    """Return what scans are called in a message."""
    return f"scan{'s' if len(ids) > 1 else ''} {', '.join(ids)}"


def _tensors(state: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a state with their paths."""
    if isinstance(state, Tensor):
        yield path, state
    elif isinstance(state, Mapping | list | tuple):
        for key, value in state.items() if isinstance(state, Mapping) else enumerate(state):
            yield from _tensors(value, f"{path}.{key}" if path else str(key))
