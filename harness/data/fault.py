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
        """The record of an error."""
        return cls(file=error.where, found=error.found, expected=error.expected, remedy=error.remedy)
