"""Out of memory: how to tell it from other faults, where it struck, and how to let go of what was held."""

from __future__ import annotations

import gc
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.errors import HarnessError

SIGNS = re.compile(
    r"can't allocate memory|not enough memory|CUDA error: out of memory|(CUBLAS|CUDNN)_STATUS_ALLOC_FAILED"
    r"|Caught \w*MemoryError in"
)
"""How a RuntimeError tells of it: torch's allocator on a CPU, CUDA and its libraries, an error of a loader's worker."""

LONGEST = 200
"""Characters of an allocator's own words that a reason repeats."""

TRAINING, LOADER = "training", "loader's worker"

MORE_MEMORY = "Free what other programs hold, or take a device with more memory"
SMALLER_CELL = "larger voxels, recipe.augmentation.max_voxels or a smaller width need less, but make another cell"

PLACES = {
    "harness.train.loop": TRAINING,
    "harness.measure": "measuring",
    "harness.evaluate": "evaluation",
    "harness.matrix.examine": "evaluation",
    "harness.data": "reading of scans",
}
"""What a cell does in these modules; of several that are at work the first one says it: a training reads scans too."""


@dataclass(frozen=True)
class OutOfMemory:
    """An error that tells of too little memory.

    Attributes:
        told: the allocator's own words, shortened.
        place: what the cell was doing.
    """

    told: str
    place: str

    @property
    def in_training(self) -> bool:
        """Whether fewer scans in one forward pass would have needed less."""
        return self.place == TRAINING


class OutOfMemoryError(HarnessError):
    """A cell that no micro-batch lets go on."""


def out_of_memory(error: BaseException) -> OutOfMemory | None:
    """Return what an error tells of a lack of memory; None when it tells of something else."""
    if isinstance(lack := getattr(error, "lack", None), OutOfMemory):  # told by one of several processes
        return lack
    message = str(error)
    if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not (
        isinstance(error, RuntimeError) and SIGNS.search(message)
    ):
        return None
    told = " ".join(message.partition("\n")[0].split())[:LONGEST] or type(error).__name__
    return OutOfMemory(told, LOADER if "in DataLoader worker process" in message else _place(error))


def give_up(lack: OutOfMemory, tried: Sequence[int], cell: str) -> OutOfMemoryError:
    """Return the error that says what was tried, and what can be done.

    Args:
        lack: the last one.
        tried: scans in one forward pass, attempt by attempt.
        cell: its name.
    """
    sizes = ", ".join(map(str, tried))
    if lack.in_training:
        found = f"no memory left with one scan in a pass (tried {sizes}): {lack.told}"
        remedy = f"{MORE_MEMORY} and run again; {SMALLER_CELL}."
    elif lack.place == LOADER:
        found, remedy = f"no memory left: {lack.told}", f"Use fewer --workers. {MORE_MEMORY} and run again."
    else:
        found = f"no memory left, where a smaller micro-batch is no help: {lack.told}"
        remedy = f"{MORE_MEMORY}; {SMALLER_CELL}."
    return OutOfMemoryError(f"{lack.place} of {cell}", found, "room for one scan", remedy)


def let_go(error: BaseException) -> None:
    """Free what an error's frames still hold: the networks, the batch and the gradients of the failed sitting."""
    fault: BaseException | None = error
    while fault is not None:
        traceback.clear_frames(fault.__traceback__)
        fault = fault.__cause__ or fault.__context__
    gc.collect()
    torch.cuda.empty_cache()


def _place(error: BaseException) -> str:
    """Return what was being done, by the modules of the error's frames."""
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    at_work = (
        place
        for prefix, place in PLACES.items()
        if any(module == prefix or module.startswith(f"{prefix}.") for module in modules)
    )
    return next(at_work, "preparation")
