"""The contract of the harness: what a cell is, and what its result says. Typed, strict and versioned."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from baselines.registry import short_name

SCHEMA_VERSION = 1
"""Version of `spec.json` and `result.json`; a file of another version is refused, never guessed at."""


class Strict(BaseModel):
    """A frozen record of finite numbers whose unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DatasetSpec(Strict):
    """The data of a cell, by content: where it lies is no part of its identity."""

    name: Literal["semantickitti"]
    manifest: str = Field(description="hash of every training and evaluation file's bytes")
    label_map: str = Field(description="hash of the raw-to-train label map")
    synthetic: bool = Field(description="made by `harness data synthesize`")
    partial: bool = Field(description="some scans of the official split are missing")
    scans: dict[str, int] = Field(description="scans used, by split")
    official_scans: dict[str, int] = Field(description="scans of the official (or declared) split, by split")
    skipped: tuple[str, ...] = Field(default=(), description="damaged scans that were left out on the user's word")


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


Flip = Literal["none", "x", "y", "xy"]


class Augmentation(Strict):
    """What may be done to a training scan. The defaults are the common recipe, that of the released SPVNAS code."""

    rotate_deg: tuple[float, float] = Field(default=(0.0, 360.0), description="angle about z, uniform in this range")
    scale: tuple[float, float] = Field(default=(0.95, 1.05), description="factor, uniform in this range")
    scale_axes: Literal["xyz", "xy"] = Field(default="xyz", description="axes that the factor multiplies")
    flip: tuple[Flip, ...] = Field(default=("none",), min_length=1, description="axes to negate; all are as likely")
    translate_sigma_m: float = Field(default=0.0, ge=0, description="deviation of a normal shift along each axis")
    max_points: int | None = Field(default=None, ge=1, description="points kept, drawn without replacement; None: all")

    @model_validator(mode="after")
    def _ordered(self) -> Augmentation:
        if self.rotate_deg[0] > self.rotate_deg[1] or not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError("rotate_deg and scale are ranges (low, high), and a scale is above 0")
        return self


PUBLISHED_RATES = {"adam": 0.001, "sgd": 0.24}
"""Learning rates of the released recipes of Cylinder3D (Adam) and SPVNAS (SGD)."""


class RecipeSpec(Strict):
    """How a network is trained. The same recipe serves every cell of a matrix.

    The default has the optimiser and the loss of Cylinder3D's released recipe (Adam at 0.001, cross entropy and
    Lovász-softmax) and the schedule of SPVNAS's (cosine decay after a linear warm-up). SPVNAS's own SGD with Nesterov
    momentum at 0.24 is ``optimizer: sgd``; not every method trains on every backbone under it (``docs/methods.md``).
    """

    name: str = "custom"
    epochs: int = Field(default=15, ge=1, le=10_000)
    batch_size: int = Field(default=2, ge=1, le=1024)
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: float = Field(default=PUBLISHED_RATES["adam"], gt=0, description="default: the optimiser's own")
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    warmup_epochs: float = Field(default=1.0, ge=0)
    gradient_clip: float | None = Field(default=None, gt=0, description="largest norm of all gradients together")
    cross_entropy_weight: float = Field(default=1.0, ge=0)
    lovasz_weight: float = Field(default=1.0, ge=0)
    augmentation: Augmentation = Augmentation()

    @model_validator(mode="before")
    @classmethod
    def _rate_of_the_optimiser(cls, value: Any) -> Any:
        """Take the published learning rate of the optimiser where none is given."""
        if isinstance(value, dict) and "learning_rate" not in value and value.get("optimizer") in PUBLISHED_RATES:
            return {**value, "learning_rate": PUBLISHED_RATES[value["optimizer"]]}
        return value

    @model_validator(mode="after")
    def _learns(self) -> RecipeSpec:
        if not self.cross_entropy_weight and not self.lovasz_weight:
            raise ValueError("cross_entropy_weight and lovasz_weight must not both be 0")
        return self


