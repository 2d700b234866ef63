"""A matrix on its data: which scans, which cells, and the orders that run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.config.models import MatrixConfig
from harness.config.parts import MatrixPart, parts
from harness.data.dataset import Policy
from harness.matrix.data import RunData, prepare_data
from harness.matrix.order import CellOrder, DataCopy, Resources
from harness.matrix.orders import make_orders
from harness.matrix.plan import plan
from harness.matrix.progress import Progress
from harness.matrix.source import data_root
from harness.spec import CellSpec
from harness.store import Store


@dataclass(frozen=True)
class PlannedPart:
    """The cells of a matrix on one of its data sets.

    Attributes:
        config: what the matrix says for this data set.
        copy: the data, as a process opens it.
        data: the data, prepared.
        specs: the cells, teachers before the students that need them.
    """

    config: MatrixPart
    copy: DataCopy
    data: RunData
    specs: tuple[CellSpec, ...]


def plan_run(
    config: MatrixConfig,
    roots: Mapping[str, Path | None],
    store: Store,
    partial: bool,
    policy: Policy,
    workers: int,
    progress: Progress,
) -> list[PlannedPart]:
    """Find and prepare each data set of a matrix, and plan the cells on it.

    Args:
        config: the matrix.
        roots: of the data sets, where the command line names them.
        store: of the run; synthetic sets are made beside it.
        partial: work with the scans that are there.
        policy: what happens to a damaged scan.
        workers: processes that read.
        progress: told what is made or left out.

    Raises:
        HarnessError: a root is named nowhere, or its copy can't be used. No data set is prepared before all are found.
    """
    found = []
    for part in parts(config):
        root = data_root(part.dataset, roots, store.out, progress)
        found.append((part, DataCopy(part.dataset.name, root, partial, policy, part.dataset.settings)))
    planned = []
    for part, copy in found:
        data = prepare_data(copy, store.path, workers, progress.note)
        specs = plan(part, data.spec, data.dataset.label_map.classes)
        planned.append(PlannedPart(part, copy, data, tuple(specs)))
    return planned


def order_cells(
    planned: Sequence[PlannedPart], chosen: Sequence[CellSpec], store: Store, resources: Resources
) -> list[CellOrder]:
    """Make the folders of the chosen cells, and return their orders as they were chosen.

    Raises:
        HarnessError: the store can't be written.
    """
    place = {spec.hash: number for number, spec in enumerate(chosen)}
    orders = [
        order
        for part in planned
        for order in make_orders([spec for spec in part.specs if spec.hash in place], part.copy, store, resources)
    ]
    return sorted(orders, key=lambda order: place[order.cell])
