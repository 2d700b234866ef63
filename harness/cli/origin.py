"""Where a result comes from and what it cost, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.cli.amounts import clock, duration

if TYPE_CHECKING:
    from harness.spec import Provenance


def origin_lines(origin: Provenance) -> Iterator[str]:
    """Yield the lines of a provenance."""
    state = {True: ", with changes", False: ", unchanged", None: ""}[origin.dirty]
    yield f"made by commit {origin.commit[:12]}{state}" if origin.commit else "made by an installed harness"
    yield f"  spec {origin.spec_hash}, data {origin.manifest_hash[:12]}, {_named(origin.seeds, 'seed of the ')}"
    yield f"  {_named(origin.packages)}"
    yield f"  Python {origin.python} on {origin.platform}, {origin.device}"
    phases = ", ".join(f"{name} {clock(seconds)}" for name, seconds in origin.phase_seconds.items()) or "no phase ended"
    yield f"  {duration(origin.wall_hours)} ({phases}), {origin.device_hours:.3g} device hours"
    memory = "" if origin.peak_memory_mib is None else f"peak {origin.peak_memory_mib:.0f} MiB of memory, "
    yield f"  {memory}{origin.disk_mib:.1f} MiB on disk"
    yield f"  pre-empted {_times(origin.preemptions)}, short of memory {_times(origin.memory_retries)}"


def _named(values: dict[str, str] | dict[str, int], before: str = "") -> str:
    return ", ".join(f"{before}{name} {value}" for name, value in values.items())


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")
