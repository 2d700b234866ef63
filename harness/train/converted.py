"""Weights of released code as a file of this project: safetensors, with a card that says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field, ValidationError
from safetensors.torch import save as save_tensors

from backbones.backbone import Backbone
from backbones.build import backbone_kind, backbone_settings, build_backbone
from backbones.convert.convert import Converted, from_released
from backbones.convert.errors import ConversionError
from backbones.convert.nets import plan_for
from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.errors import HarnessError
from harness.files import replacing
from harness.record_file import first_fault
from harness.spec import BackboneSpec, Strict, TrainingSplit
from harness.train.learner import build_network
from harness.train.released import read_released
from harness.train.weights import metadata, read_tensors, require_same

CARD = "harness.converted"
"""Key of the card in the file's metadata."""

AGAIN = "Convert the released file again with `harness convert`."


class Source(Strict):
    """Where converted weights come from."""

    net: str = Field(description="the network as its released code names it")
    layout: str = Field(description="how its kernels were stored")
    sha256: str = Field(description="of the released file")
    notes: tuple[str, ...] = Field(description="what was chosen, and what was lost")


class Card(Strict):
    """What a converted file holds."""

    version: Literal[1] = 1
    backbone: BackboneSpec
    source: Source
    trained_on: tuple[TrainingSplit, ...] | None = Field(
        default=None, description="on the word of who converted it; None: not known, as in a file of before 0.6"
    )


def convert_file(
    path: Path,
    net: str,
    settings: Mapping[str, Any],
    out: Path,
    trained_on: tuple[TrainingSplit, ...] | None = None,
) -> Card:
    """Convert a released checkpoint; the file is written whole or not at all.

    Args:
        path: the checkpoint.
        net: one of `backbones.convert.nets.NETS`.
        settings: of our network, where the user chose.
        out: the file to write.
        trained_on: splits that the network was trained on; None where nobody says.

    Raises:
        HarnessError: the checkpoint is unreadable or of another network, something in it did not match, or the file
            can't be written or is the checkpoint.
    """
    if out.exists() and path.exists() and out.samefile(path):
        raise HarnessError("--out", f"the released file {path} itself", "another file", "Name a new one.")
    released = read_released(path)
    try:
        converted = from_released(plan_for(net, released.tensors, settings), released.tensors)
    except ConversionError as error:
        raise HarnessError(path, error.found, error.expected, error.remedy) from error
    source = Source(net=net, layout=converted.layout.name, sha256=released.sha256, notes=converted.target.notes)
    card = Card(backbone=_spec(converted), source=source, trained_on=trained_on)
    with replacing(out) as file:
        file.write(save_tensors(converted.tensors, {CARD: card.model_dump_json()}))
    return card


def read_card(path: Path) -> Card:
    """Return the card of a converted file.

    Raises:
        HarnessError: the file is missing or broken, or has no card.
    """
    content, _ = read_tensors(path, "a file written by `harness convert`", AGAIN)
    return _card(path, content)


def load_converted(path: Path, engine: str = "portable") -> Backbone:
    """Build the network of a converted file and fill it, every tensor of it.

    Args:
        path: a file written by `convert_file`.
        engine: name of what computes its sparse layers.

    Raises:
        HarnessError: the file is missing or broken, has no card, or does not fit its card.
        EngineError: the engine is missing or can't express the network.
    """
    content, tensors = read_tensors(path, "a file written by `harness convert`", AGAIN)
    spec = _card(path, content).backbone
    with torch.device("meta"):
        shape = build_backbone(spec.name, spec.width, spec.classes, spec.settings)
    require_same(shape, tensors, path, AGAIN)
    if damaged := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        found = f"{len(damaged)} tensors with NaN or ∞ ({damaged[0]}, …)"
        raise HarnessError(path, found, "finite numbers, as `harness convert` wrote them", AGAIN)
    network = build_network(spec, engine, seed=0)
    network.load_state_dict(tensors)
    return network


def _spec(converted: Converted) -> BackboneSpec:
    """Return our network as a matrix would describe it, defaults included."""
    target = converted.target
    return BackboneSpec(
        name=target.backbone,
        width=target.width,
        voxel_size_m=backbone_kind(target.backbone).published_voxel_size_m,
        classes=target.classes,
        settings=backbone_settings(target.backbone, target.settings).model_dump(mode="json"),
    )


def _card(path: Path, content: bytes) -> Card:
    """Return the card in the metadata of a safetensors file.

    Raises:
        HarnessError: there is none.
    """
    try:
        card = Card.model_validate_json(metadata(content)[CARD])
    except (KeyError, ValidationError) as error:
        found = "no card" if isinstance(error, KeyError) else f"a card that is not valid: {first_fault(error)}"
        raise HarnessError(path, found, "a file written by `harness convert`", AGAIN) from error
    return card.model_copy(update={"backbone": _checked(path, card.backbone)})


def _checked(path: Path, spec: BackboneSpec) -> BackboneSpec:
    """Return the network of a card as a matrix would have it, by the rules of a matrix.

    Raises:
        HarnessError: it can't be built.
    """
    where = f"{path}, its card"
    content = spec.model_dump(include={"name", "voxel_size_m", "settings"})
    try:
        config = BackboneConfig(teacher_width=spec.width, **content)
    except ValidationError as error:
        fault = error.errors()[0]
        found = f"{fault['loc'][-1]} = {fault['input']}: {fault['msg']}"
        raise HarnessError(where, found, "a network that can be built", AGAIN) from error
    try:
        return resolve_backbone(config, spec.width, spec.classes, where)
    except HarnessError as error:
        raise HarnessError(error.where, error.found, error.expected, AGAIN) from error
