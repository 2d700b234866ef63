"""Text of a user's, read up to a size that no setting needs."""

from __future__ import annotations

from pathlib import Path

MOST_CHARACTERS = 1 << 20
"""Of a matrix file, or of a file with a setting: a net.config has about 4 kB."""


def read_text(path: Path) -> str:
    """Return what a file says.

    Raises:
        OSError: it can't be read.
        ValueError: it is too large, or no text.
    """
    with path.open(encoding="utf-8") as file:
        return refuse_long(file.read(MOST_CHARACTERS + 1), path)


def refuse_long(text: str, source: object) -> str:
    """Return a text that is not too large.

    Raises:
        ValueError: it is; the message names `source`.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{source} has more than {MOST_CHARACTERS} characters")
    return text
