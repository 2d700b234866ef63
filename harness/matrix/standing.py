"""How far a cell has come, told by its folder without reading what is large in it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from harness.files import folder_mib
from harness.matrix.timings import epoch_scans
from harness.progress import ProgressFile
from harness.spec import CellSpec
from harness.store import CellFolder, Status, Store

MIB = 2**20


@dataclass(frozen=True)
class Standing:
    """How far a cell has come.

    Attributes:
        status: of the cell; pending too when it is to be measured otherwise than it was.
        trained: share of the training that need not be done again, 0–1.
        written_mib: size of its folder now.
    """

    status: Status
    trained: float
    written_mib: float


def standing(spec: CellSpec, store: Store) -> Standing:
    """Return how far a cell has come: a finished one to the end, another one to its newest checkpoint.

    A cell that runs now is as far as it says itself. Checkpoints are not read: a broken one, which the cell will pass
    over, counts like a sound one.
    """
    folder = CellFolder(store.path / spec.cell)
    if not folder.path.exists():
        return Standing("pending", 0.0, 0.0)
    status, written = folder.status(), folder_mib(folder.path)
    if status == "finished":
        result = folder.result()
        as_asked = result is not None and result.spec.measure == spec.measure
        return Standing("finished" if as_asked else "pending", 1.0, written)
    steps = _checkpointed(folder)
    if status == "running":
        steps = max(steps, _reported(folder))
    return Standing(status, min(steps / training_steps(spec), 1.0), written)


def training_steps(spec: CellSpec) -> int:
    """Return the steps of a cell's training."""
    return spec.recipe.epochs * ceil(epoch_scans(spec) / spec.recipe.batch_size)


def _checkpointed(folder: CellFolder) -> int:
    """Return the steps before the newest checkpoint; 0 without one."""
    names = (path.stem for path in folder.checkpoints.glob("*.pt"))
    return max((int(name) for name in names if name.isdecimal()), default=0)


def _reported(folder: CellFolder) -> int:
    """Return the steps that a running cell last said it had made; 0 after its training, whose end is a checkpoint."""
    progress = ProgressFile(folder.path / "progress.json").read()
    if progress is None or progress.phase != "train":
        return 0
    return progress.done
