"""What ties a released network to one of ours: the same modules under other names, and what only one side has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from backbones.backbone import Backbone
from backbones.build import backbone_kind, backbone_settings, build_backbone
from backbones.convert.errors import ConversionError
from backbones.convert.layouts import Kernel, Layout
from backbones.settings import BackboneSettings


@dataclass(frozen=True)
class Target:
    """The network of ours that a file fills.

    Attributes:
        backbone: its name in `backbones.build`.
        width: factor on its channels.
        classes: number of scored classes.
        settings: those that differ from its defaults.
        notes: what was chosen or will be lost, as sentences.
    """

    backbone: str
    width: float
    classes: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def build(self, device: str = "meta") -> Backbone:
        """Make the network; on the meta device it has shapes and no numbers.

        Raises:
            ConversionError: the width or a setting is out of range.
        """
        if self.classes < 1:
            raise ConversionError(f"outputs for {self.classes} classes", "one at least", "The file can't be used.")
        checked_settings(self.backbone, self.settings)
        try:
            with torch.device(device):
                return build_backbone(self.backbone, self.width, self.classes, self.settings)
        except ValueError as error:
            remedy = "Check that the file is of the network you named."
            raise ConversionError(str(error), f"a {self.backbone} that can be built", remedy) from error


def checked_settings(backbone: str, settings: Mapping[str, Any]) -> BackboneSettings:
    """Return a network's settings, defaults included.

    Raises:
        ConversionError: one is unknown or out of range.
    """
    try:
        return backbone_settings(backbone, settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = ", ".join(backbone_kind(backbone).Settings.model_fields)
            expected = f"one of {known}" if known else f"none, since {backbone} has no settings"
            raise ConversionError(f"the unknown setting {name}", expected, "Mend the name, or leave it out.") from error
        found = f"the setting {name} = {str(first['input'])[:80]}: {first['msg']}"
        raise ConversionError(found, "a value that fits", "Mend the value.") from error


@dataclass(frozen=True)
class Surplus:
    """Entries of a released tensor that ours has not.

    Attributes:
        axis: of our tensor.
        before: entries ahead of ours on that axis.
        after: entries behind ours.
        fill: what to_released writes there.
    """

    axis: int
    before: int = 0
    after: int = 0
    fill: float = 0.0

    @property
    def size(self) -> int:
        """Entries beyond ours."""
        return self.before + self.after

    def cut(self, tensor: Tensor) -> Tensor:
        """Return our entries."""
        if not self.size:
            return tensor
        return tensor.narrow(self.axis, self.before, tensor.shape[self.axis] - self.size)

    def pad(self, tensor: Tensor) -> Tensor:
        """Return our entries with the others around them."""
        if not self.size:
            return tensor
        ahead, behind = list(tensor.shape), list(tensor.shape)
        ahead[self.axis], behind[self.axis] = self.before, self.after
        parts = (tensor.new_full(ahead, self.fill), tensor, tensor.new_full(behind, self.fill))
        return torch.cat(parts, dim=self.axis)


@dataclass(frozen=True)
class Plan:
    """How a released file and a network of ours correspond.

    Attributes:
        net: the released network's name.
        target: the network of ours.
        layouts: those its kernels may be stored in.
        kernel_name: what the library calls a convolution's kernel.
        modules: released module by module of ours; it may name modules that this network has not.
        surplus: by tensor of ours, what the released one has beyond it.
        idle: shapes of released tensors that no prediction reads.
    """

    net: str
    target: Target
    layouts: tuple[Layout, ...]
    kernel_name: str
    modules: Mapping[str, str]
    surplus: Mapping[str, Surplus] = field(default_factory=dict)
    idle: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a tensor of ours is in a released file.

    Attributes:
        name: of the released tensor.
        kernel: what it is, if it is a convolution's kernel, of which the shape depends on the layout.
        shape: of the released tensor, a kernel's as [K, C_in, C_out].
        surplus: what the released tensor has beyond ours.
    """

    name: str
    kernel: Kernel | None
    shape: tuple[int, ...]
    surplus: Surplus

    def stored_shape(self, layout: Layout) -> tuple[int, ...]:
        """Return the shape of the released tensor in a layout."""
        return self.shape if self.kernel is None else layout.shape(self.kernel)
