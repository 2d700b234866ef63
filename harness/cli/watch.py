"""One table of cells that fits its terminal: for a run that goes on and for whoever watches it from elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from harness.cli.amounts import clock
from harness.cli.overview import CellRow, RowStatus
from harness.plain_text import plain
from harness.report.numbers import short

if TYPE_CHECKING:
    from harness.progress import CellProgress

STYLES: dict[RowStatus, str] = {
    "running": "bold cyan", "failed": "red", "broken": "red", "queued": "yellow", "pending": "dim", "finished": "green",
}  # fmt: skip
FIRST: tuple[RowStatus, ...] = ("running", "failed", "broken", "queued", "pending", "finished")
"""Whose rows are shown where there is no room for all."""
STATUS, HASH, SHORTEST_NAME, GAP = 8, 12, 30, 2


@dataclass(frozen=True)
class Column:
    """What is shown of a running cell.

    Attributes:
        head: of the column.
        width: in characters.
        text: of a cell.
        side: on which it stands, as formats have it.
    """

    head: str
    width: int
    text: Callable[[CellProgress], str]
    side: str = ">"

    def fill(self, text: str) -> str:
        """Return a text in this column, with the gap before it."""
        return " " * GAP + f"{_crop(text, self.width):{self.side}{self.width}}"


COLUMNS = {
    "phase": Column("phase", 17, lambda progress: plain(progress.phase), "<"),
    "epoch": Column("epoch", 5, lambda progress: "" if progress.epoch is None else str(progress.epoch)),
    "speed": Column("scans/s", 7, lambda progress: _number(progress.scans_per_second)),
    "loss": Column("loss", 7, lambda progress: _number(progress.loss)),
    "left": Column("left", 7, lambda progress: "" if progress.seconds_left is None else clock(progress.seconds_left)),
}
DROPPED = ("hash", "phase", "name", "loss", "speed", "epoch", "left")
"""What goes in a narrow terminal, in this order; ``name``: names lose their middle, down to `SHORTEST_NAME`."""


def cell_table(rows: Sequence[CellRow], width: int, height: int | None = None) -> Text:
    """Draw cells, with a header above and a line that counts them below.

    Args:
        rows: at least one.
        width: of the terminal; columns that don't fit are dropped as `DROPPED` says.
        height: of the terminal; None for every row. Where the rows are more, running cells come first, then failed
            ones, and a line counts those left out.

    Returns:
        Lines of at most `width` characters, fewer than `height`.
    """
    layout = _Layout.fit([row.cell.partition("-")[2] or row.cell for row in rows], width)
    room = len(rows) if height is None else max(1, height - 3)  # header, count, and the cursor's own line
    shown, left_out = _choose(rows, room)
    lines = [Text(layout.header(), style="bold"), *(layout.line(row) for row in shown)]
    if left_out:
        lines.append(Text(_crop(f"… and {_counts(left_out)} more", width), style="dim"))
    lines.append(Text(_crop(summary(rows), width)))
    return Text("\n").join(lines)


def summary(rows: Sequence[CellRow]) -> str:
    """Return how many cells stand how, and how long what runs now goes on.

    >>> summary([CellRow("a", "finished"), CellRow("b", "pending")])
    '1 of 2 finished, 1 pending'
    """
    parts = [f"{sum(row.status == 'finished' for row in rows)} of {len(rows)} finished"]
    if others := _counts([row for row in rows if row.status != "finished"]):
        lefts = [row.progress.seconds_left for row in rows if row.progress and row.progress.seconds_left is not None]
        left = f" running ({clock(max(lefts))} left)" if lefts else " running"
        parts.append(others.replace(" running", left))
    return ", ".join(parts)


@dataclass(frozen=True)
class _Layout:
    """Which columns a terminal has room for."""

    width: int
    name: int
    hash: bool
    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, names: Sequence[str], width: int) -> _Layout:
        """Drop columns until the rest fits; a name is cropped further only when it stands alone with the status."""
        longest = max(map(cell_len, names))
        needed = longest
        for dropped in range(len(DROPPED) + 1):
            gone = DROPPED[:dropped]
            needed = min(longest, SHORTEST_NAME) if "name" in gone else longest
            columns = tuple(column for key, column in COLUMNS.items() if key not in gone)
            rest = GAP + STATUS + sum(GAP + column.width for column in columns)
            rest += 0 if "hash" in gone else HASH + GAP
            if needed + rest <= width:
                break
        return cls(width, min(longest, max(1, width - rest)), "hash" not in gone, columns)

    def header(self) -> str:
        """Return the names of the columns."""
        heads = "".join(column.fill(column.head) for column in self.columns)
        hashes = f"{'hash':{HASH + GAP}}" if self.hash else ""
        return _crop(f"{hashes}{'cell':{self.name + GAP}}{'status':{STATUS}}{heads}", self.width).rstrip()

    def line(self, row: CellRow) -> Text:
        """Return a cell's line: figures of a running one, mIoU or reason of one that ended."""
        (digits, _, name), rest = row.cell.partition("-"), self._rest(row)
        return Text.assemble(
            (f"{digits:{HASH + GAP}}" if self.hash else "", "dim"),
            set_cell_size(_crop_middle(name or digits, self.name), self.name) + " " * GAP,
            (f"{row.status:{STATUS}}" if rest else row.status, STYLES[row.status]),
            rest,
        )

    def _rest(self, row: CellRow) -> str:
        if row.progress is not None:
            return "".join(column.fill(column.text(row.progress)) for column in self.columns)
        said = row.said()
        used = self.name + GAP + STATUS + GAP + (HASH + GAP if self.hash else 0)
        return " " * GAP + _crop(said, self.width - used) if said and self.width > used else ""


def _choose(rows: Sequence[CellRow], room: int) -> tuple[list[CellRow], list[CellRow]]:
    """Return the rows that are shown and those left out, each in the order given; a line is kept for counting them."""
    if len(rows) <= room:
        return list(rows), []
    order = sorted(range(len(rows)), key=lambda index: FIRST.index(rows[index].status))
    kept = order[: max(0, room - 1)]
    return [rows[index] for index in kept], [rows[index] for index in order[len(kept) :]]


def _counts(rows: Sequence[CellRow]) -> str:
    counts = Counter(row.status for row in rows)
    return ", ".join(f"{counts[status]} {status}" for status in FIRST if counts[status])


def _number(value: float | None) -> str:
    """Return a number of at least 0 in at most seven characters."""
    if value is None:
        return ""
    return short(value) if value == 0 or 1e-2 <= abs(value) < 1e5 else f"{value:.1e}"


def _crop(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else "…"[:width]


def _crop_middle(name: str, width: int) -> str:
    """Leave out the middle of a name: its data set begins it, its method and seed end it."""
    if cell_len(name) <= width:
        return name
    head = 3 if width >= SHORTEST_NAME // 2 else 0
    return f"{name[:head]}…{name[len(name) - max(0, width - head - 1) :]}"[:width]
