"""A diagnosis as text: one section per subject, aligned, the same in a terminal and in a pipe but for colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from harness.data.splits import SPLITS
from harness.doctor.data import DataRoot
from harness.doctor.determinism import Determinism
from harness.doctor.diagnosis import Diagnosis
from harness.doctor.engines import EngineCheck
from harness.doctor.kernel import CompiledKernel
from harness.doctor.machine import Disk, Machine
from harness.doctor.packages import Package
from harness.doctor.torch_build import TorchBuild

COLOURS = {"passed": "green", "failed": "red", "unavailable": "yellow"}
NOTHING = "–"
MOST_SEQUENCES = 11
"""Listed one by one: nuScenes has 700 scenes in a split."""

Row = Sequence[str]


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print all sections and the verdict."""
    sections: dict[str, Iterable[Row]] = {
        "machine": _machine(diagnosis.machine),
        "torch": _torch(diagnosis.torch),
        "engines": _engines(diagnosis.engines, diagnosis.auto),
        "compiled kernel of the portable engine": _kernel(diagnosis.kernel),
        "determinism": [_probe(probe) for probe in diagnosis.determinism],
        "optional packages": [_package(package) for package in diagnosis.packages],
        "data": [row for root in diagnosis.data for row in _data(root)],
    }
    console = Console()
    for title, rows in sections.items():
        console.print(Text(title, "bold"))
        _print_rows(console, list(rows))
        console.print()
    for problem in diagnosis.problems:
        console.print(Text(f"Problem: {problem}", "red"), soft_wrap=True)
    verdict = (
        "The harness works here." if diagnosis.ok else "Something does not work here; the problems above say what."
    )
    console.print(Text(verdict, "bold green" if diagnosis.ok else "bold red"), soft_wrap=True)


def _print_rows(console: Console, rows: list[Row]) -> None:
    """Align the columns of rows; a row's last cell is as long as it is, and no line is broken."""
    columns = max((len(row) for row in rows), default=0)
    widths = [max((len(row[i]) for row in rows if i < len(row) - 1), default=0) for i in range(columns)]
    for row in rows or [("none",)]:
        line = Text("  ")
        for cell, width in zip(row, widths or [0], strict=False):
            line.append(f"{cell:<{width}}", COLOURS.get(cell, "")).append("  ")
        line.rstrip()
        console.print(line, soft_wrap=True)


def _machine(machine: Machine) -> Iterable[Row]:
    yield "processor", f"{machine.cpu}, {machine.usable_cores} of {machine.logical_cores} logical cores usable"
    available = "" if machine.available_gib is None else f", {machine.available_gib:.1f} GiB of it available"
    yield "memory", f"{machine.memory_gib:.1f} GiB{available}"
    yield "disk, --out", _disk(machine.out)
    yield "disk, temporary", _disk(machine.temporary)
    yield "system", f"{machine.system}, Python {machine.python}"


def _disk(disk: Disk) -> str:
    return f"{disk.path}: {disk.free_gib:.1f} GiB free{'' if disk.writable else ', NOT WRITABLE'}"


def _torch(torch: TorchBuild) -> Iterable[Row]:
    builds = [f"{name} {release}" for name, release in (("CUDA", torch.cuda), ("ROCm", torch.rocm)) if release]
    cudnn = f", cuDNN {torch.cudnn}" if torch.cudnn else ""
    yield "version", f"{torch.version}, built for {', '.join(builds) or 'CPUs'}{cudnn}"
    yield "threads", f"{torch.threads} (OMP_NUM_THREADS {torch.omp_num_threads or 'not set'})"
    yield "NVIDIA driver", torch.driver or "none"
    for gpu in torch.gpus:
        yield "GPU", f"{gpu.name}, {gpu.memory_gib:.1f} GiB, compute capability {gpu.capability}"
    if not torch.gpus:
        yield "GPU", torch.remedy or "none"


def _engines(engines: tuple[EngineCheck, ...], auto: str | None) -> Iterable[Row]:
    """One line per engine and device, then what to type for those that can't be used."""
    yield "name", "version", "device", "self-test", "offers", "largest error", "time", ""
    for engine in engines:
        version, mark = engine.version or NOTHING, "taken by --engine auto" if engine.name == auto else ""
        for on in engine.devices:
            error = NOTHING if on.largest_error is None else f"{on.largest_error:.1e}"
            time = NOTHING if on.milliseconds is None else f"{on.milliseconds:.1f} ms"
            offers = f"{on.convolutions} of {on.kinds}" if on.convolutions else NOTHING
            yield engine.name, version, on.device, on.status, offers, error, time, mark
        if not engine.devices:
            yield engine.name, version, NOTHING, engine.status, NOTHING, NOTHING, NOTHING, ""
    for engine in engines:
        if engine.reason is not None:
            yield (engine.reason,)


def _kernel(kernel: CompiledKernel) -> Iterable[Row]:
    yield "compiler", kernel.compiler or "none"
    yield "in use", f"yes, {kernel.library}" if kernel.in_use else f"no: {kernel.reason}"


def _probe(probe: Determinism) -> Row:
    repeated = "a repeated step gives the same bits" if probe.repeatable else "A REPEATED STEP GIVES OTHER BITS"
    threads = (
        "and the same on 1 and on 2 threads" if probe.independent_of_threads else "but others on 2 threads than on 1"
    )
    return f"{probe.engine} on {probe.device}", f"{repeated}, {threads}"


def _package(package: Package) -> Row:
    if package.version is not None:
        return package.name, package.version, package.purpose
    return package.name, "missing", f"{package.purpose} ({package.reason}). Type: {package.install}"


def _data(root: DataRoot) -> Iterable[Row]:
    if root.path is None:
        yield root.name, root.fault or NOTHING
        return
    kind = " (synthetic)" if root.synthetic else ""
    settings = "".join(f", {key} {value}" for key, value in root.settings.items())
    yield root.name, f"{root.path}{kind}{settings}, named by {root.source}"
    for split in SPLITS:
        parts = [(name, part) for name, part in root.sequences.items() if part.split == split]
        if parts:
            listed = ", ".join(f"{name}: {part.scans} of {part.expected}" for name, part in parts[:MOST_SEQUENCES])
            listed += f" and {len(parts) - MOST_SEQUENCES} more" if len(parts) > MOST_SEQUENCES else ""
            labels = sum(part.labels for _, part in parts)
            yield f"  {split}", f"{root.found(split)} scans, {labels} with labels ({listed})"
    if root.fault is not None:
        yield "  fault", root.fault
