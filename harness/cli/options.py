"""Options that several verbs share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from harness.data.splits import Split

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder of the store and of everything a run writes.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
partial_option = click.option(
    "--partial", is_flag=True, help="Use the scans that are there; results are marked partial."
)
semantickitti_option = click.option(
    "--semantickitti",
    type=click.Path(path_type=Path),
    help="Root of SemanticKITTI: the folder with sequences/. Else SEMANTICKITTI_ROOT or ./harness.toml.",
)
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; auto takes a GPU where there is one.",
)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error when it is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(label, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def to_split(name: str) -> Split:
    """Return the split of that name; click has checked that it is one."""
    from harness.data.splits import SPLITS

    return next(split for split in SPLITS if split == name)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
