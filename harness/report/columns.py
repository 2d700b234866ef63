"""The columns of a table of results: what a row is, what it costs, and how long it takes by machine."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.cells import ABSENT, Footnotes, number
from harness.report.facts import data_notes, differences
from harness.report.flat import Facts
from harness.report.networks import network_notes
from harness.report.rows import Row
from harness.report.timings import PROTOCOLS
from harness.spec import DatasetSpec

PARTIAL, SYNTHETIC = "†", "‡"
UNMEASURED = "not measured on a GPU"
LATENCY = "latency p50, ms"


def names(row: Row, rows: Sequence[Row], notes: Footnotes) -> dict[str, str]:
    """Return data, backbone and network of a row, with what the names alone would not say in footnotes."""
    dataset = row.spec.dataset
    marks = (PARTIAL if dataset.partial else "") + (SYNTHETIC if dataset.synthetic else "")
    others = data_notes(dataset, (other.spec.dataset for other in rows))
    return {
        "data": dataset.name + _settings(dataset, rows) + marks + notes.mark(others),
        "backbone": row.spec.backbone.name + notes.mark(network_notes(row.spec.backbone, dataset.name)),
        "network": row.label + notes.mark(row.differences),
    }


def costs(row: Row, rows: Sequence[Row]) -> dict[str, str]:
    """Return what a prediction computes, and how many times that of a student its teacher is, where there is one."""
    line = {"GMACs": number(row.gmacs, 1 if (row.gmacs or 0) >= 10 else 3)}
    if any(other.macs_ratio for other in rows):
        line["MACs ratio"] = number(row.macs_ratio, 2)
    line["parameters, M"] = number(row.parameters_m, 2)
    if any(other.parameters_ratio for other in rows):
        line["parameters ratio"] = number(row.parameters_ratio, 2)
    return line


def times(rows: Sequence[Row], notes: Footnotes) -> list[dict[str, str]]:
    """Return the latency of each row: a column for each machine and protocol, and always one that is a GPU's.

    Where no GPU measured, its column stays empty and says so. No CPU ever fills it.
    """
    measured = sorted({(timing.machine, timing.protocol) for row in rows for timing in row.timings.values()})
    heads = {key: f"{LATENCY} ({key[0]})" + notes.mark([PROTOCOLS[key[1]]]) for key in measured}
    on_gpu = any(machine.startswith("GPU") for machine, _ in measured)
    unfilled = [] if on_gpu else [f"{LATENCY} (GPU)" + notes.mark([UNMEASURED])]
    first: dict[tuple[str, str], Facts] = {}  # by column and data set, since each has scans of its own
    lines = []
    for row in rows:
        line = dict.fromkeys([*heads.values(), *unfilled], ABSENT)
        for timing in row.timings.values():
            head = heads[timing.machine, timing.protocol]
            unstable = [f"unstable: {', '.join(timing.unstable)}"] if timing.unstable else []
            others = differences(timing.facts, first.setdefault((head, row.spec.dataset.name), timing.facts))
            line[head] = number(timing.p50_ms, 1) + (" (unstable)" if unstable else "") + notes.mark(unstable + others)
        lines.append(line)
    return lines


def legend(rows: Sequence[Row]) -> list[str]:
    """Explain the marks that stand in a table, with counts."""
    lines = []
    for dataset in dict.fromkeys(row.spec.dataset.model_dump_json() for row in rows if row.spec.dataset.partial):
        spec = next(row.spec.dataset for row in rows if row.spec.dataset.model_dump_json() == dataset)
        held = ", ".join(f"{spec.scans[split]} of {spec.official_scans.get(split, 0)} {split}" for split in spec.scans)
        lines.append(f"{PARTIAL} partial data: {held} scans ({spec.name}, manifest {spec.manifest[:12]}).")
    if any(row.spec.dataset.synthetic for row in rows):
        lines.append(
            f"{SYNTHETIC} synthetic streets: no figure of the real data set, comparable within this table only."
        )
    return lines


def _settings(dataset: DatasetSpec, rows: Sequence[Row]) -> str:
    """Say the settings of a data set by which it differs from others of its name in the table."""
    namesakes = [row.spec.dataset.settings for row in rows if row.spec.dataset.name == dataset.name]
    telling = [key for key in dataset.settings if any(other.get(key) != dataset.settings[key] for other in namesakes)]
    return f" ({', '.join(f'{key}={dataset.settings[key]}' for key in telling)})" if telling else ""
