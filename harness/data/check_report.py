"""What the check of a copy found, as a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import computed_field

from harness.data.completeness import SequenceListing
from harness.data.fault import Fault
from harness.data.input_file import AGAIN, FETCH
from harness.data.scan_check import COLUMNS, ScanCheck
from harness.data.splits import Split
from harness.errors import HarnessError
from harness.spec import DatasetName, Strict


class SequenceReport(Strict):
    """The scans of one sequence, or scene.

    `bounds` holds the least and the largest value of x, y, z in metres and of the intensity, as they are in the files;
    it is empty where no scan can be read. `instances` counts the objects that the labels tell apart.
    """

    split: str
    scans: int
    official_scans: int
    points: int
    fewest_points: int
    most_points: int
    bounds: dict[str, tuple[float, float]]
    instances: int


class CheckReport(Strict):
    """Outcome of a check. `notes` are findings that forbid nothing but what they name.

    `manifest` is the hash of the files that the scans of train and val are read from, the one that a run on them
    carries where all of them are sound; `manifest_all` that of all `files`, those of the test split among them. Both
    leave out what can't be read, and are None where that is everything.
    """

    dataset: DatasetName
    synthetic: bool
    partial: bool
    sequences: dict[str, SequenceReport]
    class_points: dict[str, int]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    files: int
    manifest: str | None
    manifest_all: str | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def unopened(name: DatasetName, error: HarnessError) -> CheckReport:
    """Return the report of a copy that can't even be opened: one fault, and no file."""
    return CheckReport(
        dataset=name, synthetic=False, partial=False, sequences={}, class_points={},
        faults=as_told_here([Fault.of(error)]), notes=(), files=0, manifest=None, manifest_all=None,
    )  # fmt: skip


def as_told_here(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Leave the hint at the check out of remedies: the reader has its report before him."""
    return tuple(fault.model_copy(update={"remedy": FETCH}) if fault.remedy == AGAIN else fault for fault in faults)


def sequence_report(split: Split, listing: SequenceListing, checks: Mapping[str, ScanCheck]) -> SequenceReport:
    """Sum up a sequence from the checks of its scans, by scan id."""
    scans = [checks[f"{listing.sequence}/{frame}"] for frame in listing.found]
    points = [scan.points for scan in scans if scan.points]
    bounds = np.array([scan.bounds for scan in scans if scan.bounds is not None], dtype=np.float64)
    spans: list[tuple[float, float]] = []
    if len(bounds):
        spans = list(zip(bounds[:, 0].min(axis=0).tolist(), bounds[:, 1].max(axis=0).tolist(), strict=True))
    return SequenceReport(
        split=split,
        scans=len(listing.found),
        official_scans=listing.official,
        points=sum(points),
        fewest_points=min(points, default=0),
        most_points=max(points, default=0),
        bounds=dict(zip(COLUMNS, spans, strict=False)),
        instances=len(frozenset[int]().union(*(scan.instances for scan in scans))),
    )