class MeasureSpec(Strict):
    """How much of the cost protocols is run for a cell."""

    macs_scans: int = Field(default=20, ge=1, description="evaluation scans counted, evenly spaced over the split")
    latency_scans: int = Field(default=20, ge=0, description="evaluation scans timed; 0 measures no latency")
    latency_passes: int = Field(default=10, ge=1)


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
    measure: MeasureSpec = MeasureSpec()

    @property
    def hash(self) -> str:
        """The cell's identity: 12 hexadecimal digits of the SHA-256 of its canonical JSON without ``measure``."""
        content = self.model_dump(mode="json", exclude={"measure"})
        if not content["backbone"]["settings"]:
            del content["backbone"]["settings"]  # cells made before there were settings keep their identity
        if content["method"]["source"] is None:
            del content["method"]["source"]
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


class ProtocolCard(Strict):
    """What a reader must know before comparing this number with another."""

    scoring_rule: str
    split: str
    trained_on: tuple[str, ...]
    tta: bool
    weights: Literal["last epoch"] = "last epoch"
    engine: str
    engine_version: str
    device: str
    torch: str
    harness: str
    commit: str | None = Field(description="commit of the working copy the harness ran from; None when installed")


class ScoreResult(Strict):
    """Accuracy on the evaluation split, by the official rule."""

    miou: float = Field(description="0–1")
    accuracy: float | None = Field(description="0–1, over scored points; None where the rule has none")
    iou: dict[str, float] = Field(description="by class name, 0–1")
    confusion: list[list[int]] = Field(description="rows predicted, columns ground truth, id 0 first")


class MacsResult(Strict):
    """Multiply-accumulates of a prediction, protocol macs-v1: Σ pairs·Cin·Cout, every layer of it counted."""

    protocol: Literal["macs-v1"] = "macs-v1"
    scans: int
    gmacs_mean: float
    gmacs_min: float
    gmacs_max: float
    voxels_mean: float


class SpanResult(Strict):
    """Distribution of one span over all samples, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float | None = Field(description="None below 200 samples")
    mean_ms: float
    mad_ms: float = Field(description="median absolute deviation")


class LatencyFit(Strict):
    """Least-squares line through all samples: ms = intercept + slope · voxels / 1000."""

    intercept_ms: float
    ms_per_1000_voxels: float


class LatencyResult(Strict):
    """Time of one scan, batch 1, kernel maps included: the core of latency-v1 (docs/measurement.md says what lacks).

    A name of its own, so that no figure of the complete protocol is ever mistaken for one of these.
    """

    protocol: Literal["latency-v1-core"] = "latency-v1-core"
    device_kind: Literal["CPU", "GPU"]
    device: str
    threads: int
    scans: int
    passes: int
    end_to_end: SpanResult
    spans: dict[str, SpanResult]
    fit: LatencyFit | None = Field(description="None when all scans have the same number of voxels")
    cold_start_ms: float | None = Field(description="the first scan of a fresh process; None in one that ran before")


class TrainingResult(Strict):
    """What the training of a cell cost. Seconds are those of this machine, all interrupted sittings added up."""

    steps: int
    seconds: float
    peak_memory_mib: float
    devices: tuple[str, ...] = Field(description="device and threads of each sitting that made a checkpoint")
    final_terms: dict[str, float] = Field(description="loss terms, mean over the last epoch")
    weights_sha256: str
    teacher_weights_sha256: str | None


class CellResult(Strict):
    """`result.json`: a finished cell with its numbers, or a failed one with its reason."""

    schema_version: Literal[1] = 1
    spec: CellSpec
    status: Literal["finished", "failed"]
    reason: str | None = Field(default=None, description="present when failed")
    protocol: ProtocolCard | None = Field(default=None, description="when finished, as all below but latency")
    parameters: int | None = None
    score: ScoreResult | None = None
    macs: MacsResult | None = None
    latency: LatencyResult | None = None
    training: TrainingResult | None = None

    @model_validator(mode="after")
    def _complete(self) -> CellResult:
        measured = (self.protocol, self.parameters, self.score, self.macs, self.training)
        if self.status == "finished" and None in measured:
            raise ValueError("a finished cell has protocol, parameters, score, macs and training")
        if self.status == "failed" and self.reason is None:
            raise ValueError("a failed cell has a reason")
        return self
