"""Several methods at once: the sum of their terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from backbones.output import SegmentationOutput
from backbones.voxelize import VoxelBatch
from baselines.method import Method, MethodContext, MethodSettings
from baselines.registry import load_method, short_name


class Part(MethodSettings):
    """One method of a sum.

    Attributes:
        name: of the method, or its dotted path.
        settings: those that differ from its defaults.
    """

    name: str
    settings: dict[str, Any] = Field(default_factory=dict)


class SumSettings(MethodSettings):
    """Settings of a sum.

    Attributes:
        methods: two or more, of different names. Their weights are among their own settings.
    """

    methods: tuple[Part, ...] = Field(min_length=2)

    @field_validator("methods")
    @classmethod
    def _distil_and_differ(cls, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Refuse parts whose terms would share a name, and parts without terms."""
        names = [short_name(part.name) for part in parts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the parts of a sum must differ, and {', '.join(twice)} is in it twice")
        if "sum" in names:
            raise ValueError("a sum can't be a part of a sum: list its methods instead")
        for part in parts:
            if not load_method(part.name).needs_teacher:
                raise ValueError(f"{part.name} has no term that could be added")
        return parts


class SumOfMethods(Method):
    """The sum of several methods, each with its own settings, adapters and weight.

    Every part begins and draws as it would alone, so that its term is the one it has alone. The supervised loss is
    weighed by the product of the parts' factors.
    """

    Settings: ClassVar[type[MethodSettings]] = SumSettings

    def __init__(self, settings: SumSettings, context: MethodContext) -> None:
        super().__init__(settings, context)
        parts: dict[str, Method] = {}
        state = torch.get_rng_state()
        for part in settings.methods:
            torch.set_rng_state(state)
            kind = load_method(part.name)
            parts[short_name(part.name)] = kind(kind.Settings.model_validate(part.settings), context)
        self.parts = nn.ModuleDict(parts)
        self.supervised_weight = math.prod(part.supervised_weight for part in parts.values())

    def forward(
        self,
        student: SegmentationOutput,
        teacher: SegmentationOutput,
        batch: VoxelBatch,
        draws: Sequence[torch.Generator],
    ) -> dict[str, Tensor]:
        """Return the weighted terms of every part as ``<part>.<term>``."""
        terms: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            own = [torch.Generator().set_state(draw.get_state()) for draw in draws]
            found = part(student, teacher, batch, own)
            terms |= {f"{name}.{term}": value for term, value in found.items()}
        return terms
