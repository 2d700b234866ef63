"""What preparing a copy of a data set found, kept on disk: the next process of a run reads a record, not every label.

A record has a line with the SHA-256 of the rest, and then JSON. It serves as long as the same scans are listed, the
copy describes itself alike, and every file that a scan is read from has the size and the times of modification and of
change of status that it had before it was read. Anything else in its place is made anew. Processes may prepare at
once: each renames a whole record.

A copy on a shared file system has the same times on every machine, and one record. Where each machine has a copy of its
own under the same path, the first to prepare has that record, and every other machine one of its own beside it.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path

from pydantic import Field, ValidationError

from harness.data.dataset import Dataset
from harness.data.input_file import input_size
from harness.errors import HarnessError
from harness.files import write_text
from harness.spec import DatasetSpec, Strict, TrainingSplit
from harness.version import VERSION

FORMAT = 2
"""Of a record. Another version of the harness, whose readers may be stricter, makes its own in any case."""

FOLDER = "prepared"
"""Beside the cells in the store; no cell, since it has no spec.json."""


class Findings(Strict):
    """What preparing found."""

    train: tuple[str, ...] = Field(description="scans of the training split")
    evaluation: tuple[str, ...] = Field(description="scans of the validation split")
    spec: DatasetSpec
    class_counts: dict[TrainingSplit, tuple[int, ...]] = Field(
        description="labelled points of each split by class id, [C + 1]: whichever of them a cell is to train on"
    )
    notes: tuple[str, ...] = Field(description="a sentence about each scan left out")


class _Record(Strict):
    asked: str = Field(description="hash of the copy, what it says of itself, and the scans listed")
    files: tuple[str, ...] = Field(description="all that the listed scans are read from, below the root")
    states: str = Field(description="hash of the files' states")
    host: str = Field(description="machine that made it; empty where its copy is on the file system of the store")
    findings: Findings


class PreparedFile:
    """The record of a copy that is opened just so; copies and ways of opening them may share a store.

    Args:
        store: folder of the cells.
        dataset: the copy.
        listed: its scans by split, damaged ones included.
        host: name of this machine; None asks for it.

    Raises:
        HarnessError: the copy can't say what it is.
    """

    def __init__(
        self, store: Path, dataset: Dataset, listed: Mapping[TrainingSplit, Sequence[str]], host: str | None = None
    ) -> None:
        root = os.fsencode(dataset.root.absolute()).hex()  # a folder's name need not be text
        opened = [dataset.name, root, dataset.partial, dataset.policy, dataset.settings]
        description = dataset.description().model_dump(mode="json")
        self._host = _host(dataset.root, store) if host is None else host
        self._common = store / FOLDER / f"{dataset.name}-{_hash(opened)[:16]}.json"
        self._own = self._common.with_suffix(f".{_hash(self._host)[:16]}.json") if self._host else self._common
        self._asked = _hash([FORMAT, VERSION, opened, description, listed])
        self._dataset, self._listed = dataset, listed
        self._files: tuple[str, ...] = ()
        self._states = ""

    def read(self) -> Findings | None:
        """Return what was found before; None, from which on the files' states are watched, where that holds no more."""
        for path in dict.fromkeys((self._own, self._common)):
            record = self._load(path)
            if record and record.states == _states(self._dataset.root, record.files):
                return record.findings
        listed = chain.from_iterable(self._listed.values())
        self._files = tuple(dict.fromkeys(chain.from_iterable(map(self._dataset.files, listed))))
        self._states = _states(self._dataset.root, self._files)
        return None

    def write(self, findings: Findings) -> None:
        """Keep what was found after `read` returned None: a file that changed since then makes the record worthless.

        Where it can't be written the next run prepares again.
        """
        record = _Record(asked=self._asked, files=self._files, states=self._states, host=self._host, findings=findings)
        common, body = self._load(self._common), record.model_dump_json()
        path = self._common if common is None or common.host == self._host else self._own
        with suppress(HarnessError):
            write_text(path, f"{sha256(body.encode()).hexdigest()}\n{body}")

    def _load(self, path: Path) -> _Record | None:
        """Read a record that is sound and answers what is asked here."""
        try:
            input_size(path)  # to open a named pipe would wait
            digest, _, body = path.read_bytes().partition(b"\n")
            record = _Record.model_validate_json(body) if digest == sha256(body).hexdigest().encode() else None
        except (HarnessError, OSError, ValidationError):
            return None
        return record if record and record.asked == self._asked else None


def _host(root: Path, store: Path) -> str:
    """Return the name of this machine; nothing where the data is on the store's file system, which machines share."""
    there = next(folder for folder in (store, *store.absolute().parents) if folder.exists())
    return "" if root.stat().st_dev == there.stat().st_dev else platform.node()


def _states(root: Path, files: Sequence[str]) -> str:
    """Hash size, time of modification and time of change of status of files; one that is not there has its error."""
    digest, folder = sha256(), os.fspath(root)
    for file in files:
        try:
            state = os.stat(f"{folder}/{file}")  # noqa: PTH116  # a Path for each of 70 000 files takes twice as long
            digest.update(f"{file}|{state.st_size}|{state.st_mtime_ns}|{state.st_ctime_ns}\n".encode())
        except (OSError, ValueError) as error:
            digest.update(f"{file}|{type(error).__name__}\n".encode())
    return digest.hexdigest()


def _hash(content: object) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
