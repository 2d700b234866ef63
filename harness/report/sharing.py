"""How the steps of a training were shared out."""

from __future__ import annotations

from harness.spec import CellResult


def sharing(result: CellResult) -> str:
    """Return the clause for a training whose steps were made in parts; empty when each was made as a whole.

    It is not the training of the recipe, and no part of a cell's identity: docs/measurement.md says what differs.
    """
    training = result.training
    if training is None:
        return ""
    ways = {(sitting.processes, sitting.micro_batch) for sitting in training.known_sittings()}
    some = " in some of its sittings" if len(ways) > 1 else ""
    by = f" by {training.processes} processes" if training.processes > 1 else ""
    if (most := training.micro_batch) is None:
        return f"trained{by}{some}" if by else ""
    scans, seen = ("1 scan", "one scan") if most == 1 else (f"{most} scans", f"{most} scans")
    return f"trained{by} with micro-batches of {scans}{some}: batch normalisation saw {seen} at a time"
