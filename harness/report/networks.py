"""What a reader must know of a network beyond its name and width."""

from __future__ import annotations

from hashlib import sha256

from harness.config.grids import backbone_on
from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.spec import BackboneSpec, DatasetName

MANUAL_MEMBER = "spvnas: the member drawn by hand, SPVCNN; those found by search are no longer published"


def network_notes(backbone: BackboneSpec, dataset: DatasetName) -> list[str]:
    """Return a sentence for each way in which a network is not what its name alone would say.

    Args:
        backbone: with complete settings.
        dataset: that it was trained on, which has published heights of its own.
    """
    published = backbone_on(dataset, BackboneConfig(name=backbone.name))
    usual = resolve_backbone(published, backbone.width, backbone.classes, "published network")
    notes = []
    if backbone.voxel_size_m != usual.voxel_size_m:
        notes.append(f"{backbone.name}: voxels of {backbone.voxel_size_m:g} m, published with {usual.voxel_size_m:g} m")
    for key, value in backbone.settings.items():
        if value != (default := usual.settings.get(key)):
            notes.append(f"{backbone.name}: {key} is {_shown(value)}, default {_shown(default)}")
    if backbone.name == "spvnas" and backbone.settings.get("net_config") is None:
        notes.append(MANUAL_MEMBER)
    return notes


def _shown(value: object) -> str:
    """Return a value for a footnote; what is cut to a line is told apart by a hash."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:59]}… (SHA-256 {sha256(text.encode()).hexdigest()[:8]})"
