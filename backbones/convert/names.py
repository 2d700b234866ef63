"""Names of units, which every network here is made of: a convolution and the norm that goes with it."""

from __future__ import annotations

from collections.abc import Mapping

STEM = {"0": ("0", "1"), "1": ("3", "4")}
"""Units of the stem of all networks of the spvnas repository."""


def unit_names(ours: str, theirs: str, units: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return the released module for the convolution and the norm of each unit of a block.

    Args:
        ours: name of our block.
        theirs: name of the released block.
        units: by the name of our unit in the block, the released convolution and norm in theirs.
    """
    return {
        f"{ours}.{unit}.{part}": f"{theirs}.{name}"
        for unit, names in units.items()
        for part, name in zip(("convolution", "norm"), names, strict=True)
    }
