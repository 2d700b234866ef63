"""Released Cylinder3D and PVKD weights: their names, and what their shapes say.

The released code numbers its convolutions and norms apart (conv3 goes with bn2) and registers some modules in another
order than it runs them, so everything here goes by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast, get_args

from backbones.convert.errors import ConversionError
from backbones.convert.layouts import KRSC, RSCK, RSKC, Kernel
from backbones.convert.names import unit_names
from backbones.convert.plan import Plan, Surplus, Target, checked_settings
from backbones.cylinder3d.network import INITIAL_CHANNELS
from backbones.cylinder3d.settings import Cylinder3DSettings
from backbones.cylinder3d.unit import PHI_Z

POINTS = "cylinder_3d_generator"
VOXELS = "cylinder_3d_spconv_seg"

BRANCHES = {
    "branch1.0": ("conv1", "bn0"), "branch1.1": ("conv1_2", "bn0_2"),
    "branch2.0": ("conv2", "bn1"), "branch2.1": ("conv3", "bn2"),
}  # fmt: skip
GATES = {"rho": ("conv1", "bn0"), "phi": ("conv1_2", "bn0_2"), "z": ("conv1_3", "bn0_3")}

NEVER = -1e4
"""A logit that no softmax and no maximum chooses, and that half precision can hold."""

CONTEXT_KERNEL = f"{VOXELS}.downCntx.conv1.weight"
CONTEXT_NORM = f"{VOXELS}.downCntx.bn0.weight"
COMPRESSION = f"{POINTS}.fea_compression.0.bias"
OUTPUTS = f"{VOXELS}.logits.bias"
POINT_LAYERS = {
    "point_mlp.hidden.0": f"{POINTS}.PPmodel.1", "point_mlp.hidden.3": f"{POINTS}.PPmodel.4",
    "point_mlp.hidden.6": f"{POINTS}.PPmodel.7", "point_mlp.last": f"{POINTS}.PPmodel.10",
}  # fmt: skip

VECTORS = (CONTEXT_NORM, COMPRESSION, OUTPUTS, *(f"{layer}.bias" for layer in POINT_LAYERS.values()))
LANDMARKS = {CONTEXT_KERNEL: 5, **dict.fromkeys(VECTORS, 1)}
"""Tensors that say which network a file holds, with their numbers of axes."""


def plan(shapes: Mapping[str, tuple[int, ...]], settings: Mapping[str, Any]) -> Plan:
    """Return how a file fills a Cylinder3D of ours; width, classes and inner sizes come from its shapes.

    Args:
        shapes: of the file's tensors; all landmarks are there.
        settings: what the user chose. Without a ``rulebook``, a file in spconv 1.x's layout gets ``as_released``, any
            other ``as_described``: spconv 2 refuses the shared maps of the older code, so what it trained had none.

    Raises:
        ConversionError: the sizes are of no network of ours, or contradict the settings.
    """
    (initial,), (outputs,), (inputs,) = shapes[CONTEXT_NORM], shapes[OUTPUTS], shapes[COMPRESSION]
    old = shapes[CONTEXT_KERNEL] == RSCK.shape(Kernel(PHI_Z, inputs, initial))
    width = initial / INITIAL_CHANNELS
    found = {"point_branch": False, "input_channels": inputs, "point_mlp": _point_mlp(shapes, width)}
    for name, value in found.items():
        if settings.get(name, value) != value:
            remedy = f"Leave {name} out: it is read from the file."
            raise ConversionError(f"the setting {name} = {settings[name]}", f"{value}, as in the file", remedy)
    chosen = {"rulebook": "as_released" if old else "as_described", **settings, **found}
    return plan_of(Target("cylinder3d", width, outputs - 1, chosen, _notes(outputs, old, chosen)))


def plan_of(target: Target) -> Plan:
    """Return how a Cylinder3D of ours corresponds to the released class, which has no point branch; ours stays out."""
    bare = replace(target, settings={**target.settings, "point_branch": False})
    surplus = {"logits.weight": Surplus(axis=2, before=1), "logits.bias": Surplus(axis=0, before=1, fill=NEVER)}
    return Plan("cylinder3d", bare, (RSCK, KRSC, RSKC), "weight", modules(), surplus)


def modules() -> dict[str, str]:
    """Return the released module for each of ours that has tensors."""
    names = {"point_mlp.norm": f"{POINTS}.PPmodel.0", **POINT_LAYERS}
    names |= {f"point_mlp.hidden.{place}": f"{POINTS}.PPmodel.{place + 1}" for place in (1, 4, 7)}
    names |= {"point_mlp.compression": f"{POINTS}.fea_compression.0", "logits": f"{VOXELS}.logits"}
    names |= unit_names("context", f"{VOXELS}.downCntx", BRANCHES)
    names |= unit_names("ddcm", f"{VOXELS}.ReconNet", GATES)
    for number in range(1, 5):
        ours, theirs = f"down{number}", f"{VOXELS}.resBlock{number + 1}"
        names |= {**unit_names(f"{ours}.crossed", theirs, BRANCHES), f"{ours}.down": f"{theirs}.pool"}
        ours, theirs = f"up{number}", f"{VOXELS}.upBlock{number - 1}"
        names |= unit_names(ours, theirs, {"before": ("trans_dilao", "trans_bn")})
        names |= unit_names(
            ours, theirs, {f"after.{place}": (f"conv{place + 1}", f"bn{place + 1}") for place in range(3)}
        )
        names[f"{ours}.up"] = f"{theirs}.up_subm"
    return names


def _point_mlp(shapes: Mapping[str, tuple[int, ...]], width: float) -> str:
    """Return the setting under which the point MLP has the file's channels.

    Raises:
        ConversionError: there is none.
    """
    channels = [shapes[f"{layer}.bias"] for layer in POINT_LAYERS.values()]
    known = {}
    for kind in get_args(Cylinder3DSettings.model_fields["point_mlp"].annotation):
        ours = Target("cylinder3d", width, 1, {"point_mlp": kind}).build().state_dict()
        known[kind] = [tuple(ours[f"{layer}.bias"].shape) for layer in POINT_LAYERS]
        if known[kind] == channels:
            return str(kind)
    raise ConversionError(
        f"a point MLP of {_sizes(channels)} channels",
        " or ".join(f"{_sizes(sizes)} (point_mlp: {kind})" for kind, sizes in known.items()),
        "This member of the family can't be expressed here.",
    )


def _sizes(shapes: list[tuple[int, ...]]) -> str:
    """Join the sizes of vectors."""
    return "-".join(str(shape[0]) for shape in shapes)


def _notes(outputs: int, old: bool, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what was chosen and what is lost."""
    own = cast(Cylinder3DSettings, checked_settings("cylinder3d", settings))
    cells, rho, z = "×".join(map(str, own.grid)), own.rho_m, own.z_m
    library = (
        "spconv 1.x let the convolutions of a block share a map" if old else "spconv 2 gives each kernel its own map"
    )
    notes = [
        f"The first of the file's {outputs} outputs, that of the ignored id 0, was dropped.",
        "The file has no point branch, so neither has the network (point_branch: false).",
        f"rulebook: {own.rulebook}. The file has the layout under which {library}; --rulebook chooses otherwise.",
        f"The grid is not in the file: {cells} cells, ρ {rho[0]:g} … {rho[1]:g} m, z {z[0]:g} … {z[1]:g} m are taken; "
        "--setting chooses otherwise.",
    ]
    if not old:
        notes.append(
            "The public code for spconv 2 computes downCntx.bn1 and discards the result; here the norm is applied."
        )
    return tuple(notes)
