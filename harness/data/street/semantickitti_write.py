"""Write synthetic streets in the layout of SemanticKITTI."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from harness.data.street.calibration import calibration_text, poses_text
from harness.data.street.classes import to_semantickitti
from harness.data.street.hdl64e import FULL_AZIMUTHS, rays
from harness.data.street.plan import SequencePlan, Stretch, plan
from harness.data.street.scan import Drive
from harness.data.street.synthesis import Request, SynthesisReport, carry_out, write_file
from harness.data.street.trajectory import SCAN_PERIOD_S
from harness.data.street.turn import Rays


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
    request = Request(out, scans, seed, azimuths, workers, progress)
    plans = plan(scans, sequences)
    prepare, job = partial(_write_sequence_files, seed, plans), partial(_write_stretch, seed, azimuths)
    return carry_out(request, plans, "sequences", prepare, job)


def _write_sequence_files(seed: int, plans: Sequence[SequencePlan], folder: Path) -> None:
    for item in plans:
        _write_sequence(folder, seed, item)


def _write_sequence(folder: Path, seed: int, item: SequencePlan) -> None:
    place = folder / "sequences" / item.sequence
    for name in ("velodyne", "labels") if item.split != "test" else ("velodyne",):
        (place / name).mkdir(parents=True)
    ego = Drive(seed, item.sequence, item.scans).ego
    write_file(place / "poses.txt", poses_text([ego.pose(frame) for frame in range(item.scans)]).encode())
    write_file(place / "calib.txt", calibration_text().encode())
    write_file(place / "times.txt", "".join(f"{SCAN_PERIOD_S * k:.6e}\n" for k in range(item.scans)).encode())


@cache
def _turn(azimuths: int) -> Rays:
    return rays(azimuths)


def _write_stretch(seed: int, azimuths: int, folder: Path, stretch: Stretch) -> int:
    place, points = folder / "sequences" / stretch.sequence, 0
    drive = Drive(seed, stretch.sequence, stretch.scans)
    for frame, scan in enumerate(drive.scans(stretch.first, stretch.last, _turn(azimuths)), stretch.first):
        write_file(place / "velodyne" / f"{frame:06d}.bin", scan.points.astype("<f4", copy=False).tobytes())
        if stretch.labelled:
            write_file(
                place / "labels" / f"{frame:06d}.label",
                to_semantickitti(scan.labels).astype("<u4", copy=False).tobytes(),
            )
        points += len(scan.points)
    return points
