"""Where the data of a matrix comes from: a root of the user's, or synthetic streets made for the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from filelock import Timeout

from harness.config.models import DatasetConfig, SyntheticConfig
from harness.data.open import dataset_kind
from harness.data.roots import find_root
from harness.files import make_folder, write_error
from harness.lock import FOREVER, Lock
from harness.matrix.progress import Progress


def data_root(dataset: DatasetConfig, given: Mapping[str, Path | None], out: Path, progress: Progress) -> Path:
    """Return the root of a data set of a matrix, after making it when it is synthetic and not there yet.

    Args:
        dataset: of the matrix.
        given: roots named on the command line, by data set.
        out: folder of the run; synthetic sets are kept in its ``data/``.
        progress: told about the making.

    Raises:
        HarnessError: the root is named nowhere, or the synthetic set can't be written.
    """
    synthetic, root_name = dataset.synthetic, dataset_kind(dataset.name).root_name
    if synthetic is None:
        return find_root(root_name, given.get(root_name))
    from harness.data.street.synthesis import GENERATOR_VERSION

    size = f"{synthetic.scans}x{synthetic.azimuths}-seed{synthetic.seed}"
    root = out / "data" / f"{root_name}-streets-v{GENERATOR_VERSION}-{size}"
    if not root.exists():
        with _alone(root, progress):
            if not root.exists():
                _synthesize(root_name, synthetic, root, partial(progress.phase, "synthesise streets"))
                progress.note(f"Synthetic streets: {root}")
    return root


@contextmanager
def _alone(root: Path, progress: Progress) -> Iterator[None]:
    """Wait until nobody else makes a synthetic set: of several runs that begin at once, one does.

    Raises:
        HarnessError: the folder it is kept in can't be written.
    """
    make_folder(root.parent)
    lock = Lock(root.with_name(f".{root.name}.lock"))
    with ExitStack() as held:
        try:
            try:
                held.enter_context(lock.hold(patience_s=0))
            except Timeout:
                progress.note(f"{root} is being made by another process: waiting for it.")
                held.enter_context(lock.hold(FOREVER))
        except OSError as error:
            raise write_error(root, error) from error
        yield


def _synthesize(root_name: str, wanted: SyntheticConfig, root: Path, progress: Callable[[int, int], None]) -> None:
    """Write streets in the layout of a data set."""
    if root_name == "nuscenes":
        from harness.data.street.nuscenes_write import synthesize_nuscenes

        synthesize_nuscenes(root, wanted.scans, wanted.seed, wanted.azimuths, progress)
    else:
        from harness.data.street.semantickitti_write import synthesize_semantickitti

        synthesize_semantickitti(root, wanted.scans, wanted.seed, wanted.azimuths, progress=progress)
