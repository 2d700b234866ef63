"""Records of latency-v1 on disk: one file for each network, in a folder of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from filelock import Timeout

from harness import record_file
from harness.errors import HarnessError
from harness.files import make_folder, write_error, write_text
from harness.lock import Lock
from harness.spec import DeviceKind, LatencyRecord
from harness.spec.latency import Subject

FOLDER = "latency"
"""Where the records of a run lie in its --out."""


def record_name(subject: Subject, device_kind: DeviceKind, scans_sha256: str) -> str:
    """Return the name of a record's file: the network's, and 8 hexadecimal digits of `LatencyRecord.identity`.

    How it was timed, when, by which version and on which model of a device is no part of it, so that what is measured
    again stands in the place of what was measured before.
    """
    digest = hashlib.sha256(json.dumps([subject.text, device_kind, scans_sha256]).encode()).hexdigest()
    return f"{subject.name}-{digest[:8]}.json"


def name_of(record: LatencyRecord) -> str:
    """Return the name of a record's file; see `record_name`."""
    return record_name(record.subject, record.device_kind, record.scans_sha256)


def write_record(folder: Path, record: LatencyRecord) -> Path:
    """Write a record, over an earlier one of the same network on the same scans and kind of device.

    Returns:
        The file.

    Raises:
        HarnessError: the folder can't be written.
    """
    path = folder / name_of(record)
    write_text(path, record.model_dump_json(indent=2) + "\n")
    return path


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Have a folder of records alone for a measurement, and know beforehand that they can be written to it.

    Raises:
        HarnessError: it can't be written, or another measurement has it.
    """
    make_folder(folder)
    with ExitStack() as held:
        try:
            held.enter_context(Lock(folder / ".lock").hold(patience_s=0))
            with NamedTemporaryFile(dir=folder, prefix=".", suffix=".tmp"):
                pass
        except Timeout as error:
            remedy = "Wait for it, or choose another --out: two that run at once would disturb each other's times."
            raise HarnessError(folder, "another measurement writes to it", "one at a time", remedy) from error
        except OSError as error:
            raise write_error(folder, error) from error
        yield


def read_record(path: Path) -> LatencyRecord:
    """Read one record.

    Raises:
        HarnessError: names the file, which can't be read or is no such record.
    """
    remedy = "Move it away, and run `harness measure latency` again."
    return record_file.read_record(path, LatencyRecord, "a record of latency-v1", remedy)


def read_records(folder: Path) -> list[LatencyRecord]:
    """Read all records of a folder, in the order of their files' names; none where there is no folder.

    Raises:
        HarnessError: names the file that can't be read or is no such record.
    """
    return [read_record(path) for path in sorted(folder.glob("*.json"))]
