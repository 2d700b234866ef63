"""Write the archive that SemanticKITTI's leaderboard takes."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from harness.data.labels import LabelMap
from harness.data.predictions import prediction_name
from harness.errors import HarnessError
from harness.export.entries import required_folders
from harness.export.labels import encode_labels
from harness.files import replacing

LARGE_BYTES = 200_000_000
"""The server takes archives of 120–150 MB every day and has refused one of 242 MB."""
DESCRIPTION = "description.txt"
UNIX = 3
DOS_FOLDER = 0x10
DEFLATE_LEVEL = 6
ENTRY_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Description:
    """What the leaderboard shows beside a submission; an empty field is left blank."""

    name: str
    pdf_url: str = ""
    code_url: str = ""

    def text(self) -> str:
        """Return the content of `description.txt`.

        Raises:
            HarnessError: a field has more than one line, or the name is empty.
        """
        fields = {"name": self.name, "pdf url": self.pdf_url, "code url": self.code_url}
        for key, value in fields.items():
            if not value.isprintable() or (key == "name" and not value.strip()):
                raise HarnessError(f"description, {key}", repr(value), "one line of text", "Shorten it to one line.")
        return "".join(f"{key}: {value}\n" for key, value in fields.items())


@dataclass(frozen=True)
class Submission:
    """A finished archive.

    Attributes:
        path: of the archive.
        scans: predictions in it.
        points: labels in it.
        size_bytes: of the archive.
        warnings: what to look at before uploading it.
    """

    path: Path
    scans: int
    points: int
    size_bytes: int
    warnings: tuple[str, ...]


def write_submission(
    predictions: Iterable[tuple[str, NDArray[Any]]],
    out: Path,
    expected: Mapping[str, int],
    label_map: LabelMap,
    description: Description | None = None,
) -> Submission:
    """Write predictions, one scan at a time, into a leaderboard archive.

    The archive has an entry for every folder, as the official validator demands. The same predictions give the same
    bytes (fixed order, times and permissions; one zlib). Nothing stands under the final name before all is written.

    Args:
        predictions: scan id and [N] integer train ids in 1..C, in ascending order of the scan ids, each once.
        out: the archive, a name that ends with `.zip`; an older one is replaced.
        expected: number of points of every scan that has to be in the archive.
        label_map: the task's classes; its inverse map gives the raw ids.
        description: for `description.txt`; None writes none.

    Raises:
        HarnessError: a scan is missing, not expected, repeated or out of order; a prediction has a wrong length or an
            id outside 1..C; the archive can't be written.
    """
    if out.suffix != ".zip":
        raise HarnessError(out, f"the ending {out.suffix!r}", "'.zip', as the server demands", "Choose another name.")
    text = None if description is None else description.text()
    order = sorted(expected)
    with replacing(out) as file, ZipFile(file, "w") as archive:
        if text is not None:
            _write_file(archive, DESCRIPTION, text.encode())
        for folder in required_folders(order):
            _write_folder(archive, folder)
        written = 0
        for scan_id, train in predictions:
            _check_turn(out, order, written, scan_id)
            train = np.asarray(train)
            _check_length(scan_id, train, expected[scan_id])
            _write_file(archive, prediction_name(scan_id), encode_labels(train, label_map, f"scan {scan_id}"))
            written += 1
        if written < len(order):
            found = f"no prediction for {len(order) - written} of {len(order)} scans, first {order[written]}"
            raise HarnessError(out, found, "a prediction for every scan", "Predict the whole split.")
    return _describe(out, expected)


def _describe(out: Path, expected: Mapping[str, int]) -> Submission:
    size = out.stat().st_size
    large = f"the archive has {size / 1e6:.0f} MB; the server has refused one of 242 MB and usually gets 120 to 150 MB"
    return Submission(out, len(expected), sum(expected.values()), size, (large,) if size > LARGE_BYTES else ())


def _check_turn(out: Path, order: list[str], written: int, scan_id: str) -> None:
    """Refuse a scan that is not the next one of the order."""
    following = order[written] if written < len(order) else None
    if scan_id == following:
        return
    if scan_id not in order:
        found, remedy = f"a prediction for scan {scan_id}, which the data set doesn't hold", "Predict only its scans."
    elif scan_id in order[:written]:
        found, remedy = f"scan {scan_id} a second time or late", "Predict every scan once, in ascending order."
    else:
        found, remedy = f"scan {scan_id} next", "Predict every scan, in ascending order."
    raise HarnessError(out, found, f"scan {following} next" if following else "no further scan", remedy)


def _check_length(scan_id: str, train: NDArray[Any], points: int) -> None:
    if len(train) != points:
        found = f"{len(train)} labels"
        remedy = "Points outside the volume need a label too: write one for every raw point, in the order of the file."
        raise HarnessError(f"scan {scan_id}", found, f"{points}, one per point", remedy)


def _write_folder(archive: ZipFile, name: str) -> None:
    entry = _entry(name, (stat.S_IFDIR | 0o755) << 16 | DOS_FOLDER)
    archive.writestr(entry, b"", compress_type=ZIP_STORED)


def _write_file(archive: ZipFile, name: str, data: bytes) -> None:
    entry = _entry(name, (stat.S_IFREG | 0o644) << 16)
    archive.writestr(entry, data, compress_type=ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL)


def _entry(name: str, attributes: int) -> ZipInfo:
    entry = ZipInfo(name, ENTRY_TIME)
    entry.create_system = UNIX
    entry.external_attr = attributes
    return entry
