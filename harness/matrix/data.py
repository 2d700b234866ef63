"""The data of a run: which scans, by content, and what the cells need to know of them. Read once for all cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from backbones.points import PointBatch
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.evenly import evenly_spaced
from harness.data.screen import screen
from harness.data.statistics import class_counts
from harness.data.workers import map_items
from harness.errors import HarnessError
from harness.files import make_folder
from harness.spec import DatasetSpec

MANIFEST_CACHE = "manifest-cache.json"


@dataclass(frozen=True)
class RunData:
    """The data set of a run.

    Attributes:
        dataset: the reader.
        train: scans to train on.
        evaluation: scans to evaluate on.
        spec: the data by content, for the cells' specs.
        class_counts: labelled points of the training scans by class id, [C + 1].
    """

    dataset: Dataset
    train: tuple[str, ...]
    evaluation: tuple[str, ...]
    spec: DatasetSpec
    class_counts: tuple[int, ...]


def prepare_data(
    dataset: Dataset, store: Path, workers: int, on_note: Callable[[str], None] = lambda sentence: None
) -> RunData:
    """List the scans of a run, hash their bytes and count their classes.

    Args:
        dataset: the reader; its policy decides what happens to damaged scans.
        store: folder that keeps the hashes of files that have not changed.
        workers: processes that read.
        on_note: called with a sentence about each scan left out.

    Raises:
        HarnessError: the copy is incomplete, an evaluation scan is damaged, or a split has no labelled point.
    """
    chosen, skipped = {}, []
    for split in ("train", "val"):
        screened = screen(dataset, dataset.scan_ids(split), workers)
        for fault in screened.skipped:
            skipped.append(fault.file)
            on_note(f"Left out: {fault.file}: found {fault.found}; expected {fault.expected}.")
        chosen[split] = tuple(screened.scan_ids)
    make_folder(store)
    for _ in map_items(partial(_read_once, dataset), chosen["val"], workers):
        pass  # a damaged evaluation scan is better found before the training than after it
    counts = {split: class_counts(dataset, ids, workers) for split, ids in chosen.items()}
    for split, numbers in counts.items():
        if not any(numbers[1:]):
            found = f"{sum(numbers)} points in {len(chosen[split])} scans, all ignored"
            raise HarnessError(f"{dataset.root}, {split} split", found, "some labelled points", "Check its labels.")
    description = dataset.description()
    spec = DatasetSpec(
        name=description.name,
        manifest=dataset.manifest([*chosen["train"], *chosen["val"]], store / MANIFEST_CACHE),
        label_map=description.label_map,
        synthetic=description.synthetic,
        partial=any(len(chosen[split]) < description.official_scans[split] for split in chosen),
        scans={split: len(ids) for split, ids in chosen.items()},
        official_scans=description.official_scans,
        skipped=tuple(dict.fromkeys(str(Path(file).relative_to(dataset.root)) for file in skipped)),
        settings=description.settings,
    )
    return RunData(dataset, chosen["train"], chosen["val"], spec, counts["train"])


def _read_once(dataset: Dataset, scan_id: str) -> None:
    dataset.read(scan_id)


def read_batches(dataset: Dataset, scan_ids: Sequence[str]) -> Iterator[PointBatch]:
    """Yield batches of one scan each, as they are in the files."""
    return (collate([dataset.read(scan_id)]) for scan_id in scan_ids)


def spread_by_size(dataset: Dataset, scan_ids: Sequence[str], count: int) -> list[str]:
    """Return `count` scans spread evenly over the number of points, which the size of a file tells for free."""
    ordered = sorted(scan_ids, key=lambda scan_id: (dataset.points_path(scan_id).stat().st_size, scan_id))
    return evenly_spaced(ordered, count)
