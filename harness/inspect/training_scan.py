"""One scan, and the class counts, as a training run is given them."""

from __future__ import annotations

from backbones.build import build_voxelizer
from backbones.voxelize import VoxelBatch
from harness.data.collate import collate
from harness.data.dataset import Dataset
from harness.data.loader import TrainingScans
from harness.data.statistics import class_counts
from harness.data.workers import Progress
from harness.errors import HarnessError
from harness.inspect.view import TrainingMoment, TrainingSet


def training_voxels(dataset: Dataset, scan_id: str, moment: TrainingMoment) -> VoxelBatch:
    """Read a scan as training reads it at that moment, alone in its batch.

    Args:
        dataset: the reader.
        scan_id: a labelled scan, of whichever split.
        moment: seed, epoch, augmentation and the grid that the network reads.

    Raises:
        HarnessError: no such scan, one without public labels, or a damaged one.
    """
    if not dataset.labelled(scan_id):
        remedy = "Choose one of the training or the validation split."
        raise HarnessError(f"scan {scan_id}", "one of the test split, without labels", "a labelled scan", remedy)
    voxelizer = build_voxelizer(moment.backbone, moment.voxel_size_m, moment.settings)
    if moment.augmentation is None:
        return voxelizer(collate([dataset.read(scan_id)]))
    partners = (scan_id,) if moment.augmentation.mix is None else tuple(dataset.scan_ids("train"))
    scans = TrainingScans(dataset, partners, moment.augmentation, moment.seed)
    return scans.batch(moment.epoch, [scan_id], voxelizer)


def training_set(dataset: Dataset, workers: int = 0, progress: Progress | None = None) -> TrainingSet:
    """Count the classes of the training split, from its label files alone.

    Raises:
        HarnessError: as `Dataset.scan_ids` and `Dataset.read_labels`, or no point is labelled.
    """
    scan_ids = dataset.scan_ids("train")
    counts = class_counts(dataset, scan_ids, workers, progress)
    if not any(counts[1:]):
        found = f"{sum(counts)} points in {len(scan_ids)} scans, all ignored"
        raise HarnessError(f"{dataset.root}, train split", found, "some labelled points", "Check its labels.")
    return TrainingSet(
        scans=len(scan_ids),
        partial=bool(dataset.completeness("train").missing),
        synthetic=dataset.synthetic,
        class_points=dict(zip(dataset.label_map.names, counts, strict=True)),
    )
