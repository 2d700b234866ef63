"""Records of latency-v1 as a table and a paragraph for each network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from harness.cli.folded import folded
from harness.measure.latency import HOST_CLOCK, SPANS
from harness.plain_text import plain
from harness.report.card_words import card_lines
from harness.report.cost_card import card_of_latency

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.spec import LatencyRecord, MachineState

WIDTH = 110
"""Columns, unless a terminal is narrower."""


def show_records(records: Sequence[LatencyRecord], console: Console) -> None:
    """Print records, those that were timed together in one table."""
    from rich.console import Console as Fixed

    wide = console if console.is_terminal else Fixed(file=console.file, width=max(console.width, WIDTH))
    for _, together in groupby(records, key=lambda record: (record.dataset, record.scans_sha256)):
        group = list(together)
        shared = _shared(group)
        _say(wide, _head(group[0], len(group)))
        wide.print(_table(group))
        _say(wide, (f"state: {'; '.join(_state(group[0]))}", *card_lines(shared)))
        for record in group:
            _say(wide, ("", _name(record)))
            _say(wide, _lines(record, shared), indent="  ")
        wide.print("")


def _say(console: Console, lines: Iterable[str], indent: str = "") -> None:
    for line in lines:
        for piece in folded(plain(line), indent) if line else [""]:
            console.print(piece, markup=False, highlight=False, soft_wrap=True)


def _head(record: LatencyRecord, networks: int) -> Iterator[str]:
    threads = f", threads: {record.threads}" if record.device_kind == "CPU" else ""
    data = f"{record.dataset} (synthetic)" if record.synthetic else record.dataset
    processes = len(record.processes)
    yield f"{record.device_kind}: {record.device}{threads}"
    yield (
        f"{record.protocol}, points on the device to labels on the device, batch 1, {record.precision}: "
        f"{len(record.scan_ids)} {'scan' if len(record.scan_ids) == 1 else 'scans'} of {data} × {record.passes} "
        f"{'pass' if record.passes == 1 else 'passes'} × {processes} {'process' if processes == 1 else 'processes'}"
        f"{', networks interleaved' if networks > 1 else ''}"
    )


def _table(records: Sequence[LatencyRecord]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("ms", no_wrap=True)
    for name in ("p50 [95 %]", "p95 [95 %]", "p99", "mean ± MAD", "verdict"):
        table.add_column(name, justify="right", no_wrap=True)
    for record in records:
        span = record.end_to_end
        table.add_row(
            _name(record),
            f"{span.p50_ms:.2f}{_interval(span.p50_interval_ms)}",
            f"{span.p95_ms:.2f}{_interval(span.p95_interval_ms)}",
            "–" if span.p99_ms is None else f"{span.p99_ms:.2f}",
            f"{span.mean_ms:.2f} ± {span.mad_ms:.2f}",
            record.verdict,
        )
    return table


def _shared(group: Sequence[LatencyRecord]) -> dict[str, str]:
    """Return what the protocol cards of a group agree on; what they don't stands at each of its networks."""
    first, *others = map(_card, group)
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def _card(record: LatencyRecord) -> dict[str, str]:
    """Return a record's protocol card without the verdict, which has a line of its own."""
    return {key: value for key, value in card_of_latency(record).items() if key != "latency.verdict"}


def _lines(record: LatencyRecord, shared: Mapping[str, str]) -> Iterator[str]:
    parts = [f"{name.replace('_', ' ')} {record.spans[name].p50_ms:.2f}" for name in SPANS]
    yield f"parts, p50: {', '.join(parts)} ms"
    if record.device_kind == "GPU":
        yield f"end to end by the host's clock, p50: {record.spans[HOST_CLOCK].p50_ms:.2f} ms"
    yield f"fit: {_fit(record)}"
    energy = record.energy_mj_per_scan
    told = "energy not measured" if energy is None else f"{energy:.1f} mJ per scan above idle"
    yield f"cold start {record.cold_start_ms:.1f} ms, peak memory {record.peak_memory_mib:.0f} MiB, {told}"
    yield from card_lines({key: value for key, value in _card(record).items() if key not in shared})
    yield "stable" if record.verdict == "stable" else f"UNSTABLE: {'; '.join(record.reasons)}"


def _fit(record: LatencyRecord) -> str:
    low, high = min(record.voxels), max(record.voxels)
    if record.fit is None:
        return f"none: scans of {low} to {high} voxels are too alike for a line"
    line, interval = record.fit, _interval(record.fit.slope_interval, 3)
    unsure = "" if interval else "; too few scans for an interval"
    slope = f"{line.ms_per_1000_voxels:.3f}{interval}"
    return f"{line.intercept_ms:.2f} ms + {slope} ms per 1000 voxels, of {low} to {high}{unsure}"


def _state(record: LatencyRecord) -> Iterator[str]:
    """Say what the device told of itself over all processes, which networks of a group share, and what it did not."""
    runs = record.processes
    states = [state for run in runs for state in (run.before, run.after)]
    yield _range("clock", (clock for run in runs for clock in run.sm_clocks_mhz or ()), "MHz")
    if record.device_kind == "GPU":
        yield _range("memory clock", (clock for run in runs for clock in run.memory_clocks_mhz or ()), "MHz")
        yield _range("power", (state.power_w for state in states), "W")
    yield _range("temperature", (state.temperature_c for state in states), "°C")
    if record.device_kind == "GPU":
        reasons = sorted({reason for state in states for reason in state.throttle_reasons})
        yield f"throttle reasons: {', '.join(reasons) or 'none told'}"
        yield _range("other processes", (state.other_processes for state in states), "")
        if any(state.mig for state in states):
            yield "a slice of the card (MIG)"
    else:
        yield _range("cores kept busy by others", (_rounded(state) for state in states), "")


def _range(name: str, told: Iterable[float | None], unit: str) -> str:
    values = [value for value in told if value is not None]
    if not values:
        return f"{name} not told"
    low, high = min(values), max(values)
    return f"{name} {low:g}{'' if low == high else f' to {high:g}'} {unit}".rstrip()


def _rounded(state: MachineState) -> float | None:
    return None if state.load is None else round(state.load, 2)


def _interval(interval: tuple[float, float] | None, digits: int = 2) -> str:
    return "" if interval is None else f" [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]"


def _name(record: LatencyRecord) -> str:
    """The network's name without the data set, which the head has."""
    return record.network.removeprefix(f"{record.dataset}-")
