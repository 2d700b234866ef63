"""`harness data`: make, check and sum up data sets."""

from __future__ import annotations

import click

from harness.cli.data_check import check_command
from harness.cli.data_stats import stats_command
from harness.cli.data_synthesize import synthesize


@click.group("data")
def command() -> None:
    """Make synthetic streets, check a copy of a data set, or sum it up.

    \b
    Examples:
      harness data synthesize semantickitti --out streets --scans 20 --seed 0
      harness data check --semantickitti /data/semantickitti
      harness data stats --semantickitti /data/semantickitti --split val
    """


command.add_command(check_command)
command.add_command(stats_command)
command.add_command(synthesize)
