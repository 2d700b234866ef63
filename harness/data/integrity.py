"""The check of a data set: every file read once, every fault listed, and the manifest of what was read."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import computed_field

from harness.data.completeness import SequenceListing
from harness.data.fault import Fault
from harness.data.kitti_files import AGAIN
from harness.data.manifest import digest_file, manifest_hash, manifest_text
from harness.data.poses import PosesUnavailable, read_poses, read_tr
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import SPLITS, Split
from harness.data.workers import Progress, map_items
from harness.errors import HarnessError
from harness.files import write_text
from harness.spec import Strict


class SequenceReport(Strict):
    """Scans and points of one sequence."""

    split: str
    scans: int
    official_scans: int
    points: int


class CheckReport(Strict):
    """Outcome of a check. `notes` are findings that forbid nothing but the use of poses."""

    synthetic: bool
    partial: bool
    sequences: dict[str, SequenceReport]
    class_points: dict[str, int]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    manifest: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


@dataclass(frozen=True)
class ScanCheck:
    """What a worker found in one scan: points by class id (when labelled), hashes of its files, its fault."""

    points: int
    class_points: tuple[int, ...]
    digests: dict[str, str]
    fault: Fault | None


def check(
    root: Path,
    partial: bool = False,
    workers: int = 0,
    progress: Progress | None = None,
    splits: Sequence[Split] = SPLITS,
    manifest: Path | None = None,
) -> CheckReport:
    """Read every scan of a data set and report what is wrong.

    Args:
        root: folder that holds ``sequences/``.
        partial: missing scans are no fault.
        workers: processes; 0 works in this one.
        progress: told after every scan.
        splits: which to check.
        manifest: file to write the manifest to, readable by `sha256sum --check` from the root.

    Raises:
        HarnessError: there is no data set at `root`, or the manifest can't be written.
    """
    dataset = SemanticKitti(root, partial=partial)
    listings = [(split, sequence) for split in splits for sequence in dataset.completeness(split).sequences]
    scan_ids = [f"{listing.sequence}/{frame}" for _, listing in listings for frame in listing.found]
    checks = dict(
        zip(scan_ids, map_items(functools.partial(check_scan, dataset), scan_ids, workers, progress), strict=True)
    )
    faults: list[Fault] = []
    notes: list[Fault] = []
    for _, listing in listings:
        faults += sequence_faults(dataset, listing)
        faults += [c.fault for f in listing.found if (c := checks[f"{listing.sequence}/{f}"]).fault is not None]
        pose_faults, pose_notes = check_poses(dataset, listing)
        faults += pose_faults
        notes += pose_notes
    digests = {path: digest for c in checks.values() for path, digest in c.digests.items()}
    if manifest is not None:
        write_text(manifest, manifest_text(digests))
    totals = np.sum([c.class_points for c in checks.values() if c.class_points], axis=0, dtype=np.int64)
    return CheckReport(
        synthetic=dataset.synthetic,
        partial=any(len(listing.found) < listing.official for _, listing in listings),
        sequences={listing.sequence: _sequence_report(split, listing, checks) for split, listing in listings},
        class_points=dict(zip(dataset.label_map.names, np.atleast_1d(totals).tolist(), strict=False)),
        faults=tuple(faults),
        notes=tuple(notes),
        manifest=manifest_hash(digests),
    )


def check_scan(dataset: SemanticKitti, scan_id: str) -> ScanCheck:
    """Read one scan and hash its files."""
    digests: dict[str, str] = {}
    try:
        scan = dataset.read(scan_id)
        digests = {path: digest_file(dataset.root / path) for path in dataset.files(scan_id)}
    except HarnessError as error:
        return ScanCheck(0, (), digests, Fault.of(error))
    counts: list[int] = []
    if scan.labels is not None:
        counts = np.bincount(scan.labels, minlength=dataset.label_map.classes + 1).tolist()
    return ScanCheck(len(scan), tuple(counts), digests, None)


def sequence_faults(dataset: SemanticKitti, listing: SequenceListing) -> list[Fault]:
    """Missing scans (unless the copy is declared partial), empty folders and stray scans of a sequence."""
    faults = [] if listing.fault is None else [Fault.of(listing.fault)]
    if not dataset.partial and len(listing.found) < listing.official:
        where = dataset.root / "sequences" / listing.sequence
        remedy = "Complete the copy, or say --partial."
        error = HarnessError(where, f"{len(listing.found)} scans", f"{listing.official} scans", remedy)
        faults.append(Fault.of(error))
    return faults


def check_poses(dataset: SemanticKitti, listing: SequenceListing) -> tuple[list[Fault], list[Fault]]:
    """Check poses.txt and calib.txt of a sequence that has scans.

    Returns:
        Faults (a malformed file, too few poses) and notes (a file or the ``Tr:`` line is missing).
    """
    folder = dataset.root / "sequences" / listing.sequence
    faults: list[Fault] = []
    notes: list[Fault] = []
    for look in (_check_pose_count, _check_tr) if listing.found else ():
        try:
            look(folder, listing)
        except PosesUnavailable as error:
            notes.append(Fault.of(error))
        except HarnessError as error:
            faults.append(Fault.of(error))
    return faults, notes


def _check_pose_count(folder: Path, listing: SequenceListing) -> None:
    poses, needed = len(read_poses(folder / "poses.txt")), int(listing.found[-1]) + 1
    if poses < needed:
        raise HarnessError(folder / "poses.txt", f"{poses} poses", f"at least {needed}", AGAIN)


def _check_tr(folder: Path, listing: SequenceListing) -> None:
    read_tr(folder / "calib.txt")


def _sequence_report(split: Split, listing: SequenceListing, checks: dict[str, ScanCheck]) -> SequenceReport:
    points = sum(checks[f"{listing.sequence}/{frame}"].points for frame in listing.found)
    return SequenceReport(split=split, scans=len(listing.found), official_scans=listing.official, points=points)
