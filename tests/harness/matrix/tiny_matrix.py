"""The smallest matrix, and a run of it: in this process, or as a program of its own, `python tiny_matrix.py`."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig
from harness.config.parts import parts
from harness.matrix.data import prepare_data
from harness.matrix.executors import Executor
from harness.matrix.executors.debug import DebugExecutor
from harness.matrix.executors.local import LocalExecutor
from harness.matrix.order import CellOrder, DataCopy, Resources
from harness.matrix.orders import make_orders
from harness.matrix.plan import plan
from harness.matrix.run import run_matrix
from harness.spec import CellResult, CellSpec
from harness.store import Store


def tiny(methods: tuple[str, ...] = ("none", "logit_kd", "pvd"), epochs: int = 1) -> MatrixConfig:
    """A teacher and one student of each method; two steps an epoch."""
    content = {
        "name": "tiny",
        "backbones": [{"teacher_width": 0.125, "student_width": 0.0625, "voxel_size_m": 4.0}],
        "methods": list(methods),
        "recipe": {"epochs": epochs, "batch_size": 2, "optimizer": "adam", "learning_rate": 0.01},
        "measure": {"macs_scans": 2, "latency_scans": 2, "latency_passes": 1},
    }
    return parse_matrix(content, "test")


class Notes:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.cells: list[str] = []
        self.phases: set[str] = set()
        self.steps = 0

    def cell(self, name: str, number: int, cells: int) -> None:
        self.cells.append(name)

    def step(self, step: object) -> None:
        self.steps += 1

    def phase(self, name: str, done: int, total: int) -> None:
        assert 0 < done <= total
        self.phases.add(name)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@dataclass(frozen=True)
class BothKinds:
    """A store with cells that were trained on the training split and others on both; not to be changed."""

    root: Path
    out: Path
    plain: list[CellResult]
    both: list[CellResult]
    notes: Notes
    """Of the training on both."""


def planned(matrix: MatrixConfig, root: Path, store: Store) -> list[CellSpec]:
    data = prepare_data(DataCopy("semantickitti", root), store.path, 0)
    [part] = parts(matrix)
    return plan(part, data.spec, 19)


def orders_of(matrix: MatrixConfig, root: Path, store: Store) -> list[CellOrder]:
    specs = planned(matrix, root, store)
    return make_orders(specs, DataCopy("semantickitti", root), store, Resources(torch.device("cpu")))


def run(
    root: Path,
    out: Path,
    matrix: MatrixConfig | None = None,
    executor: Executor | None = None,
    notes: Notes | None = None,
) -> tuple[list[CellResult], Notes]:
    store, notes = Store(out), notes or Notes()
    orders = orders_of(matrix or tiny(), root, store)
    return run_matrix(orders, store, executor or DebugExecutor(), notes), notes


def events(out: Path, result: CellResult) -> list[str]:
    """The names of a cell's events."""
    lines = (out / "store" / result.spec.cell / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["event"] for line in lines]


if __name__ == "__main__":
    [_, name, root_folder, out_folder, epoch_count] = sys.argv
    chosen = LocalExecutor(Path(out_folder) / "jobs") if name == "local" else DebugExecutor()
    found, _ = run(Path(root_folder), Path(out_folder), tiny(("none", "pvd"), int(epoch_count)), chosen)
    sys.stdout.write(json.dumps([result.repeatable() for result in found]))
