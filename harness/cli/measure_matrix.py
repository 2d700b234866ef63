"""The matrix whose networks a verb of `harness measure` is asked about, and the options that choose it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from harness.cli.options import refuse_beside

if TYPE_CHECKING:
    from harness.data.dataset import Policy
    from harness.matrix.planned import PlannedPart
    from harness.matrix.progress import Progress

ROOTS = ("semantickitti", "nuscenes")


@dataclass(frozen=True)
class MatrixChoice:
    """A matrix as a user chose it.

    Attributes:
        name: of a shipped matrix, or its file.
        overrides: what stands instead of its own keys, each as ``KEY=VALUE``.
        engine: instead of its own, or None.
        roots: of the data sets, where the command line names them.
        partial: use the scans that are there.
        skip_damaged: leave damaged scans out.
    """

    name: str
    overrides: tuple[str, ...]
    engine: str | None
    roots: Mapping[str, Path | None]
    partial: bool
    skip_damaged: bool

    def plan(self, out: Path, progress: Progress) -> list[PlannedPart]:
        """Prepare its data and plan its cells, as `harness run` does.

        Raises:
            HarnessError: the matrix is wrong, or its data can't be used.
        """
        from harness.config.matrix_file import read_matrix
        from harness.config.override import override
        from harness.matrix.check import check_matrix
        from harness.matrix.planned import plan_run
        from harness.store import Store

        config = override(*read_matrix(self.name), self.engine, None, self.overrides)
        check_matrix(config)
        policy: Policy = "skip-and-report" if self.skip_damaged else "fail"
        return plan_run(config, self.roots, Store(out), self.partial, policy, 0, progress)


def matrix_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Let a verb take the networks of a matrix instead of those of its other options, as one argument, ``matrix``.

    It stands above the options of networks and scans, since it takes the data sets' roots before they are asked which
    one they name: a matrix may have several.
    """

    @functools.wraps(verb)
    def chosen(matrix: str | None, overrides: tuple[str, ...], skip_damaged: bool, **others: Any) -> None:
        if matrix is None:
            _refuse_alone(overrides, skip_damaged)
            verb(matrix=None, **others)
            return
        refuse_beside(
            "--matrix", "files", "dataset", "split", "version", "past_scans", "stride", "backbone", "widths", "classes",
            "voxel_size", "settings", "weights",
        )  # fmt: skip
        roots = {name: others.pop(name) for name in ROOTS}
        typed = click.get_current_context().get_parameter_source("engine") is ParameterSource.COMMANDLINE
        engine = others["engine"] if typed else None
        choice = MatrixChoice(matrix, overrides, engine, roots, others["partial"], skip_damaged)
        verb(matrix=choice, **dict.fromkeys(ROOTS), **others)

    wrapped: Callable[..., None] = chosen
    for option in (
        click.option("--skip-damaged", is_flag=True, help="Of --matrix: leave damaged scans out, each one reported."),
        click.option(
            "--set", "overrides", multiple=True, metavar="KEY=VALUE",
            help="Of --matrix: instead of what it says, as of `harness run`; repeatable.",
        ),
        click.option(
            "--matrix", metavar="NAME|FILE",
            help="A shipped matrix or a file: its networks, on the evaluation scans of its data sets.",
        ),
    ):  # fmt: skip
        wrapped = option(wrapped)
    return wrapped


def _refuse_alone(overrides: tuple[str, ...], skip_damaged: bool) -> None:
    """Refuse options that are of a matrix alone.

    Raises:
        click.UsageError: one was given.
    """
    for option, given in (("--set", overrides), ("--skip-damaged", skip_damaged)):
        if given:
            raise click.UsageError(f"{option} is of --matrix.")
