"""The released networks by the names their code gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from torch import Tensor

from backbones.convert import cylinder3d, minkunet, spvnas
from backbones.convert.errors import ConversionError, listed
from backbones.convert.plan import Plan, Target

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


class Net(NamedTuple):
    """A released network.

    Attributes:
        landmarks: tensors that every file of it has and that say its sizes, with their numbers of axes.
        plan: how a file corresponds to a network of ours, from the shapes of its tensors and the user's settings.
        plan_of: the same from a network of ours.
    """

    landmarks: Mapping[str, int]
    plan: Callable[[Shapes, Mapping[str, Any]], Plan]
    plan_of: Callable[[Target], Plan]


def _manual(net: str) -> Net:
    return Net(minkunet.LANDMARKS, partial(minkunet.plan, net), partial(minkunet.plan_of, net))


NETS: Mapping[str, Net] = {
    "cylinder3d": Net(cylinder3d.LANDMARKS, cylinder3d.plan, cylinder3d.plan_of),
    "minkunet": _manual("minkunet"),
    "spvcnn": _manual("spvcnn"),
    "spvnas": Net(spvnas.LANDMARKS, spvnas.plan, spvnas.plan_of),
}
"""Cylinder3D and PVKD share one definition, and so one name."""


def plan_for(net: str, released: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Plan:
    """Return how a file corresponds to a network of ours.

    Args:
        net: one of `NETS`.
        released: the file's tensors, without prefixes.
        settings: of our network, where the user chose.

    Raises:
        ConversionError: the file is of another network, or its sizes are of none of ours.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in released.items()}
    missing = _missing(shapes, NETS[net])
    if missing:
        others = [other for other, kind in NETS.items() if not _missing(shapes, kind)]
        found = f"tensors of {' or '.join(others)}" if others else f"no tensors {listed(missing, 5)}"
        remedy = f"Try --net {others[0]}." if others else "The file is incomplete, or of a network not known here."
        raise ConversionError(found, f"tensors of {net}", remedy)
    return NETS[net].plan(shapes, settings)


def _missing(shapes: Shapes, net: Net) -> list[str]:
    """Return the landmarks that are not there, or have not as many axes as they should."""
    return [name for name, axes in net.landmarks.items() if len(shapes.get(name, ())) != axes]
