"""The heights that published recipes cut each data set at, for the networks and methods that have a grid of their own.

Cylinder3D's released recipes give SemanticKITTI −4 … 2 m and nuScenes, whose sensor rides higher over wider streets,
−5 … 3 m. The former are the defaults of every grid here; a matrix on another data set is given its own, unless it says
what it wants.
"""

from __future__ import annotations

from pydantic import ValidationError

from backbones.build import NAMES, backbone_kind
from baselines.registry import load_method
from baselines.supervoxels import SupervoxelSettings
from harness.config.models import BackboneConfig, MethodConfig
from harness.spec import DatasetName

HEIGHTS_M: dict[DatasetName, tuple[float, float]] = {"nuscenes": (-5.0, 3.0)}
"""Lower and upper bound by data set, where they are not the defaults."""


def backbone_on(dataset: DatasetName, backbone: BackboneConfig) -> BackboneConfig:
    """Return a backbone with the published heights, where it has a grid and its settings do not say."""
    heights = HEIGHTS_M.get(dataset)
    if heights is None or backbone.name not in NAMES or "z_m" not in backbone_kind(backbone.name).Settings.model_fields:
        return backbone
    return backbone.model_copy(update={"settings": {"z_m": list(heights), **backbone.settings}})


def method_on(dataset: DatasetName, method: MethodConfig) -> MethodConfig:
    """Return a method with the published heights, where it or a part of it cuts supervoxels and does not say.

    A method that is unknown or no method is returned as it is: resolving it says what is wrong.
    """
    heights = HEIGHTS_M.get(dataset)
    if heights is None:
        return method
    parts = method.settings.get("methods")
    if method.name == "sum" and isinstance(parts, list | tuple):
        try:
            configs = [MethodConfig.model_validate(part) for part in parts]
        except ValidationError:
            return method
        moved = [method_on(dataset, config).model_dump(mode="json") for config in configs]
        return method.model_copy(update={"settings": {**method.settings, "methods": moved}})
    try:
        kind = load_method(method.name).Settings
    except ValueError:
        return method
    if not issubclass(kind, SupervoxelSettings):
        return method
    lowest, highest = (kind.model_fields[field].default for field in ("lowest", "highest"))
    bounds = {"lowest": [*lowest[:2], heights[0]], "highest": [*highest[:2], heights[1]]}
    return method.model_copy(update={"settings": {**bounds, **method.settings}})
