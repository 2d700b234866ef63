"""metrics.jsonl: the loss terms of every step, one line each."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files import append_line, write_text


class MetricsLog:
    """The step log of one cell.

    Args:
        path: of metrics.jsonl; made when the first step is logged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[dict[str, Any]]:
        """Return all complete lines: step, epoch, lr and the terms by name. A line cut short by a kill is left out.

        Raises:
            HarnessError: another line is damaged.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")[:-1]
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row: dict[str, Any] = json.loads(line)
            return {key: row[key] for key in ("step", "epoch", "lr", "terms")}
        except (ValueError, KeyError, TypeError) as error:
            remedy = "Remove the line; only the curves lose it."
            raise HarnessError(f"{self.path}, line {number}", repr(line[:40]), "a step's record", remedy) from error

    def keep_until(self, step: int) -> None:
        """Drop what was logged at or after `step`, from which training goes on."""
        kept = [json.dumps(row) + "\n" for row in self.rows() if row["step"] < step]
        write_text(self.path, "".join(kept))

    def append(self, step: int, epoch: int, learning_rate: float, terms: dict[str, float]) -> None:
        """Log one step."""
        append_line(self.path, json.dumps({"step": step, "epoch": epoch, "lr": learning_rate, "terms": terms}))

    def epoch_mean(self, epoch: int) -> dict[str, float]:
        """Return the mean of each term over an epoch's steps."""
        values: dict[str, list[float]] = defaultdict(list)
        for row in self.rows():
            if row["epoch"] == epoch:
                for name, value in row["terms"].items():
                    values[name].append(value)
        return {name: sum(items) / len(items) for name, items in values.items()}
