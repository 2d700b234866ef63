"""Timings that come with the project: `results/measured/timings/*.json`, as `ci/time_cells.py` writes them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from pydantic import Field, ValidationError

from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.errors import HarnessError
from harness.matrix.timings import Kind, Timing, grid_label, network_label
from harness.spec import BackboneSpec, DatasetName, Strict
from harness.version import DISTRIBUTION

FOLDER = "timings"
CLASSES = 19
"""Outputs of the networks of a record; no figure here depends on a few more or fewer."""


class TimedCell(Strict):
    """One kind of cell at its published grid and with default settings, on scans as they are in the files."""

    dataset: DatasetName
    backbone: str
    width: float
    teacher_width: float | None = Field(default=None, description="None without a teacher")
    method: str = Field(default="none", description="its label; none with a teacher is not a cell, and in no record")
    train_s: float = Field(gt=0, description="per training scan: reading, voxelising and the step")
    evaluate_s: float = Field(gt=0, description="per evaluated scan: reading, voxelising and the prediction")
    voxels: float | None = Field(default=None, gt=0, description="of the scan; None: not counted")
    memory_mib: float | None = Field(default=None, gt=0, description="peak of the training; None: not looked at")


class TimingRecord(Strict):
    """What was measured on one device."""

    device: str = Field(description="its name and, of a CPU, its threads")
    engine: str
    batch_size: int = Field(ge=1)
    command: str
    date: str
    source: str = Field(description="where the figures come from, in a sentence")
    cells: tuple[TimedCell, ...]

    def timings(self) -> list[Timing]:
        """Return the record in the form that forecasts are made from."""
        return [self._timing(cell) for cell in self.cells]

    def _timing(self, cell: TimedCell) -> Timing:
        network = _network(cell.backbone, cell.width)
        teacher = None if cell.teacher_width is None else _network(cell.backbone, cell.teacher_width)
        return Timing(
            kind=Kind(
                data=cell.dataset,
                scans="",
                grid=grid_label(network),
                network=network_label(network),
                teacher=None if teacher is None else network_label(teacher),
                method=cell.method,
                engine=self.engine,
            ),
            device=self.device,
            batch_size=self.batch_size,
            train_s=cell.train_s,
            evaluate_s=cell.evaluate_s,
            voxels=cell.voxels,
            memory_mib=cell.memory_mib,
            disk_mib=None,
            source=f"the project's record of {self.date}",
        )


def shipped_timings() -> list[Timing]:
    """Return all timings that come with the project; none where they were not installed.

    Raises:
        HarnessError: a file of them is damaged.
    """
    timings = []
    for path in _files():
        try:
            record = TimingRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            remedy = f"Install {DISTRIBUTION} again."
            raise HarnessError(path, f"{type(error).__name__} on reading", "a record of timings", remedy) from error
        timings += record.timings()
    return timings


def _files() -> list[Path]:
    """Return the files of the working copy, or those that an installation put beside it."""
    checkout = Path(__file__).parents[2] / "results" / "measured" / FOLDER
    if checkout.is_dir():
        return sorted(checkout.glob("*.json"))
    try:
        installed = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = [file for file in installed if file.parts[-3:-1] == (DISTRIBUTION, FOLDER)]
    return sorted(Path(str(file.locate())).resolve() for file in found)


def _network(name: str, width: float) -> BackboneSpec:
    return resolve_backbone(BackboneConfig(name=name), width, CLASSES, "a record of timings")
