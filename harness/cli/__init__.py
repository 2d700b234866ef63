"""The command line: one verb per file, loaded when it is called."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from pathlib import Path

import click

from harness.errors import HarnessError
from harness.heap import keep_freed_memory
from harness.version import VERSION

VERBS = {
    "run": "Run a matrix: train, evaluate, measure, and write its tables.",
    "ls": "List matrices, cells, backbones, methods, data sets, engines.",
    "show": "Show one cell: its spec, its result, its loss curves.",
    "inspect": "Look into what a method does with a scan.",
    "data": "Synthesise, check or sum up a data set.",
    "evaluate": "Score a folder of predictions by the official rule.",
    "measure": "Count MACs or time a network.",
    "convert": "Read the released weights of others.",
    "doctor": "Say what works on this machine, and what to type where something is missing.",
    "tables": "Print the tables of a store's results.",
    "gate": "Compare a run with a reference: as good, as fast, as small as it was?",
    "submit": "Write a leaderboard archive of a cell's predictions.",
}


class Verbs(click.Group):
    """A group that imports a verb's module when it is asked for, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of a user's work."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"harness.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="harness")
def cli() -> None:
    """Compare distillation methods for LiDAR semantic segmentation, under one recipe and fixed seeds.

    \b
    Start here:
      harness run --matrix demo          everything, on synthetic streets, in minutes
      harness ls matrices                what else can be run
    """


def main() -> None:
    """Run the command line; a user's mistake ends with one paragraph and exit code 2."""
    keep_freed_memory()
    before = signal.signal(signal.SIGTERM, _interrupt)  # a stop by the system cleans up as one by the keyboard does
    sys.path.append(str(Path.cwd()))  # where a method of the user's own lies; last, so that it hides no package
    try:
        cli.main(standalone_mode=False)
    except HarnessError as error:
        fail(str(error))
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. The same command goes on: `harness run` from its last checkpoint.", err=True)
        sys.exit(130)
    except OSError as error:
        fail(f"{error.filename or 'output'}: {error.strerror or error}")
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def fail(message: str) -> None:
    """Print one paragraph and exit with 2."""
    click.echo(f"harness: {message}", err=True)
    sys.exit(2)
