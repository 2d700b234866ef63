"""Check a SemanticKITTI archive before it costs one of ten submissions.

The official validator looks at folder entries and sizes only. This repeats both and adds what the server trips over:
the frozen scan counts of the test split, values, stray files, checksums, names that escape their folder, and zip bombs.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from harness.data.kitti_files import WORD_BYTES
from harness.data.labels import LabelMap
from harness.data.predictions import prediction_name
from harness.data.splits import OFFICIAL_SCANS
from harness.export.entries import names_safely, required_folders
from harness.export.semantickitti import DESCRIPTION, LARGE_BYTES
from harness.export.values import MOVING_IDS, describe_values, has_moving

Progress = Callable[[int, int], None]
"""Called with (scans done, scans in all)."""

DESCRIPTION_BYTES = 65_536
ENTRY_OVERHEAD_BYTES = 1024
"""More than an entry's headers, its name twice and a deflated block's framing take."""


@dataclass(frozen=True)
class Finding:
    """One finding. An `error` is refused by the server, or scored wrongly; a `warning` needs a look.

    Attributes:
        level: how bad it is.
        where: entry of the archive, or the archive itself.
        message: what was found and what was expected.
    """

    level: Literal["error", "warning"]
    where: str
    message: str


def check_submission(
    path: Path,
    expected: Mapping[str, int],
    label_map: LabelMap,
    rehearsal: bool = False,
    progress: Progress = lambda done, total: None,
) -> list[Finding]:
    """Open an archive again and look for everything that a server could refuse.

    Args:
        path: the archive.
        expected: number of points of every scan that has to be in it; see `harness.export.labels.expected_points`.
        label_map: the task's classes; only raw ids of its inverse map, never that of the ignored class, may be used.
            Those of moving objects are an error in the single-scan task and, if none is used, a warning in the other.
        rehearsal: the archive is not meant for the server: its scans are synthetic, or of another split. The frozen
            counts of the test split are then not demanded, and a warning says so.
        progress: called after every scan whose labels were read.

    Returns:
        Findings in the order of the archive; empty when there are none.
    """
    findings = list(_check_expected(expected, rehearsal))
    if path.suffix != ".zip":
        findings.append(Finding("error", path.name, "the name has to end with .zip"))
    try:
        size = path.stat().st_size
        most = WORD_BYTES * sum(expected.values()) + ENTRY_OVERHEAD_BYTES * (3 * len(expected) + 2) + DESCRIPTION_BYTES
        if size > most:
            return [
                *findings,
                Finding("error", path.name, f"{size} bytes, more than all labels take uncompressed ({most})"),
            ]
        if size > LARGE_BYTES:
            findings.append(
                Finding("warning", path.name, f"{size / 1e6:.0f} MB; the server has refused an archive of 242 MB")
            )
        with ZipFile(path) as archive:
            findings += _check_entries(archive.infolist(), expected)
            findings += _check_contents(archive, expected, label_map, progress)
    except (BadZipFile, OSError) as error:
        findings.append(Finding("error", path.name, f"not a readable zip archive: {error}"))
    return findings


def _check_expected(expected: Mapping[str, int], rehearsal: bool) -> Iterator[Finding]:
    """Hold the expected scans against the test split of the data set."""
    held = Counter(scan_id.partition("/")[0] for scan_id in expected)
    official = OFFICIAL_SCANS["test"]
    total = sum(official.values())
    if rehearsal:
        scans = ", ".join(f"{n} of sequence {sequence}" for sequence, n in sorted(held.items()))
        message = f"not for the server: checked against these scans ({scans}), not the {total} of the test split"
        yield Finding("warning", "scans", message)
        return
    for sequence in sorted(official.keys() | held.keys()):
        if held[sequence] != official.get(sequence, 0):
            message = f"{held[sequence]} scans, the test split has {official.get(sequence, 0)}"
            yield Finding("error", f"sequence {sequence}", f"{message}; the server needs all {total}, and no other")


def _check_entries(entries: list[ZipInfo], expected: Mapping[str, int]) -> Iterator[Finding]:
    """Look at names, folders, strays and declared sizes; no content is read."""
    names = Counter(entry.filename for entry in entries)
    points = {prediction_name(scan_id): count for scan_id, count in expected.items()}
    folders = required_folders(expected)
    for folder in folders:
        if folder not in names:
            yield Finding("error", folder, "no entry for this folder; the official validator demands one")
    missing = Counter(name.split("/")[1] for name in points if name not in names)
    for sequence, count in sorted(missing.items()):
        yield Finding("error", f"sequences/{sequence}/predictions/", f"{count} label files are missing")
    for name, count in names.items():
        if count > 1:
            yield Finding("error", name, f"{count} entries with this name")
    for entry in entries:
        name = entry.filename
        if not names_safely(entry):
            yield Finding("error", name, "a name or type that could write outside the folder, or an encrypted entry")
        elif name in points and entry.file_size != points[name] * WORD_BYTES:
            yield Finding("error", name, _wrong_size(entry.file_size, points[name]))
        elif name == DESCRIPTION and entry.file_size > DESCRIPTION_BYTES:
            yield Finding("error", name, f"{entry.file_size} bytes; at most {DESCRIPTION_BYTES} are sensible")
        elif name not in points and name not in folders and name != DESCRIPTION:
            yield Finding("error", name, "a stray entry: it belongs to no expected scan")


def _wrong_size(size: int, points: int) -> str:
    message = f"{size} bytes; {points} points need {points * WORD_BYTES}, one uint32 each"
    widths = {1: "8-bit", 2: "16-bit", 8: "64-bit"}
    width = widths.get(size // points) if points and size % points == 0 else None
    return f"{message} (it looks like {width} ids)" if width else message


def _check_contents(
    archive: ZipFile, expected: Mapping[str, int], label_map: LabelMap, progress: Progress
) -> Iterator[Finding]:
    """Read every label file whose declared size is right: checksum and values."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    lacks_moving = MOVING_IDS.issubset(label_map.train_to_raw)
    for done, (scan_id, points) in enumerate(sorted(expected.items()), start=1):
        entry = entries.get(prediction_name(scan_id))
        if entry is not None and names_safely(entry) and entry.file_size == points * WORD_BYTES:
            words = _read_labels(archive, entry)
            if isinstance(words, str):
                yield Finding("error", entry.filename, words)
            elif problem := describe_values(words, label_map):
                yield Finding("error", entry.filename, problem)
            lacks_moving = lacks_moving and (isinstance(words, str) or not has_moving(words))
        progress(done, len(expected))
    if lacks_moving:
        message = "no point of any scan is predicted as moving: this looks like an archive of the single-scan task"
        yield Finding("warning", "scans", message)


def _read_labels(archive: ZipFile, entry: ZipInfo) -> NDArray[np.uint32] | str:
    """Return the words of a label file, [N] raw ids, or what is wrong with it."""
    try:
        with archive.open(entry) as file:
            data = file.read(entry.file_size + 1)
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        return f"damaged: {error}"
    if len(data) != entry.file_size:
        return f"{len(data)} bytes come out, {entry.file_size} are declared"
    return np.frombuffer(data, dtype="<u4")
