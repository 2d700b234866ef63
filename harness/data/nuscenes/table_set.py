"""The tables of one version, and the tokens that lead from one to another."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from harness.data.nuscenes.names import UNPACK
from harness.data.nuscenes.tables import Row, Table
from harness.errors import HarnessError

Linked = TypeVar("Linked")


class TableSet:
    """The tables in one folder.

    Attributes:
        folder: of the tables; its name is the version.
        digests: SHA-256 of the tables that were read to their end, by file name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}

    def read(self, name: str, rows: TypeAdapter[list[Row]], wanted: Container[str] | None = None) -> Iterator[Row]:
        """Yield the rows of a table, all or those with certain tokens; see `Table`."""
        table = Table(self.path(name), rows, wanted)
        yield from table
        self.digests[table.path.name] = table.sha256

    def path(self, name: str) -> Path:
        """File of a table."""
        return self.folder / f"{name}.json"

    def where(self, name: str, token: str) -> str:
        """Name a row in a message."""
        return f"{self.path(name)}, row {token[:40]!r}"

    def once(self, name: str, token: str, seen: Container[str], what: str = "token") -> None:
        """Refuse what an earlier row has already.

        Raises:
            HarnessError: `token` was seen.
        """
        if token in seen:
            raise HarnessError(self.where(name, token), f"a second row with this {what}", "one row for each", UNPACK)

    def follow(self, name: str, token: str, other: str, key: str, rows: Mapping[str, Linked]) -> Linked:
        """Return the row of another table that a row names.

        Args:
            name: table of the row that names it.
            token: of the row that names it.
            other: the table it should be in.
            key: its token.
            rows: of the other table, by token.

        Raises:
            HarnessError: it is not there.
        """
        try:
            return rows[key]
        except KeyError:
            found = f"{other} token {key[:40]!r}, which leads nowhere"
            raise HarnessError(self.where(name, token), found, f"a token of {other}", UNPACK) from None
