"""`harness doctor`: what works on this machine, and what to type for what does not."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.data_options import nuscenes_option, semantickitti_option
from harness.cli.options import json_option, out_option, print_json, progress_bar


@click.command("doctor")
@click.option("--engine", help="Check this engine alone; see `harness ls engines`.")
@semantickitti_option
@nuscenes_option
@out_option
@json_option
def command(engine: str | None, semantickitti: Path | None, nuscenes: Path | None, out: Path, as_json: bool) -> None:
    """Examine this machine: engines, torch, GPUs, memory, disks, determinism, optional packages, data.

    Every engine that is installed is compared with PyTorch's dense convolution and timed on fixed voxels. Nothing is
    written but the compiled kernel, if its cache does not have it yet. The exit code is 1 when an engine computes
    wrongly, when no engine works, when the one named by --engine does not, or when a training step that is run again
    gives other bits.

    \b
    Examples:
      harness doctor
      harness doctor --engine spconv
      harness doctor --semantickitti /data/semantickitti --json
    """
    from backbones.sparse.engine import engine_names
    from harness.doctor.diagnosis import diagnose

    if engine is not None and engine not in engine_names():
        raise click.UsageError(f"--engine: there is no '{engine}'; choose one of {', '.join(engine_names())}.")
    with progress_bar("Examining") as progress:
        diagnosis = diagnose(out, {"semantickitti": semantickitti, "nuscenes": nuscenes}, engine, progress)
    if as_json:
        print_json(diagnosis.record())
    else:
        from harness.cli.diagnosis import show_diagnosis

        show_diagnosis(diagnosis)
    sys.exit(0 if diagnosis.ok else 1)
