"""The data of a run: which scans, by content, and what the cells need to know of them. Read once for all cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from backbones.points import PointBatch
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.evenly import evenly_spaced
from harness.data.screen import Screened, screen
from harness.data.statistics import class_counts
from harness.data.workers import map_items
from harness.errors import HarnessError
from harness.files import make_folder
from harness.matrix.order import DataCopy
from harness.matrix.prepared import Findings, PreparedFile
from harness.spec import DatasetSpec, TrainingSplit

MANIFEST_CACHE = "manifest-cache.json"
RUN_SPLITS: tuple[TrainingSplit, ...] = ("train", "val")


@dataclass(frozen=True)
class RunData:
    """The data set of a run.

    Attributes:
        dataset: the reader.
        train: scans of the training split.
        evaluation: scans of the validation split, to evaluate on.
        spec: the data by content, for the cells' specs.
        class_counts: labelled points of each of the two splits by class id, [C + 1].
    """

    dataset: Dataset
    train: tuple[str, ...]
    evaluation: tuple[str, ...]
    spec: DatasetSpec
    class_counts: Mapping[TrainingSplit, tuple[int, ...]]

    def training_scans(self, train_on: Sequence[TrainingSplit]) -> tuple[str, ...]:
        """Return the scans of the splits that a cell trains on."""
        scans: Mapping[TrainingSplit, tuple[str, ...]] = {"train": self.train, "val": self.evaluation}
        return tuple(chain.from_iterable(scans[split] for split in train_on))

    def training_counts(self, train_on: Sequence[TrainingSplit]) -> tuple[int, ...]:
        """Return the labelled points of the splits that a cell trains on, by class id, [C + 1]."""
        return tuple(map(sum, zip(*(self.class_counts[split] for split in train_on), strict=True)))


def prepare_data(
    copy: DataCopy, store: Path, workers: int, on_note: Callable[[str], None] = lambda sentence: None
) -> RunData:
    """List the scans of a run, hash their bytes and count their classes; or take over what was found before.

    The first call reads every label. A later one, in this process or another, only looks whether a file has changed.

    Args:
        copy: of the data set; its policy decides what happens to damaged scans.
        store: folder that keeps what was found, and the hashes of files that have not changed.
        workers: processes that read.
        on_note: called with a sentence about each scan left out.

    Raises:
        HarnessError: the copy is incomplete, an evaluation scan is damaged, a training scan's place is unknown to a
            task that needs it, a split has no labelled point, or the store can't be written.
    """
    dataset = copy.open()
    listed = {split: dataset.scan_ids(split) for split in RUN_SPLITS}
    kept = PreparedFile(store, dataset, listed)
    found = kept.read()
    if found is None:
        found = _prepare(dataset, listed, store, workers, on_note)
        kept.write(found)
    else:
        for note in found.notes:
            on_note(note)
    return RunData(dataset, found.train, found.evaluation, found.spec, found.class_counts)


def _prepare(
    dataset: Dataset,
    listed: Mapping[TrainingSplit, list[str]],
    store: Path,
    workers: int,
    on_note: Callable[[str], None],
) -> Findings:
    screened = {split: screen(dataset, listed[split], workers) for split in RUN_SPLITS}
    skipped = chain.from_iterable(split.skipped for split in screened.values())
    notes = [f"Left out {scan_id}: {f.file}: found {f.found}; expected {f.expected}." for scan_id, f in skipped]
    for note in notes:
        on_note(note)
    chosen = {split: tuple(found.scan_ids) for split, found in screened.items()}
    make_folder(store)
    dataset.require_geometry(chosen["train"])
    for _ in map_items(partial(_read_once, dataset), chosen["val"], workers):
        pass  # a damaged evaluation scan is better found before the training than after it
    counts = {split: _labelled_counts(dataset, split, ids, workers) for split, ids in chosen.items()}
    return Findings(
        train=chosen["train"],
        evaluation=chosen["val"],
        spec=_describe(dataset, screened, store),
        class_counts=counts,
        notes=tuple(notes),
    )


def _describe(dataset: Dataset, screened: Mapping[TrainingSplit, Screened], store: Path) -> DatasetSpec:
    description, scans = dataset.description(), {split: len(found.scan_ids) for split, found in screened.items()}
    used = list(chain.from_iterable(screened[split].scan_ids for split in RUN_SPLITS))
    return DatasetSpec(
        name=description.name,
        manifest=dataset.manifest(used, store / MANIFEST_CACHE),
        label_map=description.label_map,
        synthetic=description.synthetic,
        partial=any(count < description.official_scans[split] for split, count in scans.items()),
        scans={str(split): count for split, count in scans.items()},
        official_scans=description.official_scans,
        skipped=tuple(chain.from_iterable(_names_of_skipped(dataset, split) for split in screened.values())),
        settings=description.settings,
    )


def _names_of_skipped(dataset: Dataset, screened: Screened) -> list[str]:
    """Return what names each scan left out: its file at fault or, where others are read from that too, both."""
    if not screened.skipped:
        return []
    scan_ids = [*screened.scan_ids, *(scan_id for scan_id, _ in screened.skipped)]
    readers = Counter(chain.from_iterable(map(dataset.files, scan_ids)))
    names = []
    for scan_id, fault in screened.skipped:
        path = Path(fault.file)
        if path.is_relative_to(dataset.root):
            file = path.relative_to(dataset.root).as_posix()
            names.append(file if readers[file] == 1 else f"{scan_id} ({file})")
        else:
            names.append(scan_id)  # such a path is this machine's alone, and the name is part of a cell's identity
    return names


def _labelled_counts(dataset: Dataset, split: TrainingSplit, scan_ids: Sequence[str], workers: int) -> tuple[int, ...]:
    counts = class_counts(dataset, scan_ids, workers)
    if not any(counts[1:]):
        found = f"{sum(counts)} points in {len(scan_ids)} scans, all ignored"
        raise HarnessError(f"{dataset.root}, {split} split", found, "some labelled points", "Check its labels.")
    return counts


def _read_once(dataset: Dataset, scan_id: str) -> None:
    dataset.read(scan_id)


def read_batches(dataset: Dataset, scan_ids: Sequence[str]) -> Iterator[PointBatch]:
    """Yield batches of one scan each, as they are in the files."""
    return (collate([dataset.read(scan_id)]) for scan_id in scan_ids)


def spread_by_size(dataset: Dataset, scan_ids: Sequence[str], count: int) -> list[str]:
    """Return `count` scans spread evenly over the number of points, which the size of a file tells for free."""
    ordered = sorted(scan_ids, key=lambda scan_id: (dataset.points_path(scan_id).stat().st_size, scan_id))
    return evenly_spaced(ordered, count)
