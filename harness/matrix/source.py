"""Where the data of a matrix comes from: a root of the user's, or synthetic streets made for the run."""

from __future__ import annotations

from pathlib import Path

from harness.config import MatrixConfig
from harness.data.roots import find_root
from harness.matrix.progress import Progress


def data_root(config: MatrixConfig, given: Path | None, out: Path, progress: Progress) -> Path:
    """Return the root of a matrix's data, after making it when it is synthetic and not there yet.

    Args:
        config: the matrix.
        given: root named on the command line.
        out: folder of the run; synthetic sets are kept in its ``data/``.
        progress: told about the making.

    Raises:
        HarnessError: the root is named nowhere, or the synthetic set can't be written.
    """
    synthetic = config.dataset.synthetic
    if synthetic is None:
        return find_root(config.dataset.name, given)
    root = out / "data" / f"streets-{synthetic.scans}x{synthetic.azimuths}-seed{synthetic.seed}"
    if not root.exists():
        from harness.data.street.write import synthesize_semantickitti

        synthesize_semantickitti(
            root,
            synthetic.scans,
            synthetic.seed,
            synthetic.azimuths,
            progress=lambda done, total: progress.phase("synthesise streets", done, total),
        )
        progress.note(f"Synthetic streets: {root}")
    return root
