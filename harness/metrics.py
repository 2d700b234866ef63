"""metrics.jsonl: the loss terms of every step, one line each."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files import append_line, write_error, write_text


class MetricsLog:
    """The step log of one cell.

    Args:
        path: of metrics.jsonl; made when the first step is logged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, Any]]:
        """Return all complete lines: step, epoch, lr and the terms by name. A line cut short by a kill is left out.

        Steps and epochs count from 0, and every number is finite.

        Raises:
            HarnessError: another line is damaged.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")[:-1]
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def keep_until(self, step: int) -> None:
        """Drop what was logged at or after `step`, from which training goes on."""
        kept = [_line(row) + "\n" for row in self.rows() if row["step"] < step]
        write_text(self.path, "".join(kept))

    def append(self, step: int, epoch: int, learning_rate: float, terms: dict[str, float]) -> None:
        """Log one step.

        Raises:
            ValueError: a number is not finite: JSON has no word for it, and such a step has failed.
        """
        append_line(self.path, _line({"step": step, "epoch": epoch, "lr": learning_rate, "terms": terms}))

    def sync(self) -> None:
        """Let every step logged so far survive a power cut.

        Raises:
            HarnessError: it can't be written.
        """
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise write_error(self.path, error) from error

    def epoch_mean(self, epoch: int) -> dict[str, float]:
        """Return the mean of each term over the steps of an epoch that have it."""
        return mean_terms([row for row in self.rows() if row["epoch"] == epoch])

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line)
            terms = {str(name): _finite(value) for name, value in row["terms"].items()}
            return {"step": int(row["step"]), "epoch": int(row["epoch"]), "lr": _finite(row["lr"]), "terms": terms}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remedy = "Remove the line; only the curves lose it."
            raise HarnessError(f"{self.path}, line {number}", repr(line[:40]), "a step's record", remedy) from error


def mean_terms(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the mean of each term, by name in the order of their first steps, over the rows that have it."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row["terms"].items():
            values[name].append(value)
    return {name: mean(items) for name, items in values.items()}


def epoch_means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what a log says of each epoch: its number from 0, its steps, and the mean of each term."""
    epochs: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        epochs[row["epoch"]].append(row)
    return [{"epoch": epoch, "steps": len(of), "terms": mean_terms(of)} for epoch, of in sorted(epochs.items())]


def mean(values: Sequence[float]) -> float:
    """Return the mean; divided before summed, so that finite values of any size have a finite one."""
    return sum(value / len(values) for value in values)


def _finite(value: Any) -> float:
    """Return a number of a log.

    Raises:
        ValueError: it is NaN or infinite.
    """
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value} is not finite")
    return number


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False)
