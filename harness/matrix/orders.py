"""From the cells of a plan to the orders that run them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.config.repeat import repeat_text
from harness.files import write_if_changed
from harness.matrix.order import CellOrder, DataCopy, Resources
from harness.spec import CellSpec
from harness.store import REPEAT, Store


def make_orders(specs: Iterable[CellSpec], copy: DataCopy, store: Store, resources: Resources) -> list[CellOrder]:
    """Make the folders of cells that share a data set, or find them, and return an order for each.

    Each folder gets a repeat.yaml as well.

    Args:
        specs: of one part of a matrix, teachers before the students that need them.
        copy: the data they were planned for.
        store: of the run.
        resources: that each may use.

    Raises:
        HarnessError: the store can't be written, or has no such teacher.
    """
    absolute = replace(copy, root=copy.root.resolve())
    known: dict[str, CellSpec] = {}
    orders = []
    for spec in specs:
        known[spec.hash] = spec
        folder = store.add(spec, absolute.root)
        write_if_changed(folder.path / REPEAT, repeat_text(spec, _teacher(spec, known, store)))
        orders.append(CellOrder(store.out.resolve(), spec.hash, spec.teacher, absolute, resources))
    return orders


def _teacher(spec: CellSpec, known: Mapping[str, CellSpec], store: Store) -> CellSpec | None:
    if spec.teacher is None:
        return None
    return known.get(spec.teacher) or store.find(spec.teacher).spec()
