"""The check of a copy: every file read once, every fault listed, and the manifest of what was read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.check_report import CheckReport, as_told_here, sequence_report
from harness.data.completeness import SequenceListing
from harness.data.dataset import Dataset
from harness.data.fault import Fault
from harness.data.manifest import digest_file, manifest_hash, manifest_text
from harness.data.scan_check import Findings, ScanCheck, told
from harness.data.splits import SPLITS, Split
from harness.data.workers import Progress, map_in_threads
from harness.errors import HarnessError
from harness.files import write_text


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
    copy = _list(dataset, splits)
    outcomes = map_in_threads(dataset.check_scan, copy.scan_ids(SPLITS), workers, progress)
    checks = dict(zip(copy.scan_ids(SPLITS), outcomes, strict=True))
    digests = {path: digest for scan in checks.values() for path, digest in scan.digests.items()}
    found = Findings.joined([copy.findings, _look(dataset, copy, checks), told(dataset.check_copy)])
    found = Findings.joined([found, _digest_rest(dataset, copy, digests, found.faults)])
    if manifest is not None:
        write_text(manifest, manifest_text(digests))
    return _report(dataset, copy, checks, found, digests)


@dataclass(frozen=True)
class _Listed:
    """The scans of a copy by split and sequence, and why the others can't be listed."""

    listings: tuple[tuple[Split, SequenceListing], ...]
    findings: Findings

    def scan_ids(self, splits: Sequence[Split]) -> list[str]:
        return [
            f"{listing.sequence}/{frame}"
            for split, listing in self.listings
            if split in splits
            for frame in listing.found
        ]


def _list(dataset: Dataset, splits: Sequence[Split]) -> _Listed:
    """List the splits. One that can't be is a fault; not one scan is another, for a check of nothing must not pass."""
    listings, faults = list[tuple[Split, SequenceListing]](), list[Fault]()
    for split in splits:
        try:
            listings += [(split, listing) for listing in dataset.completeness(split).sequences]
        except HarnessError as error:
            faults.append(Fault.of(error))
    if not faults and not any(listing.found for _, listing in listings):
        faults.append(Fault.of(HarnessError(dataset.root, "no scan", "some", "Fetch the data set.")))
    return _Listed(tuple(listings), Findings(tuple(faults)))


def _look(dataset: Dataset, copy: _Listed, checks: Mapping[str, ScanCheck]) -> Findings:
    """What is wrong with the sequences and their scans."""
    found: list[Findings] = []
    for _, listing in copy.listings:
        scans = [fault for frame in listing.found for fault in checks[f"{listing.sequence}/{frame}"].faults]
        found += [check_listing(dataset, listing), Findings(tuple(scans)), dataset.check_sequence(listing)]
    return Findings.joined(found)


def check_listing(dataset: Dataset, listing: SequenceListing) -> Findings:
    """Empty folders, stray scans, and missing ones unless the copy is declared partial or may be without them all."""
    if listing.absent is not None:
        return Findings(notes=(Fault.of(listing.absent),))
    errors = [] if listing.fault is None else [listing.fault]
    if not dataset.partial and listing.first_missing is not None and (listing.found or not errors):
        count = f"first of {listing.missing} missing scans" if listing.missing > 1 else "one missing scan"
        found, expected = f"nothing there, the {count} of {listing.sequence}", f"the {listing.official} scans of it"
        errors.append(HarnessError(listing.first_missing, found, expected, "Complete the copy, or say --partial."))
    return Findings(tuple(map(Fault.of, errors)))


def _digest_rest(dataset: Dataset, copy: _Listed, digests: dict[str, str], faults: Sequence[Fault]) -> Findings:
    """Hash what scans are read from beside their own files; a file with a fault is not told twice.

    Neither is a past scan that is not there: the count of its sequence tells it.
    """
    known = {fault.file for fault in faults}
    found: list[Fault] = []
    for _, listing in copy.listings:
        for path in _files(dataset, [f"{listing.sequence}/{frame}" for frame in listing.found]):
            if path in digests or (listing.missing and not os.path.lexists(dataset.root / path)):
                continue
            try:
                digests[path] = digest_file(dataset.file(path))
            except HarnessError as error:
                found += [Fault.of(error)] if error.where not in known else []
    return Findings(tuple(found))


def _files(dataset: Dataset, scan_ids: Sequence[str]) -> Iterable[str]:
    return dict.fromkeys(path for scan_id in scan_ids for path in dataset.files(scan_id))


def _report(
    dataset: Dataset, copy: _Listed, checks: Mapping[str, ScanCheck], found: Findings, digests: Mapping[str, str]
) -> CheckReport:
    counted = [scan.class_points for scan in checks.values() if scan.class_points]
    classes = [sum(column) for column in zip(*counted, strict=True)]
    read_by_runs = [path for path in _files(dataset, copy.scan_ids(("train", "val"))) if path in digests]
    return CheckReport(
        dataset=dataset.name,
        synthetic=bool(copy.listings) and dataset.synthetic,
        partial=any(listing.missing for _, listing in copy.listings if listing.absent is None),
        sequences={listing.sequence: sequence_report(split, listing, checks) for split, listing in copy.listings},
        class_points=dict(zip(dataset.class_names, classes, strict=False)),
        faults=as_told_here(found.faults),
        notes=as_told_here(found.notes),
        files=len(digests),
        manifest=manifest_hash({path: digests[path] for path in read_by_runs}) if read_by_runs else None,
        manifest_all=manifest_hash(digests) if digests else None,
    )
