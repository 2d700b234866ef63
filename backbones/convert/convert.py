"""Fill a network of ours from a released file's tensors, and the other way round: all of them, or none and a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from backbones.convert.errors import ConversionError, listed
from backbones.convert.layouts import Kernel, Layout, choose_layout
from backbones.convert.plan import Place, Plan, Surplus, Target
from backbones.sparse.layers import SparseConv

COUNTER = "num_batches_tracked"
"""A buffer of batch normalisation that its usual running averages never read; files of old torch versions lack it."""


@dataclass(frozen=True)
class Converted:
    """A network of ours, filled.

    Attributes:
        target: which network; its notes say what was chosen and lost.
        layout: the one its kernels were stored in.
        tensors: its state dict, float32 and int64, on the CPU.
    """

    target: Target
    layout: Layout
    tensors: dict[str, Tensor]


def from_released(plan: Plan, released: Mapping[str, Tensor]) -> Converted:
    """Fill the plan's network: every tensor of the file placed, every tensor of the network filled.

    Args:
        plan: how the file and the network correspond.
        released: the file's tensors, without prefixes.

    Raises:
        ConversionError: tensors are missing, left over, of another shape or type, or not finite; all are listed.
    """
    places = find_places(plan)
    absent = [key for key, place in places.items() if key.endswith(COUNTER) and place.name not in released]
    kernels = {place.name: place.kernel for place in places.values() if place.kernel is not None}
    layout = choose_layout(plan.layouts, kernels, {name: tensor.shape for name, tensor in released.items()})
    wanted = {key: place for key, place in places.items() if key not in absent}
    _check(plan, wanted, released, layout)
    tensors = {key: torch.zeros((), dtype=torch.int64) for key in absent}
    tensors |= {key: _read(place, released[place.name], layout) for key, place in wanted.items()}
    notes = list(plan.target.notes)
    if absent:
        notes.append(f"{len(absent)} counters of batch normalisation are not in the file and start at 0.")
    if any(tensor.dtype in (torch.float16, torch.bfloat16) for tensor in released.values()):
        notes.append("Half-precision numbers were widened to float32, which is exact.")
    dropped = sorted(name for name in plan.idle if name in released)
    if dropped:
        notes.append(f"{len(dropped)} tensors that no prediction reads were dropped: {dropped[0]}, …")
    return Converted(replace(plan.target, notes=tuple(notes)), layout, {key: tensors[key] for key in places})


def to_released(plan: Plan, tensors: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return a state dict that the released class loads strictly.

    What ours has not is made up so that it has no effect: an output for the ignored id that never wins, zeros in
    weights that meet no input, batch normalisation that changes nothing where nothing is called.

    Args:
        plan: how the file and the network correspond.
        tensors: the network's state dict.
        layout: one of the plan's.
    """
    released = {place.name: _write(place, tensors[key], layout) for key, place in find_places(plan).items()}
    for name, shape in plan.idle.items():
        if name.endswith(COUNTER):
            released[name] = torch.zeros((), dtype=torch.int64)
        else:
            scale = name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1)
            released[name] = torch.full(shape, float(scale))
    return released


def find_places(plan: Plan) -> dict[str, Place]:
    """Return where each tensor of the plan's network is in a released file, in the order of its state dict.

    Raises:
        ConversionError: the width or a setting is out of range.
    """
    network = plan.target.build()
    modules = dict(network.named_modules())
    places = {}
    for key, tensor in network.state_dict().items():
        path, _, leaf = key.rpartition(".")
        places[key] = _place(plan, modules[path], key, plan.modules[path], leaf, tuple(tensor.shape))
    return places


def _place(plan: Plan, module: nn.Module, key: str, released: str, leaf: str, shape: tuple[int, ...]) -> Place:
    """Return where one tensor is."""
    surplus = plan.surplus.get(key, Surplus(0))
    full = tuple(size + surplus.size * (axis == surplus.axis) for axis, size in enumerate(shape))
    if isinstance(module, SparseConv) and leaf == "weight":
        kernel = Kernel(module.geometry.kernel_size, full[1], full[2])
        return Place(f"{released}.{plan.kernel_name}", kernel, full, surplus)
    return Place(f"{released}.{leaf}", None, full, surplus)


def _read(place: Place, stored: Tensor, layout: Layout) -> Tensor:
    """Return our tensor of a released one, in memory of its own."""
    plain = stored.detach().to(torch.int64 if place.name.endswith(COUNTER) else torch.float32)
    if place.kernel is not None:
        plain = layout.read(plain, place.kernel.size)
    return place.surplus.cut(plain).clone(memory_format=torch.contiguous_format)


def _write(place: Place, tensor: Tensor, layout: Layout) -> Tensor:
    """Return the released tensor of ours."""
    full = place.surplus.pad(tensor.detach()).clone()
    return full if place.kernel is None else layout.write(full, place.kernel.size)


def _check(plan: Plan, wanted: Mapping[str, Place], released: Mapping[str, Tensor], layout: Layout) -> None:
    """Raise a list of everything that does not match.

    Raises:
        ConversionError: something does not.
    """
    places = {place.name: place for place in wanted.values()}
    known = places.keys() | plan.idle.keys()
    there = {name: released[name] for name in places if name in released}
    faults = {
        "missing": [name for name in places if name not in released],
        "unknown": [name for name in released if name not in known],
        "of another shape": [
            f"{name} {list(tensor.shape)} instead of {list(places[name].stored_shape(layout))}"
            for name, tensor in there.items()
            if tuple(tensor.shape) != places[name].stored_shape(layout)
        ],
        "of another type": [f"{name} {tensor.dtype}" for name, tensor in there.items() if not _type_fits(name, tensor)],
    }
    if not any(faults.values()):
        # Last, since a wrong shape may stand for more numbers than the file holds.
        faults["not finite (NaN or ∞)"] = [name for name, tensor in there.items() if not tensor.isfinite().all()]
        variances = {name: tensor for name, tensor in there.items() if name.endswith("running_var")}
        faults["with a variance below 0"] = [name for name, tensor in variances.items() if (tensor < 0).any()]
    if any(faults.values()):
        found = "; ".join(f"{len(names)} tensors {what}: {listed(names)}" for what, names in faults.items() if names)
        raise ConversionError(
            found,
            f"the {len(places)} tensors of {plan.net} at width {plan.target.width:g} in the layout {layout.name}",
            "Nothing was converted. Check that the file is complete and of the network you named.",
        )


def _type_fits(name: str, tensor: Tensor) -> bool:
    """Tell whether a tensor's numbers can be kept exactly."""
    if name.endswith(COUNTER):
        return not tensor.is_floating_point() and not tensor.is_complex()
    return tensor.dtype in (torch.float32, torch.float16, torch.bfloat16)
