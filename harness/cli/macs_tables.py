"""Counted networks as text: how their MACs are spread over the scans, what one saves on another, and every layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.cli.folded import folded
from harness.cli.rows import aligned_lines

if TYPE_CHECKING:
    from harness.measure.macs_report import CountedNetwork

LISTED = 20
"""Most scans that are listed one by one."""


def macs_lines(networks: Sequence[CountedNetwork], where: str, layers: bool) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        networks: of one backbone, counted on the same scans.
        where: what the scans are.
        layers: whether every layer is listed.
    """
    yield f"{networks[0].spec.name} on {where}: macs-v1, GMACs of a prediction"
    yield ""
    yield from _spread(networks)
    yield ""
    yield from _savings(networks)
    yield from _kinds(networks)
    yield from _executed(networks)
    yield ""
    yield from _scans(networks)
    if layers:
        for network in networks:
            yield ""
            yield from _layers(network)


def _spread(networks: Sequence[CountedNetwork]) -> Iterator[str]:
    from harness.measure.macs_report import distribution

    rows, scans = [], len(networks[0].counts)
    for network in networks:
        spread = distribution(network.counts) if scans > 1 else {"GMACs": network.counts[0].total / 1e9}
        rows.append([_name(network), *map(_digits, spread.values()), _millions(network.parameters)])
    yield from aligned_lines(["", *spread, "parameters"], rows)


def _savings(networks: Sequence[CountedNetwork]) -> Iterator[str]:
    first = networks[0]
    for network in networks[1:]:
        share = network.share_of(first)
        shares = share.lowest, share.macs, share.highest, share.parameters
        low, mean, high, size = (f"{100 * value:.1f} %" for value in shares)
        spread = "" if len(network.counts) == 1 else f" ({low} to {high} scan by scan)"
        macs = f"{mean} of the MACs of {_name(first)}{spread}, {_times(share.macs)}"
        yield f"{_name(network)} has {macs}; {size} of the parameters, {_times(share.parameters)}"


def _kinds(networks: Sequence[CountedNetwork]) -> Iterator[str]:
    from harness.measure.macs_report import mean_gmacs

    for network in networks:
        yield f"{_name(network)}: {_sum(mean_gmacs(network.counts))}"
        if network.released:
            counted = _sum(mean_gmacs(network.released))
            yield f"{_name(network)} with an output for the ignored id, as released weights have: {counted}"


def _executed(networks: Sequence[CountedNetwork]) -> Iterator[str]:
    """Yield the diagnostic, which is no cost of a network and stands in no table of results."""
    from harness.measure.macs_summary import summarise

    engine, told = networks[0].engine, []
    for network in networks:
        found = summarise(network.counts)
        if (executed := found.executed_gmacs_mean) is not None:
            padding = 100 * (executed / found.gmacs_mean - 1)
            told.append(f"{_digits(executed)} for {_name(network)} ({padding:.1f} % more than counted)")
    work = f"multiplies {', '.join(told)}" if told else "does not tell what it multiplies"
    yield from folded(f"diagnostic: the engine {engine.name} {engine.version} {work}")


def _scans(networks: Sequence[CountedNetwork]) -> Iterator[str]:
    counts = networks[0].counts
    header, rows = ["scan", "voxels by level", "pairs", *map(_name, networks)], []
    for index, count in enumerate(counts[:LISTED]):
        sites = " ".join(map(str, count.sites))
        totals = [_digits(network.counts[index].total / 1e9) for network in networks]
        rows.append([count.scan_ids[0], sites, str(count.pairs), *totals])
    yield from aligned_lines(header, rows, left=2)
    if len(counts) > LISTED:
        yield f"… and {len(counts) - LISTED} more, which --json lists"


def _layers(network: CountedNetwork) -> Iterator[str]:
    layers, scans = network.layers(), len(network.counts)
    total = sum(sum(layer["macs"]) for layer in layers.values())
    yield f"{_name(network)}, layers" + (": rows, pairs and GMACs are means over the scans" if scans > 1 else "")
    header, rows = ["", "kind", "C_in", "C_out", "kernel", "rows in", "rows out", "pairs", "GMACs", "%"], []
    for path, layer in layers.items():
        macs = sum(layer["macs"])
        fixed = [_cell(layer[key]) for key in ("c_in", "c_out", "kernel_volume")]
        means = [_cell(_mean(layer[key])) for key in ("rows_in", "rows_out", "pairs")]
        rows.append([path, layer["kind"], *fixed, *means, _digits(macs / scans / 1e9, 4), f"{100 * macs / total:.2f}"])
    rows.append(["all", *[""] * 7, _digits(total / scans / 1e9, 4), "100.00"])
    yield from aligned_lines(header, rows, left=2)


def _times(share: float) -> str:
    """Return how many times the first has what this has, which tables print as teacher over student, or the reverse."""
    return f"{1 / share:.2f} times fewer" if share < 1 else f"{share:.2f} times as many"


def _name(network: CountedNetwork) -> str:
    return f"width {network.spec.width:g}"


def _sum(kinds: Mapping[str, float]) -> str:
    return " + ".join(f"{_digits(gmacs)} {kind}" for kind, gmacs in kinds.items())


def _digits(gmacs: float, decimals: int = 3) -> str:
    """Return a number with so many decimals, or three digits where these would show none or one."""
    return f"{gmacs:.{decimals}f}" if gmacs >= 10 ** (1 - decimals) else f"{gmacs:.3g}"


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:.3f} M"


def _mean(values: Sequence[int | None]) -> int | None:
    """Return the mean over the scans, rounded; None where a layer has no such number."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known)) if len(known) == len(values) else None


def _cell(value: int | None) -> str:
    return "" if value is None else str(value)
