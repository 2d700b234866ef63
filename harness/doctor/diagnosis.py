"""Everything that `harness doctor` finds, and whether the harness works here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from backbones.sparse.engine import engine_names, get_engine
from harness.doctor.data import DataRoot, inspect_data
from harness.doctor.determinism import Determinism, probe_determinism
from harness.doctor.engines import EngineCheck, check_engine, describe_error
from harness.doctor.kernel import CompiledKernel, inspect_kernel
from harness.doctor.machine import Machine, inspect_machine
from harness.doctor.packages import Package, inspect_packages
from harness.doctor.torch_build import TorchBuild, inspect_torch
from harness.spec import DatasetName
from harness.version import VERSION

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Diagnosis:
    """The findings.

    Attributes:
        harness: its version.
        machine: processor, memory, disks.
        torch: its build and the GPUs.
        engines: those that were asked for, in the order in which ``auto`` tries them.
        auto: the engine that ``--engine auto`` takes on the best device; None when one engine alone was checked.
        kernel: compiled, of the portable engine.
        determinism: of that engine, or of the one that was asked for, on every device on which it passed.
        packages: optional ones.
        data: data sets.
        problems: why the harness does not work here; none when it does.
    """

    harness: str
    machine: Machine
    torch: TorchBuild
    engines: tuple[EngineCheck, ...]
    auto: str | None
    kernel: CompiledKernel
    determinism: tuple[Determinism, ...]
    packages: tuple[Package, ...]
    data: tuple[DataRoot, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing that was checked is wrong."""
        return not self.problems

    def record(self) -> dict[str, Any]:
        """Return everything as plain values, with ``ok`` in front."""
        return {"ok": self.ok, **asdict(self)}


def diagnose(out: Path, roots: Mapping[DatasetName, Path | None], only: str | None, progress: Progress) -> Diagnosis:
    """Examine this machine.

    Args:
        out: folder that a run would write to.
        roots: by data set, its root as the user wrote it, or None.
        only: the one engine to check; None for all.
        progress: called with (steps done, steps in all).
    """
    names = engine_names() if only is None else (only,)
    devices = usable_devices()
    engines = []
    for number, name in enumerate(names):
        progress(number, len(names) + 1)
        engines.append(check_engine(name, partial(get_engine, name), devices))
    progress(len(names), len(names) + 1)
    auto = None if only else choose_auto(engines, str(devices[-1]))
    probes, faults = _probe([engine for engine in engines if engine.name in (only, auto)])
    return Diagnosis(
        harness=VERSION,
        machine=inspect_machine(out),
        torch=inspect_torch(),
        engines=tuple(engines),
        auto=auto,
        kernel=inspect_kernel(),
        determinism=probes,
        packages=inspect_packages(),
        data=tuple(inspect_data(name, root) for name, root in roots.items()),
        problems=(*find_problems(engines, only, auto, probes), *faults),
    )


def usable_devices() -> list[torch.device]:
    """Return the CPU and, where there is one, the first GPU, which runs take."""
    return [torch.device("cpu"), *([torch.device("cuda", 0)] if torch.cuda.is_available() else [])]


def choose_auto(engines: list[EngineCheck], device: str) -> str | None:
    """Return the first engine that passed on a device, which is what ``auto`` means; None when none did."""
    passed = (
        engine.name for engine in engines for on in engine.devices if (on.device, on.status) == (device, "passed")
    )
    return next(passed, None)


def find_problems(
    engines: list[EngineCheck], only: str | None, auto: str | None, probes: tuple[Determinism, ...]
) -> list[str]:
    """Return what is wrong: an engine that fails, one that was asked for and is missing, none at all, unequal bits.

    Args:
        engines: the checks.
        only: the engine that was asked for by name, or None.
        auto: the engine that ``auto`` takes, or None.
        probes: of determinism.
    """
    fatal = ("failed", "unavailable") if only else ("failed",)
    wrong = [engine.reason for engine in engines if engine.status in fatal and engine.reason]
    if only is None and auto is None:
        wrong.append("No engine passes its self-test, so that nothing can be trained here.")
    wrong += [
        f"A training step with '{probe.engine}' on {probe.device} gives other bits when it is run again."
        for probe in probes
        if not probe.repeatable
    ]
    return wrong


def _probe(engines: list[EngineCheck]) -> tuple[tuple[Determinism, ...], list[str]]:
    """Probe engines on the devices on which they passed; return what was found, and what broke."""
    probes, faults = [], []
    for engine in engines:
        for on in engine.devices:
            if on.status == "passed":
                try:
                    probes.append(probe_determinism(get_engine(engine.name), torch.device(on.device)))
                except Exception as error:
                    faults.append(
                        f"A training step with '{engine.name}' on {on.device} fails: {describe_error(error)}."
                    )
    return tuple(probes), faults
