"""What the writers of synthetic data sets share: the request, the workers, the folder that appears when it is whole."""

import errno
import glob
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.data.splits import SPLITS, Split
from harness.data.street.plan import SequencePlan, Stretch, stretches
from harness.data.workers import process_pool
from harness.errors import HarnessError

GENERATOR_VERSION = 2
MIN_AZIMUTHS = 16


@dataclass(frozen=True)
class Request:
    """What is asked of a writer.

    Attributes:
        out: a folder that does not exist or is empty.
        scans: of all splits together.
        seed: of every draw.
        azimuths: steps of a full turn.
        workers: processes; the bytes do not depend on their number.
        progress: called with (scans done, scans in all) after every stretch.

    Raises:
        HarnessError: an argument is out of range.
    """

    out: Path
    scans: int
    seed: int
    azimuths: int
    workers: int
    progress: Callable[[int, int], None] | None

    def __post_init__(self) -> None:
        if self.azimuths < MIN_AZIMUTHS or self.workers < 1 or self.seed < 0:
            raise HarnessError(
                "synthesis",
                f"azimuths {self.azimuths}, workers {self.workers}, seed {self.seed}",
                f"azimuths >= {MIN_AZIMUTHS}, workers >= 1, seed >= 0",
                "Correct the argument.",
            )


@dataclass(frozen=True)
class SynthesisReport:
    """What was written.

    Attributes:
        out: the folder.
        seed, azimuths, scans: what was asked for.
        sequences: scans of each sequence or scene, with its split.
        points: points of all scans.
        seconds: wall-clock time.
    """

    out: Path
    seed: int
    azimuths: int
    scans: int
    sequences: tuple[SequencePlan, ...]
    points: int
    seconds: float

    @property
    def split_sizes(self) -> dict[Split, int]:
        """Scans in train, val and test."""
        return {split: sum(item.scans for item in self.sequences if item.split == split) for split in SPLITS}


def carry_out(
    request: Request,
    plans: tuple[SequencePlan, ...],
    unit: str,
    prepare: Callable[[Path], None],
    job: Callable[[Path, Stretch], int],
) -> SynthesisReport:
    """Write a data set to a folder beside the wanted one, then rename it.

    Args:
        request: what is asked for.
        plans: how the scans are spread.
        unit: what the data set calls its drives, a key of `synthetic.json`.
        prepare: writes all but the scans into the folder.
        job: writes the scans of a stretch into the folder and returns the number of their points; it can be pickled.

    Raises:
        HarnessError: the folder holds files or cannot be written. Nothing is left behind.
    """
    started = time.perf_counter()
    with _renamed_when_done(request.out) as folder:
        header = {
            "generator": "street",
            "version": GENERATOR_VERSION,
            "synthetic": True,
            "seed": request.seed,
            "scans": request.scans,
            "azimuths": request.azimuths,
            unit: {item.sequence: item.scans for item in plans},
        }
        write_file(folder / "synthetic.json", (json.dumps(header, indent=2) + "\n").encode())
        prepare(folder)
        points, done, work = 0, 0, stretches(plans)
        for stretch, count in zip(work, _map(partial(job, folder), work, request.workers), strict=True):
            points, done = points + count, done + stretch.last - stretch.first
            if request.progress is not None:
                request.progress(done, request.scans)
    seconds = time.perf_counter() - started
    return SynthesisReport(request.out, request.seed, request.azimuths, request.scans, plans, points, seconds)


def write_file(path: Path, content: bytes) -> None:
    """Write a file; an error names its path even where the system does not."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _map(job: Callable[[Stretch], int], work: list[Stretch], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(job, work)
        return
    with process_pool(workers) as pool:
        try:
            yield from pool.map(job, work)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _renamed_when_done(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its name on success and is removed on any failure."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise _taken(out)
    folder = out.absolute().with_name(f".{out.absolute().name}.partial-{os.getpid()}")
    _remove_remains(folder)
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.replace(out)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise _taken(out) from error
        raise HarnessError(
            error.filename or out,
            error.strerror or str(error),
            "a folder that can be written",
            "Free space or choose another folder; nothing was kept.",
        ) from error
    except BrokenExecutor as error:
        remedy = "It may have run out of memory: use fewer workers. Nothing was kept."
        raise HarnessError(out, "a worker process that was killed", "workers that live", remedy) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _taken(out: Path) -> HarnessError:
    return HarnessError(out, "files in it", "a new or an empty folder", "Choose another folder or remove it.")


def _remove_remains(folder: Path) -> None:
    """Remove what killed processes left of the same set."""
    stem, _, _ = folder.name.rpartition("-")
    for remains in folder.parent.glob(f"{glob.escape(stem)}-*"):
        owner = remains.name.rpartition("-")[2]
        if owner.isdigit() and not _lives(int(owner)):
            shutil.rmtree(remains, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is another user's
    return True
