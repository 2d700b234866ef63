"""What a cell is: everything that decides its numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from baselines.registry import short_name
from harness.spec.recipe import Flip, RecipeSpec
from harness.spec.strict import Strict

DatasetName = Literal["semantickitti", "semantickitti-multiscan", "nuscenes"]
"""A data set and the task on it."""

ScoringRule = Literal["semantickitti-official", "nuscenes-official"]
"""An official rule, as `harness.evaluate.scoring` has it."""


TrainingSplit = Literal["train", "val"]
"""A split with public labels."""


class DatasetSpec(Strict):
    """The data of a cell, by content: where it lies is no part of its identity."""

    name: DatasetName
    manifest: str = Field(description="hash of every training and evaluation file's bytes")
    label_map: str = Field(description="hash of the raw-to-train label map")
    synthetic: bool = Field(description="made by `harness data synthesize`")
    partial: bool = Field(description="some scans of the official split are missing")
    scans: dict[str, int] = Field(description="scans used, by split")
    official_scans: dict[str, int] = Field(description="scans of the official (or declared) split, by split")
    skipped: tuple[str, ...] = Field(default=(), description="damaged scans that were left out on the user's word")
    settings: dict[str, Any] = Field(default_factory=dict, description="complete; most data sets have none")


class BackboneSpec(Strict):
    """A network and the grid it reads."""

    name: str
    width: float = Field(gt=0)
    voxel_size_m: float | None = Field(gt=0, description="None where the network has a grid of its own")
    classes: int = Field(gt=0)
    settings: dict[str, Any] = Field(default_factory=dict, description="complete, defaults included")


class MethodSpec(Strict):
    """A distillation method and its complete settings, defaults included."""

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)
    source: str | None = Field(default=None, description="hash of the user's files that define it; None when it ships")

    @property
    def label(self) -> str:
        """What it is called in the names of cells and rows: ``pvd``, ``MyMethod``, ``logit_kd+fitnets``."""
        parts = [part["name"] for part in self.settings["methods"]] if self.name == "sum" else [self.name]
        return "+".join(map(short_name, parts))


MOST_VIEWS = 1000
"""Of test-time augmentation: more would take longer than the training."""


class TtaSpec(Strict):
    """Test-time augmentation: every rotation with every scale and every flip is one view of a scan."""

    flip: tuple[Flip, ...] = Field(default=("none", "x", "y", "xy"), min_length=1, description="axes negated")
    rotate_deg: tuple[Annotated[float, Field(ge=-360, le=360)], ...] = Field(
        default=(0.0,), min_length=1, description="angles about z"
    )
    scale: tuple[Annotated[float, Field(ge=0.1, le=10)], ...] = Field(
        default=(1.0,), min_length=1, description="factors on all axes"
    )

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.flip) * len(self.rotate_deg) * len(self.scale)

    @model_validator(mode="after")
    def _different(self) -> TtaSpec:
        for name in ("flip", "rotate_deg", "scale"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must name each value once: twice would count it double")
        if self.views > MOST_VIEWS:
            raise ValueError(f"at most {MOST_VIEWS} views of every scan, not {self.views}")
        if len(set(self._orientations())) < self.views:
            raise ValueError("no two views that show a scan alike, as flip xy and a turn by 180 degrees do")
        return self

    def _orientations(self) -> Iterator[tuple[float, bool, float]]:
        """Tell each view by angle, handedness and size: to negate y is to negate x and turn by 180 degrees."""
        for angle, factor, flip in product(self.rotate_deg, self.scale, self.flip):
            yield (angle + 180 * (flip in ("y", "xy"))) % 360, flip in ("x", "y"), factor


class MeasureSpec(Strict):
    """What is measured of a trained cell, and how much of it."""

    macs_scans: int = Field(default=20, ge=1, description="evaluation scans counted, evenly spaced over the split")
    latency_scans: int = Field(default=20, ge=0, description="evaluation scans timed; 0 measures no latency")
    latency_passes: int = Field(default=10, ge=1)
    tta: TtaSpec | None = Field(default=None, description="also evaluate from these views, in a row of its own")


YOUNGER: tuple[tuple[str, str, Any], ...] = (
    ("", "train_on", ["train"]),
    ("backbone", "settings", {}),
    ("dataset", "settings", {}),
    ("method", "source", None),
    ("recipe", "scans_per_epoch", None),
    ("recipe", "schedule", "cosine"),
    ("recipe.augmentation", "max_voxels", None),
    ("recipe.augmentation", "mix", None),
)
"""Keys of a spec younger than the first release: place ("" is the top), key, and the value that went without saying."""


def _as_before(content: dict[str, Any]) -> None:
    """Bring a spec into the form that its first release would have given it, so that its cell keeps its identity."""
    for place, key, unsaid in YOUNGER:
        part = content
        for step in filter(None, place.split(".")):
            part = part[step]
        if part[key] == unsaid:
            del part[key]
    if content["recipe"]["name"] == "common":
        content["recipe"]["name"] = "custom"  # as the default recipe was called before it had a name


class CellSpec(Strict):
    """One cell of a matrix: everything that decides its numbers. Its hash is its identity.

    How much is measured is no part of the identity: a cell that is to be measured anew is not trained anew.
    """

    schema_version: Literal[1] = 1
    role: Literal["teacher", "student"]
    dataset: DatasetSpec
    backbone: BackboneSpec
    method: MethodSpec
    recipe: RecipeSpec
    seed: int = Field(ge=0)
    teacher: str | None = Field(default=None, description="hash of the teacher's spec; None when no teacher is used")
    engine: str
    precision: Literal["fp32"] = "fp32"
    train_on: tuple[TrainingSplit, ...] = Field(
        default=("train",), description="train, or train and val for a leaderboard: such a cell has no score on val"
    )
    measure: MeasureSpec = MeasureSpec()

    @property
    def hash(self) -> str:
        """The cell's identity: 12 hexadecimal digits of the SHA-256 of its canonical JSON without ``measure``."""
        content = self.model_dump(mode="json", exclude={"measure"})
        _as_before(content)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """A name for people, for example ``semantickitti-minkowskinet-w0.5-pvd-s0``."""
        label = "teacher" if self.role == "teacher" else self.method.label
        return f"{self.dataset.name}-{self.backbone.name}-w{self.backbone.width:g}-{label}-s{self.seed}"

    @property
    def cell(self) -> str:
        """Folder name in the store: ``<hash>-<name>``."""
        return f"{self.hash}-{self.name}"
