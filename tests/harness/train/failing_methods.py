"""Methods that go wrong, found by their dotted paths, and a learner that tries them on two scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from backbones.output import SegmentationOutput
from backbones.points import PointBatch
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext, MethodSettings
from harness.config.models import BackboneConfig, MethodConfig
from harness.config.resolve import resolve_backbone, resolve_method
from harness.spec import CellSpec, DatasetSpec, RecipeSpec
from harness.train.learner import Learner, build_network, network_voxelizer

CLASSES = 5


class NanSettings(MethodSettings):
    """The scan, and the calls that go well before."""

    scan: str
    after: int = 0


class NanOnOneScan(Method):
    """A mean of logits that is NaN on one scan after some calls, which the checkpoint counts."""

    Settings: ClassVar[type[MethodSettings]] = NanSettings

    def __init__(self, settings: NanSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        self.calls += 1
        wrong = self.settings.scan in batch.points.scan_ids and self.calls > self.settings.after
        return {"odd": student.point_logits.square().mean() * (float("nan") if wrong else 1.0)}


class NanTogether(Method):
    """Infinite on any batch, and not made for a scan alone."""

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        if batch.points.scans == 1:
            raise ZeroDivisionError("one scan")
        return {"odd": student.point_logits.mean() * float("inf")}


class AdapterSettings(MethodSettings):
    """What an adapter's weight is multiplied by."""

    factor: float = 1.0
    root: bool = False


class OddAdapter(Method):
    """A term of the adapter alone, whose gradient is infinite with `root`, and as large as `factor` without."""

    Settings: ClassVar[type[MethodSettings]] = AdapterSettings

    def __init__(self, settings: AdapterSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        self.settings = settings
        self.adapter = nn.Parameter(torch.zeros(2))

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        term = self.settings.factor * self.adapter.sum()
        return {"odd": term.sqrt() if self.settings.root else term}


class SupervisedName(Method):
    """A term with the name of a supervised one."""

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        return {"lovasz": student.point_logits.mean()}


class Rows(Method):
    """A term that nobody averaged."""

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        return {"rows": student.point_logits.mean(dim=1)}


class Number(Method):
    """A term without a gradient."""

    def forward(self, student, teacher, batch, draws) -> dict[str, float]:
        return {"number": 1.0}


class Nothing(Method):
    """No term at all, as a method whose weights are all zero."""

    def forward(self, student, teacher, batch, draws) -> dict[str, Tensor]:
        return {}


class Bare(Method):
    """A loss without a name."""

    def forward(self, student, teacher, batch, draws) -> Tensor:
        return student.point_logits.mean()


def learner_of(
    name: str, method: str = "none", settings: dict | None = None, **recipe: float
) -> tuple[Learner, VoxelBatch]:
    """A tiny student, with a teacher unless the method is none, and two labelled scans."""
    config = BackboneConfig(name=name, voxel_size_m=None if name == "cylinder3d" else 1.0)
    backbone = resolve_backbone(config, 0.125, CLASSES, "test")
    dataset = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
    )
    spec = CellSpec(
        role="student",
        dataset=dataset,
        backbone=backbone,
        method=resolve_method(MethodConfig(name=method, settings=settings or {}), "test"),
        recipe=RecipeSpec(**recipe),
        seed=0,
        engine="portable",
    )
    teacher = None if method == "none" else build_network(backbone, "portable", seed=1)
    learner = Learner(spec, (1,) * (CLASSES + 1), teacher, torch.device("cpu"))
    return learner, network_voxelizer(backbone)(points_of((500, 700)))


def points_of(sizes: tuple[int, ...]) -> PointBatch:
    """Labelled random scans of that many points, named a, b, ..."""
    draw, count = torch.Generator().manual_seed(0), sum(sizes)
    xyz = (torch.rand(count, 3, generator=draw) - 0.5) * torch.tensor([30.0, 30.0, 3.0])
    labels = torch.randint(0, CLASSES + 1, (count,), generator=draw)
    scan = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return PointBatch(xyz, torch.rand(count, generator=draw), scan, labels, tuple("abcdef"[: len(sizes)]))
