"""Whether every process of a cell has a scan to train on."""

from __future__ import annotations

from collections.abc import Iterable

from harness.config.models import MatrixConfig
from harness.config.parts import parts
from harness.config.recipes import resolve_recipe
from harness.errors import HarnessError
from harness.matrix.timings import epoch_scans
from harness.spec import CellSpec

OPTION = "--processes"


def check_batches(matrix: MatrixConfig, processes: int) -> None:
    """Refuse processes that would have no scan of any step; asked before any data is prepared.

    Raises:
        HarnessError: a recipe's batch is smaller.
    """
    for part in parts(matrix):
        for backbone in part.backbones:
            recipe = resolve_recipe(part.recipe, backbone.name, part.dataset.name, f"matrix {matrix.name}")
            if recipe.batch_size < processes:
                found = f"{processes}, and a step of {backbone.name} on {part.dataset.name} has {recipe.batch_size}"
                _refuse(
                    f"{found} scans", recipe.batch_size, f", or a larger batch: --set recipe.batch_size={processes}"
                )


def check_scans(specs: Iterable[CellSpec], processes: int) -> None:
    """Refuse processes that would have no scan of any epoch.

    Raises:
        HarnessError: there are fewer training scans.
    """
    for spec in specs:
        if (scans := epoch_scans(spec)) < processes:
            _refuse(f"{processes}, and an epoch of {spec.name} has {scans} scans", scans)


def _refuse(found: str, most: int, otherwise: str = "") -> None:
    expected = "a scan of every step for each of them"
    raise HarnessError(OPTION, found, expected, f"Choose {OPTION} {max(most, 1)} or fewer{otherwise}.")
