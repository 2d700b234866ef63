"""One fresh process of a measurement: ``python -m harness.measure.latency.worker ORDER RESULT``.

It tells how far it is in lines of JSON on standard output, and ends when its standard input does, which is when the
process that started it is gone.
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from backbones.build import build_backbone, build_voxelizer
from backbones.sparse.engine import get_engine
from backbones.sparse.layers import set_engine
from harness.errors import HarnessError
from harness.files import write_text
from harness.heap import keep_freed_memory
from harness.measure.device import choose_device, describe_device
from harness.measure.latency import timed_samples
from harness.measure.latency.link import Link, end_with_starter
from harness.measure.latency.order import NetworkOrder, NetworkReport, ProcessOrder, ProcessReport
from harness.measure.latency.passes import ProcessMeasurement, TimedNetwork, in_reach, measure_process
from harness.measure.latency.scan_energy import ScanEnergy
from harness.measure.latency.scan_source import points_sha256
from harness.measure.latency.state_watch import StateWatch, Watched
from harness.measure.latency.summary import summarise_span
from harness.measure.machine_state import Machine
from harness.spec import ProcessRun


def measure(order: ProcessOrder, told: Callable[[int, int], None]) -> ProcessReport:
    """Build the networks, read the scans and time all of them.

    Args:
        order: what to time.
        told: called between samples with (samples done, samples in all).

    Raises:
        HarnessError: there is no such device, a scan can't be read, or a network can't be built on its engine.
    """
    device = choose_device(order.device)
    scans = in_reach(list(order.scans.read()), device)
    networks = [_build(name, network, device) for name, network in order.networks.items()]
    machine = Machine(device)
    energy = ScanEnergy(machine, scans)
    watch = StateWatch(machine, timed_samples(len(networks), len(scans), order.passes))

    def between(done: int, total: int) -> None:
        watch(done, total)
        told(done, total)

    found = measure_process(networks, scans, order.passes, device, order.number, between)
    watched = watch.watched()
    runs = {
        timed.name: process_run(order.number, found[timed.name], watched, energy.per_scan_mj(timed))
        for timed in networks
    }
    return ProcessReport(
        device_kind="GPU" if device.type == "cuda" else "CPU",
        device=describe_device(device),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        scans_sha256=points_sha256(scans),
        networks={name: _report(runs[name], found[name], order.networks[name]) for name in order.networks},
        untold=machine.untold(),
    )


def process_run(number: int, found: ProcessMeasurement, watched: Watched, energy_mj: float | None) -> ProcessRun:
    """Return the record of one network in one process."""
    return ProcessRun(
        number=number,
        cold_start_ms=found.cold_start_ms,
        warm_up=found.warm_up,
        end_to_end_ms=tuple(map(tuple, found.end_to_end_ms)),
        spans={name: summarise_span(values) for name, values in found.span_ms.items()},
        peak_memory_mib=found.peak_memory_mib,
        energy_mj_per_scan=energy_mj,
        before=watched.before,
        after=watched.after,
        sm_clocks_mhz=watched.sm_clocks_mhz,
        memory_clocks_mhz=watched.memory_clocks_mhz,
    )


def _report(run: ProcessRun, found: ProcessMeasurement, network: NetworkOrder) -> NetworkReport:
    return NetworkReport(
        run=run,
        span_ms={name: tuple(values) for name, values in found.span_ms.items()},
        voxels=tuple(found.voxels),
        engine_version=get_engine(network.engine).version,
    )


def _build(name: str, network: NetworkOrder, device: torch.device) -> TimedNetwork:
    """Make a network with any weights: a sparse network's work is decided by its layers and the scan.

    Raises:
        HarnessError: it can't be built, or not on this engine.
    """
    backbone = network.backbone
    try:
        built = build_backbone(backbone.name, backbone.width, backbone.classes, backbone.settings)
        set_engine(built, get_engine(network.engine))
    except ValueError as error:
        found, remedy = str(error), "Choose another engine, width or setting."
        raise HarnessError(f"network {name}", found, "one that can be built here", remedy) from error
    voxelizer = build_voxelizer(backbone.name, backbone.voxel_size_m, backbone.settings)
    return TimedNetwork(name, built.to(device).eval(), voxelizer)


def main(order_path: str, result_path: str) -> int:
    """Carry out the order of a file and write the report to another, whole or not at all."""
    faulthandler.enable()
    link = Link()
    end_with_starter()
    keep_freed_memory()
    try:
        order = ProcessOrder.model_validate_json(Path(order_path).read_bytes())
        write_text(Path(result_path), measure(order, link.told).model_dump_json())
    except HarnessError as error:
        link.fault(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
