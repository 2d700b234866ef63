"""Where the data of a matrix comes from: a root of the user's, or synthetic streets made for the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.config.models import MatrixConfig, SyntheticConfig
from harness.data.open import dataset_kind
from harness.data.roots import find_root
from harness.matrix.progress import Progress


def data_root(config: MatrixConfig, given: Mapping[str, Path | None], out: Path, progress: Progress) -> Path:
    """Return the root of a matrix's data, after making it when it is synthetic and not there yet.

    Args:
        config: the matrix.
        given: roots named on the command line, by data set.
        out: folder of the run; synthetic sets are kept in its ``data/``.
        progress: told about the making.

    Raises:
        HarnessError: the root is named nowhere, or the synthetic set can't be written.
    """
    synthetic, root_name = config.dataset.synthetic, dataset_kind(config.dataset.name).root_name
    if synthetic is None:
        return find_root(root_name, given.get(root_name))
    from harness.data.street.synthesis import GENERATOR_VERSION

    size = f"{synthetic.scans}x{synthetic.azimuths}-seed{synthetic.seed}"
    root = out / "data" / f"{root_name}-streets-v{GENERATOR_VERSION}-{size}"
    if not root.exists():
        _synthesize(root_name, synthetic, root, lambda done, total: progress.phase("synthesise streets", done, total))
        progress.note(f"Synthetic streets: {root}")
    return root


def _synthesize(root_name: str, wanted: SyntheticConfig, root: Path, progress: Callable[[int, int], None]) -> None:
    """Write streets in the layout of a data set."""
    if root_name == "nuscenes":
        from harness.data.street.nuscenes_write import synthesize_nuscenes

        synthesize_nuscenes(root, wanted.scans, wanted.seed, wanted.azimuths, progress)
    else:
        from harness.data.street.semantickitti_write import synthesize_semantickitti

        synthesize_semantickitti(root, wanted.scans, wanted.seed, wanted.azimuths, progress=progress)
