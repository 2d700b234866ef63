"""Text from elsewhere, made safe for a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return text as one line without anything that moves a cursor: a reason may quote a file's bytes."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
