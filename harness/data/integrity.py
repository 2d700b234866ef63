"""The check of a copy: every file read once, every fault listed, and the manifest of what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import computed_field

from harness.data.completeness import SequenceListing
from harness.data.dataset import Dataset
from harness.data.fault import Fault
from harness.data.manifest import digest_file, manifest_hash, manifest_text
from harness.data.scan_check import COLUMNS, Findings, ScanCheck
from harness.data.splits import SPLITS, Split
from harness.data.workers import Progress, map_in_threads
from harness.errors import HarnessError
from harness.files import write_text
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

    `manifest` is the hash of the `files` that could be read.
    """

    dataset: DatasetName
    synthetic: bool
    partial: bool
    sequences: dict[str, SequenceReport]
    class_points: dict[str, int]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...]
    files: int
    manifest: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ok(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def check(
    dataset: Dataset,
    workers: int = 0,
    progress: Progress | None = None,
    splits: Sequence[Split] = SPLITS,
    manifest: Path | None = None,
) -> CheckReport:
    """Read every scan of a copy and report what is wrong.

    Args:
        dataset: the reader; missing scans are no fault where it is partial.
        workers: threads; 0 works in this one. Reading and hashing, most of the work, let other threads run.
        progress: told after every scan.
        splits: which to check.
        manifest: file to write the manifest to, readable by `sha256sum --check` from the root.

    Raises:
        HarnessError: the manifest can't be written.
    """
    try:
        listings = [(split, listing) for split in splits for listing in dataset.completeness(split).sequences]
    except HarnessError as error:
        return unlisted(dataset.name, error)
    scan_ids = [f"{listing.sequence}/{frame}" for _, listing in listings for frame in listing.found]
    checks = dict(zip(scan_ids, map_in_threads(dataset.check_scan, scan_ids, workers, progress), strict=True))
    findings = [_missing(dataset, listings)]
    for _, listing in listings:
        scans = [fault for frame in listing.found for fault in checks[f"{listing.sequence}/{frame}"].faults]
        findings += [sequence_faults(dataset, listing), Findings(tuple(scans)), dataset.check_sequence(listing)]
    found = Findings.joined([*findings, dataset.check_copy()])
    digests = {path: digest for scan in checks.values() for path, digest in scan.digests.items()}
    found = Findings.joined([found, _digest_rest(dataset, scan_ids, digests, found.faults)])
    if manifest is not None:
        write_text(manifest, manifest_text(digests))
    totals = np.sum([scan.class_points for scan in checks.values() if scan.class_points], axis=0, dtype=np.int64)
    return CheckReport(
        dataset=dataset.name,
        synthetic=dataset.synthetic,
        partial=any(len(listing.found) < listing.official for _, listing in listings),
        sequences={listing.sequence: _sequence_report(split, listing, checks) for split, listing in listings},
        class_points=dict(zip(dataset.class_names, np.atleast_1d(totals).tolist(), strict=False)),
        faults=found.faults,
        notes=found.notes,
        files=len(digests),
        manifest=manifest_hash(digests),
    )


def unlisted(name: DatasetName, error: HarnessError) -> CheckReport:
    """Return the report of a copy that can't even be listed: one fault, and no file."""
    return CheckReport(
        dataset=name, synthetic=False, partial=False, sequences={}, class_points={}, faults=(Fault.of(error),),
        notes=(), files=0, manifest=manifest_hash({}),
    )  # fmt: skip


def sequence_faults(dataset: Dataset, listing: SequenceListing) -> Findings:
    """Missing scans (unless the copy is declared partial), empty folders and stray scans of a sequence."""
    errors = [] if listing.fault is None else [listing.fault]
    if not dataset.partial and len(listing.found) < listing.official:
        where = f"{dataset.root}, {listing.sequence}"
        remedy = "Complete the copy, or say --partial."
        errors.append(HarnessError(where, f"{len(listing.found)} scans", f"{listing.official} scans", remedy))
    return Findings(tuple(map(Fault.of, errors)))


def _missing(dataset: Dataset, listings: Sequence[tuple[Split, SequenceListing]]) -> Findings:
    """A fault where not one scan is there: a check of nothing must not pass."""
    if any(listing.found for _, listing in listings):
        return Findings()
    return Findings((Fault.of(HarnessError(dataset.root, "no scan", "some", "Fetch the data set.")),))


def _digest_rest(
    dataset: Dataset, scan_ids: Sequence[str], digests: dict[str, str], faults: Sequence[Fault]
) -> Findings:
    """Hash what scans are read from beside their own files; a file with a fault is not told twice."""
    known = {fault.file for fault in faults}
    paths = dict.fromkeys(path for scan_id in scan_ids for path in dataset.files(scan_id))
    found: list[Fault] = []
    for path in paths:
        if path not in digests:
            try:
                digests[path] = digest_file(dataset.root / path)
            except HarnessError as error:
                found += [Fault.of(error)] if error.where not in known else []
    return Findings(tuple(found))


def _sequence_report(split: Split, listing: SequenceListing, checks: Mapping[str, ScanCheck]) -> SequenceReport:
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
