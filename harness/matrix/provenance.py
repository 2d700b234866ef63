"""Where a result comes from and what it cost."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, packages_distributions, version

import torch

from backbones.reduction import choose_library
from harness.errors import HarnessError
from harness.files import folder_mib
from harness.matrix.working_copy import working_copy
from harness.measure.device import describe_device
from harness.spec import CellSpec, Provenance, SittingResult
from harness.store import CellFolder, Store
from harness.version import DISTRIBUTION, VERSION

ENGINE_MODULES = {
    "spconv": ("spconv", "cumm"),
    "spconv_triton": ("spconv_triton", "triton"),
    "torchsparse": ("torchsparse",),
    "minkowski": ("MinkowskiEngine",),
}
"""What computes in each engine but the portable one, which is torch's alone. Wheels of these have names by build."""

SUBMITTED = "SUBMITIT_EXECUTOR"
"""Variable of every process that submitit started."""


def provenance(
    spec: CellSpec,
    store: Store,
    folder: CellFolder,
    phase_seconds: dict[str, float],
    processes: int,
    peak_memory_mib: float | None,
    device: torch.device,
    sittings: Sequence[SittingResult] = (),
) -> Provenance:
    """Return what an auditor asks first about the result of a cell; it raises for nothing that it can't find out.

    Args:
        spec: the cell.
        store: where its teacher lies.
        folder: of the cell, whose events are counted and whose files are weighed.
        phase_seconds: wall time by phase, the training's over all sittings.
        processes: that work together now.
        peak_memory_mib: largest of all sittings of the training.
        device: of this process.
        sittings: of the training, whose seconds are among those of the phases.
    """
    events = Counter(event["event"] for event in folder.events())
    copy, seconds = working_copy(), sum(phase_seconds.values())
    trained_s = sum(sitting.seconds for sitting in sittings)
    device_s = sum(sitting.seconds * sitting.processes for sitting in sittings) + (seconds - trained_s) * processes
    most = max([processes, *(sitting.processes for sitting in sittings)])
    return Provenance(
        spec_hash=spec.hash,
        manifest_hash=spec.dataset.manifest,
        seeds=_seeds(spec, store),
        commit=None if copy is None else copy.commit,
        dirty=None if copy is None else copy.dirty,
        packages=packages(spec.engine, device, most, submitted=SUBMITTED in os.environ),
        python=platform.python_version(),
        platform=platform.platform(),
        device=_device_name(device),
        processes=processes,
        phase_seconds=phase_seconds,
        wall_hours=seconds / 3600,
        device_hours=device_s / 3600,
        peak_memory_mib=peak_memory_mib,
        disk_mib=folder_mib(folder.path),
        preemptions=events["preempted"],
        memory_retries=events["memory_retry"],
    )


def packages(engine: str, device: torch.device, processes: int, submitted: bool) -> dict[str, str]:
    """Return the version of each installed package that has a part in the numbers of a cell, by its name.

    Args:
        engine: of the sparse convolutions.
        device: of the cell.
        processes: that share each batch; several are joined by lightning-fabric.
        submitted: submitit started the process.
    """
    names = ["torch", "numpy"]
    if engine in ENGINE_MODULES:
        owners = packages_distributions()
        names += [name for module in ENGINE_MODULES[engine] for name in owners.get(module, ())]
    if "torch_scatter" in (choose_library(device.type, "max"), choose_library(device.type, "mean")):
        names.append("torch-scatter")
    names += ["lightning-fabric"] * (processes > 1) + ["submitit"] * submitted
    found = {name: number for name in names if (number := _version(name)) is not None}
    return {DISTRIBUTION: VERSION} | found | (_cuda() if device.type == "cuda" else {})


def _seeds(spec: CellSpec, store: Store) -> dict[str, int]:
    seeds: dict[str, int] = {spec.role: spec.seed}
    if spec.teacher is not None:
        with suppress(HarnessError):  # it was removed since: its hash in the spec is what is left
            seeds["teacher"] = store.find(spec.teacher).spec().seed
    return seeds


def _device_name(device: torch.device) -> str:
    """Return the model of a device; its kind where a process only waits for others that have one."""
    try:
        return describe_device(device)
    except (RuntimeError, AssertionError):  # torch's words for no such GPU here, and for no CUDA in it
        return str(device)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _cuda() -> dict[str, str]:
    """Return the libraries that torch brings along for a GPU; those for AMD's have names of their own."""
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    found = {"cuda": torch.version.cuda, "hip": torch.version.hip, "cudnn": None if cudnn is None else str(cudnn)}
    return {name: number for name, number in found.items() if number is not None}
