"""JSON files that hold one record: read whole, strictly, and never waited for."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import HarnessError

Record = TypeVar("Record", bound=BaseModel)


def read_record(path: Path, kind: type[Record], expected: str, remedy: str) -> Record:
    """Return the record that a file holds.

    Args:
        path: of the file.
        kind: of the record.
        expected: what the file should be, for the message: "a cell's record".
        remedy: what to do where it is not.

    Raises:
        HarnessError: there is no such file, it is none that can be read whole (to open a named pipe would wait for a
            writer), or it holds something else.
    """
    try:
        if not S_ISREG(path.stat().st_mode):
            raise HarnessError(path, "no regular file", expected, remedy)
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise HarnessError(path, f"'{error.strerror}' on reading", expected, remedy) from error
    except ValidationError as error:
        raise HarnessError(path, first_fault(error), expected, remedy) from error


def first_fault(error: ValidationError) -> str:
    """Say the first thing that a record was refused for, and where in it."""
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    if place == "schema_version":
        return f"schema version {fault['input']!r}, that of another release"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
