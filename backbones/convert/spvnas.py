"""Released weights of searched SPVNAS members, in the form the spvnas repository hands them out: made definite.

What a ``net.config`` says of such a member is in the shapes of its tensors too, so it need not be at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from backbones.convert.errors import ConversionError
from backbones.convert.layouts import TORCHSPARSE
from backbones.convert.names import STEM, unit_names
from backbones.convert.plan import Plan, Surplus, Target
from backbones.spvnas.net_config import MOST_OUTPUTS, NetConfig

STAGES = tuple(f"{side}.{number}" for side in ("downsample", "upsample") for number in range(4))
OUTPUTS = ("stem.1.weight", *(f"{stage}.feature.0.net.1.net.bn.weight" for stage in STAGES))
INNER = tuple(f"{stage}.{unit}.net.bn.weight" for stage in STAGES for unit in ("transition", "feature.0.net.0"))
CLASSIFIER = "classifier.linear.weight"

LANDMARKS = {**dict.fromkeys((*OUTPUTS, *INNER), 1), CLASSIFIER: 2}
"""Tensors that say which network a file holds, with their numbers of axes."""

BLOCK = {
    unit: (f"{place}.net.conv", f"{place}.net.bn")
    for unit, place in (("first", "net.0"), ("second", "net.1"), ("shortcut", "downsample"))
}


def plan(shapes: Mapping[str, tuple[int, ...]], settings: Mapping[str, Any]) -> Plan:
    """Return how a file of a searched member fills a network of ours; its ``net.config`` comes from its shapes.

    Args:
        shapes: of the file's tensors; all landmarks are there.
        settings: what the user chose; a ``net_config`` among them must describe what the file holds.

    Raises:
        ConversionError: the shapes are of no member of the searched space, or of another than the given.
    """
    found = infer_net_config(shapes)
    config = _checked(found)
    given = settings.get("net_config")
    chosen = config if given is None else _checked(given)
    if chosen.shape() != config.shape():
        differing = [key for key in found if chosen.root.get(key) != found[key]]
        listed = ", ".join(f"{key} {found[key]} (net.config: {chosen.root.get(key)})" for key in differing)
        remedy = "Give the net.config that belongs to the file, or none: it is read from the file's shapes."
        raise ConversionError(f"other channels than the net.config has: {listed}", "the same", remedy)
    classes, inputs = shapes[CLASSIFIER]
    notes = [] if given is not None else ["The net.config was read from the shapes of the file's tensors."]
    if inputs > found["output_channels"][-1]:
        notes.append(
            f"{inputs - found['output_channels'][-1]} columns of the classifier that meet no input were dropped."
        )
    target = Target("spvnas", 1.0, classes, {**settings, "net_config": chosen.model_dump()}, tuple(notes))
    return plan_of(target, inputs)


def plan_of(target: Target, head_inputs: int = MOST_OUTPUTS[-1]) -> Plan:
    """Return how a searched member of ours corresponds to the released class.

    Args:
        target: ours.
        head_inputs: columns of the released classifier, which keeps the super-network's.
    """
    names = {"head": "classifier.linear", **unit_names("stem", "stem", STEM)}
    for theirs in STAGES:
        side, place = theirs.split(".")
        way = side.removesuffix("sample")
        ours = f"{way}{int(place) + 1}"
        names |= unit_names(ours, f"{theirs}.transition", {way: ("net.conv", "net.bn")})
        for block in range(2):
            names |= unit_names(f"{ours}.blocks.{block}", f"{theirs}.feature.{block}", BLOCK)
    for number in range(3):
        layer = f"point_transforms.{number}.net"
        names |= {f"point{number + 1}.0": f"{layer}.conv", f"point{number + 1}.1": f"{layer}.bn"}
    beyond = head_inputs - target.settings["net_config"]["output_channels"][-1]
    surplus = {"head.weight": Surplus(axis=1, after=beyond)} if beyond > 0 else {}
    return Plan("spvnas", target, (TORCHSPARSE,), "kernel", names, surplus)


def infer_net_config(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return what a ``net.config`` would say of a searched member's file.

    Args:
        shapes: of the file's tensors; all landmarks are there.
    """
    config: dict[str, Any] = {"output_channels": [shapes[name][0] for name in OUTPUTS]}
    for stage in STAGES:
        config[f"{stage}.transition"] = shapes[f"{stage}.transition.net.bn.weight"][0]
        middles = [f"{stage}.feature.{block}.net.0.net.bn.weight" for block in range(2)]
        there = [name for name in middles if len(shapes.get(name, ())) == 1]
        config[f"{stage}.feature"] = len(there)
        for block, name in enumerate(there):
            config[f"{stage}.feature.layers.{block}.net.layers.0"] = shapes[name][0]
    return config


def _checked(content: Mapping[str, Any]) -> NetConfig:
    """Return a searched member's configuration.

    Raises:
        ConversionError: it is outside the searched space.
    """
    try:
        return NetConfig.model_validate(content)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        remedy = "Check that the file and the net.config are of a searched member."
        raise ConversionError(f"a member outside the searched space: {message}", "one inside", remedy) from error
