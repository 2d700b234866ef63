"""Why a released file can't be converted."""

from __future__ import annotations


class ConversionError(ValueError):
    """A file that does not fill a network, in the three parts of a user's error.

    Attributes:
        found: what is in the file.
        expected: what should be.
        remedy: what to do, as sentences.
    """

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        super().__init__(f"found {found}; expected {expected}. {remedy}")


def listed(names: list[str], most: int = 20) -> str:
    """Join names for a message, the first of them where there are many."""
    rest = f", and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
