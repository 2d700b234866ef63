"""Text from elsewhere, made safe for a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return text as one line without anything that moves a cursor: a reason may quote a file's bytes."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Return text with a space in the place of each character that moves a cursor; other spaces stay as they are."""
    return "".join(character if character.isprintable() else " " for character in text)
