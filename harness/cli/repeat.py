"""The command that repeats a cell, and what it takes for the same bytes."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.store import REPEAT

if TYPE_CHECKING:
    from harness.spec import CellResult, CellSpec, TrainingResult
    from harness.store import CellFolder

THREADS = "OMP_NUM_THREADS"
THREAD_COUNT = re.compile(r"threads: (\d+)$")


@dataclass(frozen=True)
class Repetition:
    """How to run a cell again.

    Attributes:
        command: for a shell, in any folder; None when it can't be said, and `conditions` tells why.
        conditions: sentences on what decides the bytes besides the command.
    """

    command: str | None
    conditions: tuple[str, ...]


def repetition(folder: CellFolder, result: CellResult | None) -> Repetition:
    """Return the command that trains and examines a cell again, with its teacher, in a store of its own.

    Args:
        folder: of the cell; the run has put repeat.yaml there, which has this cell and its teacher.
        result: of the cell, None before it has one: the command is then that of the spec alone.

    Raises:
        HarnessError: its spec can't be read.
    """
    matrix, spec = folder.path / REPEAT, folder.spec()
    if not matrix.exists():
        reason = f"no {REPEAT}, since it was made before version 0.5; run its matrix again to have one"
        return Repetition(None, (reason,))
    try:
        root = folder.data_root()
    except HarnessError as error:
        return Repetition(None, (str(error),))
    events = [event for event in folder.events() if event["event"] == "started"]
    command = ["harness", "run", "--matrix", str(matrix.resolve()), "--only", spec.hash]
    command += [*_data_options(spec, root), "--engine", spec.engine]
    command += [*_resource_options(events[-1] if events else {}, result), "--out", f"repeat-{spec.hash}"]
    threads = _threads(result)
    variables = f"{THREADS}={threads} " if threads is not None else ""
    return Repetition(variables + shlex.join(command), tuple(_conditions(spec, result, threads)))


def _data_options(spec: CellSpec, root: Path) -> list[str]:
    """Return the options that find the same scans in the copy."""
    from harness.data.open import dataset_kind

    data = spec.dataset
    options = [f"--{dataset_kind(data.name).root_name}", str(root)]
    lacking = sum(data.official_scans.values()) - sum(data.scans.values()) - len(data.skipped)
    return options + ["--partial"] * (lacking > 0) + ["--skip-damaged"] * bool(data.skipped)


def _resource_options(started: dict[str, Any], result: CellResult | None) -> list[str]:
    """Return the options that decide in which order sums are taken."""
    device, training = str(started.get("device", "")).partition(":")[0], result and result.training
    options = ["--device", device] if device else []
    if training and training.processes > 1:
        options += ["--processes", str(training.processes)]
    if training and training.micro_batch is not None:
        options += ["--micro-batch", str(training.micro_batch)]
    return options


def _threads(result: CellResult | None) -> int | None:
    """Return the threads of a training on a CPU, None when its sittings differ or there is none."""
    from harness.spec import plain_device

    devices = result.training.devices if result and result.training else ()
    counts = {found[1] if (found := THREAD_COUNT.search(plain_device(device))) else None for device in devices}
    only = counts.pop() if len(counts) == 1 else None
    return None if only is None else int(only)


def _conditions(spec: CellSpec, result: CellResult | None, threads: int | None) -> list[str]:
    """Say what decides the bytes of the weights besides the command."""
    said = []
    if spec.method.source is not None:
        said.append("Run it where the method's own module can be imported from, unchanged.")
    if result is None or result.protocol is None or result.training is None:
        return said
    card, origin, training = result.protocol, result.provenance, result.training
    examiner, trainers = _version(card.harness, card.commit), _trainers(training)
    numbers = {} if origin is None else origin.packages
    packages = [f"{name} {number}" for name, number in numbers.items() if name in ("torch", "numpy")]
    engine = f"engine {card.engine} {card.engine_version}"
    made = ", ".join([trainers[-1] or examiner, engine, *(packages or [f"torch {card.torch}"])])
    differing = _differing(training, trainers)
    exact = threads is not None and card.engine == "portable" and not differing
    claim = "Bit for bit the same weights with" if exact else "It was made with"
    said.append(f"{claim} {made}, on {'; '.join(sorted(set(training.devices)))}.")
    if differing:
        said.append(f"Its sittings had different {' and '.join(differing)}, which one run does not repeat.")
    elif not exact:
        said.append("The last bits of its weights may differ: that is promised for the portable engine on a CPU.")
    if trainers[-1] not in (None, examiner):
        said.append(f"It was evaluated with {examiner}.")
    if origin is not None and origin.dirty:
        said.append("The working copy had changes that no commit has.")
    said.append("Loader workers, the executor and interruptions make no difference.")
    return said


def _differing(training: TrainingResult, trainers: list[str | None]) -> list[str]:
    """Say in what the sittings of a training differ that may decide its weights."""
    from harness.spec import plain_device

    sittings = training.known_sittings()
    sizes = ["the whole batch" if s.micro_batch is None else str(s.micro_batch) for s in sittings]
    facts = {
        "numbers of processes": [str(s.processes) for s in sittings],
        "micro-batches": sizes,
        "versions": [trainer or "one before 0.5" for trainer in trainers],
    }
    said = ["devices or threads"] if len(set(map(plain_device, training.devices))) > 1 else []
    for name, values in facts.items():
        different = dict.fromkeys(values)
        if len(different) > 1:
            said.append(f"{name} ({', then '.join(different)})")
    return said


def _trainers(training: TrainingResult) -> list[str | None]:
    """Return which harness made each sitting; None where a version before 0.5 did not say."""
    sittings = training.known_sittings()
    return [None if s.harness is None else _version(s.harness, s.commit) for s in sittings]


def _version(harness: str, commit: str | None) -> str:
    return f"harness {harness}" + ("" if commit is None else f" at {commit}")
