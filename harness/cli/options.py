"""Options that several verbs share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from harness.data.splits import Split


class FiniteRange(click.FloatRange):
    """A range of numbers; NaN, which no comparison finds outside, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number.

        Raises:
            click.BadParameter: it is none, or outside.
        """
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder of the store and of everything a run writes.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N; auto takes a GPU where there is one.",
)

setting_option = click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the backbone, for example rulebook=as_released; repeatable. @FILE as value reads a JSON file.",
)


def png_path(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Return the path of a picture, so that a slip does not overwrite a file of another kind.

    Raises:
        click.BadParameter: it does not end in .png.
    """
    if value is not None and value.suffix.lower() != ".png":
        raise click.BadParameter(f"'{value}' must end in .png", context, parameter)
    return value


def refuse_beside(option: str, *parameters: str) -> None:
    """Refuse parameters, by the names the verb takes them under, that were typed although `option` decides them.

    Raises:
        click.UsageError: one of them was given on the command line.
    """
    context = click.get_current_context()
    as_typed = {parameter.name: max(parameter.opts, key=len) for parameter in context.command.params}
    given = [name for name in parameters if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    typed = [as_typed[name] for name in given]
    if typed:
        raise click.UsageError(f"{option} decides {', '.join(typed)}: give one or the other.")


def read_settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return settings given as KEY=VALUE; a value is read as YAML, so numbers and lists are what they look like.

    Raises:
        HarnessError: a pair has no ``=``, a value is no YAML, or a file can't be read or is too large.
    """
    from harness.config.pair import read_pair

    return dict(read_pair("--setting", pair, "rulebook=as_released") for pair in pairs)


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
