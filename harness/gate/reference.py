"""A reference on disk: the finished cells and stable latency records of runs that later ones are held against.

<reference>/
  reference.json        which files it is made of; the last to be written
  cells/<name>-<hash>.json    one CellResult each
  latency/<network>-<hash>.json    one LatencyRecord each
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from harness.errors import HarnessError
from harness.files import write_error, write_text
from harness.gate.evidence import Evidence
from harness.measure.latency.records import FOLDER as LATENCY
from harness.measure.latency.records import name_of
from harness.record_file import read_record
from harness.spec import CellResult, CellSpec, LatencyRecord
from harness.spec.strict import Strict

LIST, CELLS = "reference.json", "cells"
FileName = Annotated[str, Field(pattern=r"^[^/\\]+\.json$")]


class Contents(Strict):
    """`reference.json`. While a reference is being written it has none, so that half of one is never taken for all."""

    schema_version: Literal[1] = 1
    cells: tuple[FileName, ...]
    latency: tuple[FileName, ...]


Record = TypeVar("Record", CellResult, LatencyRecord, Contents)


def read_reference(folder: Path) -> Evidence:
    """Read a reference.

    Raises:
        HarnessError: there is none, or a file of it is missing or damaged; it is named.
    """
    if not (folder / LIST).exists():
        remedy = f"`harness gate --out DIR --write-reference {folder}` makes one of a run."
        raise HarnessError(folder / LIST, "no such file", "a reference, with the list of its files", remedy)
    contents = _read(folder / LIST, Contents)
    return Evidence(
        results=tuple(_read(folder / CELLS / name, CellResult) for name in contents.cells),
        latency=tuple(_read(folder / LATENCY / name, LatencyRecord) for name in contents.latency),
    )


def write_reference(folder: Path, run: Evidence, replace: bool) -> list[Path]:
    """Make a reference of a run.

    Args:
        folder: of the reference; other files in it are left alone.
        run: all of whose cells have finished, and whose records are stable.
        replace: write it over an earlier one.

    Returns:
        The files, the list of them last.

    Raises:
        HarnessError: there is a reference already, the run can't be one, or the folder can't be written.
    """
    if faults := list(_faults(run)):
        told = [fault for fault, _ in faults]
        found = "; ".join(told[:5]) + (f"; and {len(told) - 5} more" if told[5:] else "")
        remedy = " ".join(dict.fromkeys(remedy for _, remedy in faults))
        raise HarnessError(f"--write-reference {folder}", found, "finished cells and stable records alone", remedy)
    before = list(_files_before(folder, replace))
    files = {folder / CELLS / _name(result.spec): result.model_dump_json() for result in run.results}
    files |= {folder / LATENCY / name_of(record): record.model_dump_json() for record in run.latency}
    contents = Contents(
        cells=tuple(path.name for path in files if path.parent.name == CELLS),
        latency=tuple(path.name for path in files if path.parent.name == LATENCY),
    )
    _remove(folder / LIST)
    for path, text in files.items():
        write_text(path, text + "\n")
    for path in set(before) - set(files):
        _remove(path)
    write_text(folder / LIST, contents.model_dump_json(indent=2) + "\n")
    return [*files, folder / LIST]


def _faults(run: Evidence) -> Iterator[tuple[str, str]]:
    """Say what keeps a run from being a reference, and what helps."""
    if not run.results and not run.latency:
        yield "a run without any result", "Run a matrix first."
    for spec in run.pending:
        yield f"{spec.cell} without a result", _RUN
    for result in run.results:
        if result.status == "failed":
            yield f"{result.spec.cell}, which failed: {result.reason}", _RUN
        elif result.macs is None or not result.macs.scan_ids:
            yield f"{result.spec.cell}, whose MACs are not listed scan by scan, as those of versions before 0.6", _ANEW
    for record in run.unstable:
        yield f"{record.network}, whose latency is unstable: {'; '.join(record.reasons)}", _MEASURE


_RUN = "Run the matrix again."
_ANEW = "Run the matrix with this version into another --out."
_MEASURE = "Measure again with `harness measure latency … --again`, or leave such records out with --without-unstable."


def _files_before(folder: Path, replace: bool) -> Iterator[Path]:
    """Yield the files of the reference that stands there, if there is one and it may go."""
    if not (folder / LIST).exists():
        return
    if not replace:
        remedy = "Name another folder, or give --replace."
        raise HarnessError(f"--write-reference {folder}", "a reference", "a folder without one", remedy)
    with suppress(HarnessError):  # the list of a damaged one tells nothing; what it named stays, and is in no list
        contents = _read(folder / LIST, Contents)
        yield from (folder / CELLS / name for name in contents.cells)
        yield from (folder / LATENCY / name for name in contents.latency)


def _name(spec: CellSpec) -> str:
    return f"{spec.name}-{spec.hash}.json"


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(path, error) from error


def _read(path: Path, kind: type[Record]) -> Record:
    return read_record(path, kind, "a file of a reference", "Get the file back, or write the reference again.")
