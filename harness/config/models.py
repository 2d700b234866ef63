"""The keys of a matrix file, their types and their defaults."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from backbones.build import NARROWEST, WIDEST
from harness.config.recipes import COMMON
from harness.spec import DatasetName, MeasureSpec, Strict, TrainingSplit

RESERVED = ("store", "data", "jobs", "submissions", "latency", "gate")
"""Folders of --out that are no matrix's."""


class SyntheticConfig(Strict):
    """A synthetic data set to make before the run, instead of a root of the user's."""

    scans: int = Field(default=16, ge=3)
    azimuths: int = Field(default=512, ge=64, description="firings per turn; the real sensor has about 2000")
    seed: int = Field(default=0, ge=0)


class DatasetConfig(Strict):
    """Which data set; its root comes from the command line, the environment or harness.toml."""

    name: DatasetName = "semantickitti"
    settings: dict[str, Any] = Field(default_factory=dict, description="those that differ from the data set's defaults")
    synthetic: SyntheticConfig | None = None


class BackboneConfig(Strict):
    """A teacher and a student of one family on one grid."""

    name: str = "minkowskinet"
    teacher_width: float = Field(default=1.0, ge=NARROWEST, le=WIDEST)
    student_width: float = Field(default=0.5, ge=NARROWEST, le=WIDEST)
    voxel_size_m: float | None = Field(default=None, ge=0.005, le=10, description="None: that of the published recipe")
    settings: dict[str, Any] = Field(default_factory=dict, description="those that differ from the backbone's defaults")


class MethodConfig(Strict):
    """A method by name or dotted path, and the settings that differ from its defaults."""

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _names_are_methods(cls, value: Any) -> Any:
        """Read the short form of a method."""
        return method_keys(value) if isinstance(value, str) else value


def method_keys(text: str) -> dict[str, Any]:
    """Return what the short form of a method stands for: ``pvd`` its name, ``a + b`` a sum with all defaults."""
    parts = [part.strip() for part in text.split("+")]
    return {"name": text} if len(parts) == 1 else {"name": "sum", "settings": {"methods": parts}}


def method_label(text: str) -> str:
    """Return the label of the method that a short form stands for, which has the parts of a sum in one order."""
    return "+".join(sorted(text.replace(" ", "").split("+")))


class MatrixConfig(Strict):
    """A matrix file. Cells are the product of data sets, backbones, methods and seeds, and the teachers they need."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    datasets: tuple[DatasetConfig, ...] = Field(
        default=(DatasetConfig(),), min_length=1, description="``dataset: {...}`` in a file is short for one"
    )
    backbones: tuple[BackboneConfig, ...] = Field(min_length=1)
    methods: tuple[MethodConfig, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    teacher_seed: int | None = Field(default=None, ge=0, description="one teacher for all seeds; None: one per seed")
    recipe: Any = Field(default=COMMON, description="name or keys of a recipe; `resolve_recipe` makes it complete")
    measure: MeasureSpec = MeasureSpec()
    engine: str = "auto"
    submission: str | None = Field(default=None, description="method whose first cell is exported after the run")
    train_on: tuple[TrainingSplit, ...] = Field(
        default=("train",), description="[train, val] for a leaderboard: its cells have no score"
    )

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value) or min(value) < 0:
            raise ValueError("seeds must be different numbers of at least 0")
        return value

    @field_validator("train_on")
    @classmethod
    def _trains_on_the_training_split(cls, value: tuple[TrainingSplit, ...]) -> tuple[TrainingSplit, ...]:
        if value not in (("train",), ("train", "val")):
            raise ValueError("train_on must be [train] or [train, val]")
        return value

    @model_validator(mode="after")
    def _methods_fit(self) -> MatrixConfig:
        """Refuse names of the store's own folders, and a score on scans that were trained on."""
        if self.name in RESERVED:
            raise ValueError(f"name must not be one of {', '.join(RESERVED)}: those folders are the harness's own")
        if "val" in self.train_on and self.measure.tta is not None:
            raise ValueError(
                "no measure.tta beside train_on: [train, val], since a network that was trained on val has no score on "
                "it, with test-time augmentation or without"
            )
        return self
