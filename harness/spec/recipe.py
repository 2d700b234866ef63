"""How a network is trained."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from harness.spec.strict import Strict

Flip = Literal["none", "x", "y", "xy"]

MixKind = Literal["lasermix", "polarmix"]
"""A way to make one training scan of two."""


MOST_AREAS = 1000
"""Of LaserMix: more than any sensor has rings."""


class Mixing(Strict):
    """How a training scan is joined with a partner, drawn from all training scans, before anything else is done to it.

    The defaults are those of the public configurations, which give the two that have none here by data set.
    """

    kinds: tuple[MixKind, ...] = Field(
        default=("lasermix", "polarmix"), min_length=1, description="one is drawn for each scan; all are as likely"
    )
    probability: float = Field(default=1.0, gt=0, le=1, description="that a scan is mixed at all")
    areas: tuple[int, ...] = Field(
        default=(3, 4, 5, 6), min_length=1, description="lasermix: how many areas a scan is cut into; all as likely"
    )
    inclination_deg: tuple[float, float] | None = Field(
        default=None, description="lasermix: lowest and highest border of the areas, above the horizon"
    )
    swap_probability: float = Field(default=0.5, ge=0, le=1, description="polarmix: that half a turn is exchanged")
    paste_probability: float = Field(default=1.0, ge=0, le=1, description="polarmix: that things are pasted")
    instance_classes: tuple[str, ...] = Field(default=(), description="polarmix: names of the classes of things")

    @model_validator(mode="after")
    def _told(self) -> Mixing:
        """Refuse areas that are none, and a kind that lacks what depends on the data set."""
        if min(self.areas) < 2 or max(self.areas) > MOST_AREAS:
            raise ValueError(f"areas are numbers from 2 to {MOST_AREAS}")
        if "lasermix" in self.kinds and not _ascending(self.inclination_deg):
            between = "(lowest, highest) between -90 and 90"
            raise ValueError(f"lasermix needs inclination_deg: {between}; `base: mix` has it for each data set")
        if "polarmix" in self.kinds and self.paste_probability and not self.instance_classes:
            raise ValueError("polarmix needs instance_classes; `base: mix` has them for each data set")
        return self


def _ascending(bounds: tuple[float, float] | None) -> bool:
    return bounds is not None and -90 <= bounds[0] < bounds[1] <= 90


class Augmentation(Strict):
    """What may be done to a training scan. The defaults are the common recipe's."""

    rotate_deg: tuple[float, float] = Field(default=(0.0, 360.0), description="angle about z, uniform in this range")
    scale: tuple[float, float] = Field(default=(0.95, 1.05), description="factor, uniform in this range")
    scale_axes: Literal["xyz", "xy"] = Field(default="xyz", description="axes that the factor multiplies")
    flip: tuple[Flip, ...] = Field(default=("none",), min_length=1, description="axes to negate; all are as likely")
    translate_sigma_m: float = Field(default=0.0, ge=0, description="deviation of a normal shift along each axis")
    max_points: int | None = Field(default=None, ge=1, description="points kept, drawn without replacement; None: all")
    max_voxels: int | None = Field(default=None, ge=1, description="voxels kept with all their points; None: all")
    mix: Mixing | None = Field(default=None, description="None: no scan is mixed with another")

    @model_validator(mode="after")
    def _ordered(self) -> Augmentation:
        if self.rotate_deg[0] > self.rotate_deg[1] or not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError("rotate_deg and scale are ranges (low, high), and a scale is above 0")
        return self


PUBLISHED_RATES = {"adam": 0.001, "sgd": 0.24}
"""Learning rates of the released recipes of Cylinder3D (Adam) and SPVNAS (SGD)."""


class RecipeSpec(Strict):
    """How a network is trained.

    The default has the optimiser and the loss of Cylinder3D's released recipe (Adam at 0.001, cross entropy and
    Lovász-softmax) and the schedule of SPVNAS's (cosine decay after a linear warm-up). SPVNAS's own SGD with Nesterov
    momentum at 0.24 is ``optimizer: sgd``; not every method trains on every backbone under it (``docs/methods.md``).
    """

    name: str = "custom"
    epochs: int = Field(default=15, ge=1, le=10_000)
    scans_per_epoch: int | None = Field(
        default=None, ge=1, description="the first of an epoch's order, other ones in each; None: all"
    )
    batch_size: int = Field(default=2, ge=1, le=1024)
    optimizer: Literal["sgd", "adam"] = "adam"
    learning_rate: float = Field(default=PUBLISHED_RATES["adam"], gt=0, description="default: the optimiser's own")
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=1e-4, ge=0)
    schedule: Literal["cosine", "constant"] = Field(default="cosine", description="of the rate, after the warm-up")
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
