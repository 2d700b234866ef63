"""Released MinkUNet and SPVCNN weights of the spvnas repository: their names, and what their shapes say.

MinkUNet's class owns the point branch that only SPVCNN calls, so files of the two have the same names and shapes, and
only their owner knows which they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from backbones.convert.layouts import TORCHSPARSE
from backbones.convert.names import STEM, unit_names
from backbones.convert.plan import Plan, Target
from backbones.convert.width import infer_width
from backbones.trunk import manual_shape

BACKBONES = {"minkunet": "minkowskinet", "spvcnn": "spvnas"}
"""Our network for each of the two."""

NUMBERS = range(1, 5)

STAGES = (
    "stem.1.weight",
    *(f"stage{number}.1.net.4.weight" for number in NUMBERS),
    *(f"up{number}.1.0.net.4.weight" for number in NUMBERS),
)
LANDMARKS = dict.fromkeys((*STAGES, "classifier.0.bias"), 1)
"""Tensors that say which network a file holds, with their numbers of axes."""

BLOCK = {"first": ("net.0", "net.1"), "second": ("net.3", "net.4"), "shortcut": ("downsample.0", "downsample.1")}


def plan(net: str, shapes: Mapping[str, tuple[int, ...]], settings: Mapping[str, Any]) -> Plan:
    """Return how a file of MinkUNet or SPVCNN fills a network of ours; width and classes come from its shapes.

    Args:
        net: ``minkunet`` or ``spvcnn``.
        shapes: of the file's tensors; all landmarks are there.
        settings: what the user chose.

    Raises:
        ConversionError: the stages are not scaled by one factor.
    """
    shape = manual_shape()
    width = infer_width([shapes[name][0] for name in STAGES], list(shape.stage_channels.values()))
    note = f"Files of MinkUNet and SPVCNN have the same names and shapes; this one was read as {net}."
    return plan_of(net, Target(BACKBONES[net], width, shapes["classifier.0.bias"][0], settings, (note,)))


def plan_of(net: str, target: Target) -> Plan:
    """Return how a MinkowskiNet or SPVCNN of ours corresponds to its released class."""
    names = {"head": "classifier.0", **unit_names("stem", "stem", STEM)}
    for number in NUMBERS:
        names |= unit_names(f"down{number}", f"stage{number}.0", {"down": ("net.0", "net.1")})
        names |= unit_names(f"up{number}", f"up{number}.0", {"up": ("net.0", "net.1")})
        for block in range(2):
            names |= unit_names(f"down{number}.blocks.{block}", f"stage{number}.{block + 1}", BLOCK)
            names |= unit_names(f"up{number}.blocks.{block}", f"up{number}.1.{block}", BLOCK)
    points = {
        f"point{number + 1}.{part}": f"point_transforms.{number}.{part}" for number in range(3) for part in (0, 1)
    }
    idle = dict(_idle_points(target.width)) if net == "minkunet" else {}
    return Plan(net, target, (TORCHSPARSE,), "kernel", names | points, idle=idle)


def _idle_points(width: float) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the tensors of the point branch that MinkUNet's class owns and never calls, with their shapes."""
    channels = manual_shape().scaled(width).stage_channels
    steps = (("stem", "down4"), ("down4", "up2"), ("up2", "up4"))
    for number, (entering, leaving) in enumerate(steps):
        layer = f"point_transforms.{number}"
        yield f"{layer}.0.weight", (channels[leaving], channels[entering])
        yield f"{layer}.0.bias", (channels[leaving],)
        for part in ("weight", "bias", "running_mean", "running_var"):
            yield f"{layer}.1.{part}", (channels[leaving],)
        yield f"{layer}.1.num_batches_tracked", ()
