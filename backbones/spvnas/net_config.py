"""A searched member of the SPVNAS family, in the key format of the published ``net.config`` files.

The format is a flat JSON object. Keys that choose something:

* ``output_channels``: nine widths: stem, four down stages, four up stages;
* ``S.transition``, S being ``downsample.0`` … ``upsample.3``: width of the 2³ convolution that enters a stage;
* ``S.feature``: how many residual blocks the stage has, 1 or 2;
* ``S.feature.layers.B.net.layers.0``: width between the two convolutions of block B.

Further keys repeat what these say or describe the training: ``num_classes``, ``pres``, ``vres``,
``point_transforms.I``, ``S.feature.layers.B.net``, ``S.feature.layers.B.net.layers.1``,
``S.feature.layers.0.downsample``. They may be missing, and widths among them are not read, since the public code
overwrites them with ``output_channels``. A block beyond the depth of its stage has null values.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, RootModel, ValidationError, model_validator

from backbones.residual import StageShape
from backbones.trunk import TrunkShape

LEAST_OUTPUTS = (32, 16, 32, 64, 128, 128, 64, 48, 48)
MOST_OUTPUTS = (32, 48, 96, 192, 384, 384, 192, 128, 128)
"""Bounds of ``output_channels``: those of the space that was searched."""

SIDES, STAGES, BLOCKS = ("downsample", "upsample"), 4, 2
MOST_BYTES = 1 << 16
"""A published file has about 4 kB."""


def _keys() -> tuple[str, ...]:
    """Return every key of the format."""
    keys = ["num_classes", "pres", "vres", "output_channels", *(f"point_transforms.{n}" for n in range(3))]
    for stage in (f"{side}.{number}" for side in SIDES for number in range(STAGES)):
        keys += [f"{stage}.transition", f"{stage}.feature", f"{stage}.feature.layers.0.downsample"]
        for block in (f"{stage}.feature.layers.{number}.net" for number in range(BLOCKS)):
            keys += [block, f"{block}.layers.0", f"{block}.layers.1"]
    return tuple(keys)


KEYS = _keys()


class NetConfig(RootModel[dict[str, Any]]):
    """The content of a ``net.config``, checked against the format and the bounds of the searched space."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _fits(self) -> NetConfig:
        for key in self.root:
            if key not in KEYS:
                near = get_close_matches(key, KEYS, 1)
                raise ValueError(f"unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        if self.root.get("pres") != self.root.get("vres"):
            found = f"'pres' is {self.root.get('pres')!r} and 'vres' is {self.root.get('vres')!r}"
            raise ValueError(f"{found}; expected equal sizes, since points and voxels share one grid here")
        self.shape()
        return self

    def shape(self) -> TrunkShape:
        """Return the channels of the network."""
        widths = self._outputs()
        # A down stage enters with the width of the stage before it, an up stage with its own.
        downs = tuple(self._stage(f"downsample.{n}", MOST_OUTPUTS[n], n + 1) for n in range(STAGES))
        ups = tuple(self._stage(f"upsample.{n}", MOST_OUTPUTS[n + 5], n + 5) for n in range(STAGES))
        return TrunkShape(widths[0], downs, ups)

    def _outputs(self) -> list[int]:
        key, found = "output_channels", self.root.get("output_channels")
        if not isinstance(found, list | tuple) or len(found) != len(MOST_OUTPUTS):
            raise ValueError(f"'{key}' is {_shown(found)}; expected {len(MOST_OUTPUTS)} integers")
        bounds = zip(found, LEAST_OUTPUTS, MOST_OUTPUTS, strict=True)
        return [_whole(f"{key}[{n}]", value, least, most) for n, (value, least, most) in enumerate(bounds)]

    def _stage(self, stage: str, most_entering: int, position: int) -> StageShape:
        """Read one stage; `position` is its place in ``output_channels``."""
        most = MOST_OUTPUTS[position]
        transition = self._chosen(f"{stage}.transition", _least(most_entering), most_entering)
        middles = []
        for number in range(self._chosen(f"{stage}.feature", 1, BLOCKS)):
            block = f"{stage}.feature.layers.{number}.net"
            if self.root.get(block, 2) != 2:
                raise ValueError(f"'{block}' is {_shown(self.root[block])}; expected 2: a block has two convolutions")
            middles.append(self._chosen(f"{block}.layers.0", _least(most), most))
        # The public code decides about shortcuts at the largest widths, where a first block always changes the width.
        return StageShape(transition, tuple(middles), self._outputs()[position], projects=True)

    def _chosen(self, key: str, least: int, most: int) -> int:
        if key not in self.root:
            raise ValueError(f"'{key}' is missing; expected an integer from {least} to {most}")
        return _whole(key, self.root[key], least, most)


def read_net_config(path: Path) -> NetConfig:
    """Read a ``net.config`` file.

    Raises:
        ValueError: it is too large, not JSON, or does not fit the format; the message names file, key, what was found
            and what was expected.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"{path}: larger than {MOST_BYTES} bytes; expected a net.config of a few kilobytes")
    try:
        return NetConfig.model_validate(json.loads(content))
    except ValidationError as error:
        raise ValueError(f"{path}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON: {error}") from error


def _least(most: int) -> int:
    """Return the least width that was searched beside `most`: an eighth, rounded down to a multiple of 4."""
    return most // 8 // 4 * 4


def _whole(key: str, found: object, least: int, most: int) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
        raise ValueError(f"'{key}' is {_shown(found)}; expected an integer from {least} to {most}")
    return found


def _shown(found: object) -> str:
    """Return a value for a message, cut to a line."""
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:59]}…"
