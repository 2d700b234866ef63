"""A fault of the data as a record, for reports that list many."""

from __future__ import annotations

from harness.errors import HarnessError
from harness.spec import Strict


class Fault(Strict):
    """One fault: where, what was found, what was expected and what to do."""

    file: str
    found: str
    expected: str
    remedy: str

    @classmethod
    def of(cls, error: HarnessError) -> Fault:
        """The record of an error; a file's name that is no UTF-8 is written with escapes."""
        where, found, expected = map(_printable, (error.where, error.found, error.expected))
        return cls(file=where, found=found, expected=expected, remedy=error.remedy)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
