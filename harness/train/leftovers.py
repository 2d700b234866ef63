"""Temporary files that a killed writer left behind: as large as what it was writing, and of no use to anybody."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def remove_leftovers(folder: Path, of: str = "") -> None:
    """Remove temporary files as `harness.files.replacing` names them.

    Only the one writer of these files may call this, before it writes: it holds the lock of the cell.

    Args:
        folder: to look into; it may not exist yet.
        of: name of a file, to remove the leftovers of that one only.
    """
    for path in folder.glob(f".{of}*.tmp"):
        with suppress(OSError):  # what can't be removed will be told of by the next writing
            path.unlink()
