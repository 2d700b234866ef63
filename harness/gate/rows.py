"""Rows of a run and their counterparts in the reference: everything of a cell's identity but the seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.gate.evidence import Evidence
from harness.spec import CellResult, CellSpec, seedless


@dataclass(frozen=True)
class Row:
    """All seeds of one network trained in one way.

    Attributes:
        name: for people.
        spec: of any of its cells.
        finished: results.
        faults: a clause for each cell that has failed or has no result.
    """

    name: str
    spec: CellSpec
    finished: list[CellResult] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def pair(self) -> str:
        """Data set and backbone; rows of a pair share teachers, and with them luck."""
        return f"{self.spec.dataset.name} {self.spec.backbone.name}"

    @property
    def method(self) -> str:
        """The method, or that it is a teacher."""
        return "teacher" if self.spec.role == "teacher" else self.spec.method.label


@dataclass(frozen=True)
class Matched:
    """The rows of a reference and of a run.

    Attributes:
        both: rows that both have, the reference's first.
        missing: rows that the run does not have.
        new: rows that the reference does not have.
    """

    both: tuple[tuple[Row, Row], ...]
    missing: tuple[Row, ...]
    new: tuple[Row, ...]


def match_rows(reference: Evidence, run: Evidence) -> Matched:
    """Find for each row of a reference its counterpart in a run.

    Versions, commits and devices may differ: they are no part of a cell's identity, which the gate is to watch.
    """
    there, here = _rows(reference), _rows(run)
    return Matched(
        both=tuple((row, here[key]) for key, row in there.items() if key in here),
        missing=tuple(row for key, row in there.items() if key not in here),
        new=tuple(row for key, row in here.items() if key not in there),
    )


def _rows(evidence: Evidence) -> dict[str, Row]:
    """Return rows by identity, in the order of their names; rows of one name say a part of their identity."""
    specs = {spec.hash: spec for spec in (*(result.spec for result in evidence.results), *evidence.pending)}
    rows: dict[str, Row] = {}
    for result in evidence.results:
        row = _row_of(rows, result.spec, specs)
        if result.status == "finished":
            row.finished.append(result)
        else:
            row.faults.append(f"seed {result.spec.seed} failed: {result.reason}")
    for spec in evidence.pending:
        _row_of(rows, spec, specs).faults.append(f"seed {spec.seed} has no result")
    return dict(sorted(_named_apart(rows).items(), key=lambda item: item[1].name))


def _row_of(rows: dict[str, Row], spec: CellSpec, specs: Mapping[str, CellSpec]) -> Row:
    return rows.setdefault(seedless(spec, specs), Row(spec.name.removesuffix(f"-s{spec.seed}"), spec))


def _named_apart(rows: Mapping[str, Row]) -> dict[str, Row]:
    names = [row.name for row in rows.values()]
    return {
        key: row if names.count(row.name) == 1 else Row(f"{row.name} ({key[:6]})", row.spec, row.finished, row.faults)
        for key, row in rows.items()
    }
