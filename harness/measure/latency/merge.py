"""From what the processes of a measurement tell to the records of its networks."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

from harness.errors import HarnessError
from harness.measure.latency.order import ProcessOrder, ProcessReport
from harness.measure.latency.summary import fit_processes, summarise_processes, summarise_span
from harness.measure.latency.verdict import judge
from harness.spec import LatencyRecord
from harness.spec.latency import usual_name
from harness.version import VERSION


def merge(order: ProcessOrder, reports: Sequence[ProcessReport], commit: str | None) -> dict[str, LatencyRecord]:
    """Return the record of each network by the name it has in the order.

    Args:
        order: that of one of the processes, which were told the same but for their numbers.
        reports: of the processes, one or more.
        commit: of the working copy that ran, None where there is none.

    Raises:
        HarnessError: the processes did not read the same points, or did not run on the same device.
    """
    _require_alike(reports)
    return {name: _record(name, order, reports, commit) for name in order.networks}


def _record(name: str, order: ProcessOrder, reports: Sequence[ProcessReport], commit: str | None) -> LatencyRecord:
    network, first = order.networks[name], reports[0]
    told = [report.networks[name] for report in reports]
    runs = tuple(report.run for report in told)
    voxels = told[0].voxels
    end_to_end_ms = np.array([run.end_to_end_ms for run in runs])
    spans = {span: np.concatenate([report.span_ms[span] for report in told]) for span in told[0].span_ms}
    energies = [run.energy_mj_per_scan for run in runs if run.energy_mj_per_scan is not None]
    verdict, reasons = judge(runs, first.threads)
    return LatencyRecord(
        dataset=order.scans.dataset,
        synthetic=order.scans.synthetic,
        backbone=network.backbone,
        name=None if name == usual_name(order.scans.dataset, network.backbone) else name,
        engine=network.engine,
        engine_version=told[0].engine_version,
        device_kind=first.device_kind,
        device=first.device,
        threads=first.threads,
        torch=first.torch,
        harness=VERSION,
        commit=commit,
        scan_ids=order.scans.scan_ids,
        scans_sha256=first.scans_sha256,
        voxels=voxels,
        interleaved_with=tuple(other for other in order.networks if other != name),
        passes=order.passes,
        end_to_end=summarise_processes(end_to_end_ms),
        spans={span: summarise_span(values) for span, values in spans.items()},
        fit=fit_processes(voxels, end_to_end_ms),
        cold_start_ms=median(run.cold_start_ms for run in runs),
        peak_memory_mib=max(run.peak_memory_mib for run in runs),
        energy_mj_per_scan=median(energies) if energies else None,
        processes=runs,
        verdict=verdict,
        reasons=reasons,
    )


def _require_alike(reports: Sequence[ProcessReport]) -> None:
    for what in ("scans_sha256", "device", "threads", "torch"):
        told = dict.fromkeys(getattr(report, what) for report in reports)
        if len(told) > 1:
            remedy = "Leave data, machine and environment as they are while it runs, and run again."
            found = f"{what} {' and '.join(map(str, told))}"
            raise HarnessError("processes of a measurement", found, "the same in all of them", remedy)
