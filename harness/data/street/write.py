"""Write synthetic streets in the layout of SemanticKITTI."""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from harness.data.splits import SPLITS, Split
from harness.data.street.calibration import calibration_text, poses_text
from harness.data.street.plan import SequencePlan, Stretch, plan, stretches
from harness.data.street.scan import Drive
from harness.data.street.sensor import FULL_AZIMUTHS, Rays, rays
from harness.data.street.trajectory import SCAN_PERIOD_S
from harness.errors import HarnessError

GENERATOR_VERSION = 1
MIN_AZIMUTHS = 16


@dataclass(frozen=True)
class SynthesisReport:
    """What was written.

    Attributes:
        out: the folder.
        seed, azimuths, scans: what was asked for.
        sequences: scans of each sequence, with its split.
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


def synthesize_semantickitti(
    out: Path,
    scans: int,
    seed: int,
    azimuths: int = FULL_AZIMUTHS,
    sequences: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> SynthesisReport:
    """Write `scans` scans of random streets under `out`, in the layout of SemanticKITTI.

    The bytes depend on scans, seed, azimuths and sequences alone, not on the number of workers. All is written to a
    folder beside `out` that is renamed at the end.

    Args:
        out: a folder that does not exist or is empty.
        scans: at least 3; how they are spread says `harness.data.street.plan.plan`.
        seed: of every draw.
        azimuths: steps of a full turn, the real sensor's 2083 by default.
        sequences: two-digit names, instead of the default choice.
        progress: called with (scans done, scans in all) after every stretch.
        workers: processes.

    Raises:
        HarnessError: `out` holds files, it cannot be written (a full disk, no permission), or an argument is out of
            range. Nothing is left behind.
    """
    started = time.perf_counter()
    if azimuths < MIN_AZIMUTHS or workers < 1 or seed < 0:
        raise HarnessError(
            "synthesis",
            f"azimuths {azimuths}, workers {workers}, seed {seed}",
            f"azimuths >= {MIN_AZIMUTHS}, workers >= 1, seed >= 0",
            "Correct the argument.",
        )
    plans = plan(scans, sequences)
    with _renamed_when_done(out) as folder:
        header = {
            "generator": "street",
            "version": GENERATOR_VERSION,
            "synthetic": True,
            "seed": seed,
            "scans": scans,
            "azimuths": azimuths,
            "sequences": {item.sequence: item.scans for item in plans},
        }
        (folder / "synthetic.json").write_text(json.dumps(header, indent=2) + "\n")
        for item in plans:
            _write_sequence_files(folder, seed, item)
        points, done = 0, 0
        work = stretches(plans)
        for stretch, count in zip(
            work, _map(partial(_write_stretch, folder, seed, azimuths), work, workers), strict=True
        ):
            points, done = points + count, done + stretch.last - stretch.first
            if progress is not None:
                progress(done, scans)
    return SynthesisReport(out, seed, azimuths, scans, plans, points, time.perf_counter() - started)


def _map(job: Callable[[Stretch], int], work: list[Stretch], workers: int) -> Iterator[int]:
    if workers == 1:
        yield from map(job, work)
        return
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(job, work)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _renamed_when_done(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its name on success and is removed on any failure."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HarnessError(out, "files in it", "a new or an empty folder", "Choose another folder or remove it.")
    folder = out.absolute().with_name(f".{out.absolute().name}.partial-{os.getpid()}")
    try:
        folder.mkdir(parents=True)
        yield folder
        folder.replace(out)
    except OSError as error:
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


def _write_sequence_files(folder: Path, seed: int, item: SequencePlan) -> None:
    place = folder / "sequences" / item.sequence
    for name in ("velodyne", "labels") if item.split != "test" else ("velodyne",):
        (place / name).mkdir(parents=True)
    ego = Drive(seed, item.sequence, item.scans).ego
    _write(place / "poses.txt", poses_text([ego.pose(frame) for frame in range(item.scans)]).encode())
    _write(place / "calib.txt", calibration_text().encode())
    _write(place / "times.txt", "".join(f"{SCAN_PERIOD_S * k:.6e}\n" for k in range(item.scans)).encode())


@cache
def _turn(azimuths: int) -> Rays:
    return rays(azimuths)


def _write_stretch(folder: Path, seed: int, azimuths: int, stretch: Stretch) -> int:
    place, points = folder / "sequences" / stretch.sequence, 0
    drive = Drive(seed, stretch.sequence, stretch.scans)
    for frame, scan in enumerate(drive.scans(stretch.first, stretch.last, _turn(azimuths)), stretch.first):
        _write(place / "velodyne" / f"{frame:06d}.bin", scan.points.astype("<f4", copy=False).tobytes())
        if stretch.labelled:
            _write(place / "labels" / f"{frame:06d}.label", scan.labels.astype("<u4", copy=False).tobytes())
        points += len(scan.points)
    return points


def _write(path: Path, content: bytes) -> None:
    """Write a file; an error names its path even where the system does not."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
