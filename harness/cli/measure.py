"""`harness measure`: MACs and latency of backbones on scans of the user's."""

from __future__ import annotations

import click

from harness.cli.measure_latency import latency_command
from harness.cli.measure_macs import macs_command


@click.group("measure")
def command() -> None:
    """Count the multiply-accumulates of networks, or time them.

    Both verbs take files of scans, or a data set, of which they take a few.

    \b
    Examples:
      harness measure macs --backbone minkowskinet --scan 000000.bin --layers
      harness measure macs --backbone spvnas --width 1.0 --width 0.5 --semantickitti /data/kitti --scans 20
      harness measure latency --backbone minkowskinet --width 0.5 --scan 000000.bin --passes 5
    """


command.add_command(macs_command)
command.add_command(latency_command)
