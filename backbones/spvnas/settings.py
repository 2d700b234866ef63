"""What SPVNAS may be told besides its width."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator

from backbones.settings import BackboneSettings
from backbones.spvnas.net_config import NetConfig, read_net_config

PointCoordinates: TypeAlias = Literal["as_released", "exact"]


class SPVNASSettings(BackboneSettings):
    """Settings of SPVNAS.

    Attributes:
        coordinates: where a voxel's point lies in the grid. ``as_released``: at (c · size) / size in float32, as in the
            code that trained the public weights. At 0.05 m that is one unit in the last place above the cell c for 613
            of the integers below 4096, so that a point there takes a little of its neighbours at stride 1. ``exact``:
            at c itself.
        dropout: share of the refilled voxels' features that training sets to zero, before the first and the third up
            stage.
        net_config: a searched member, as the content of its published ``net.config`` or as the path of that file;
            None is the manual member, SPVCNN. A width other than 1 scales every channel count of either.
    """

    coordinates: PointCoordinates = "as_released"
    dropout: float = Field(default=0.3, ge=0, lt=1)
    net_config: NetConfig | None = None

    @field_validator("net_config", mode="before")
    @classmethod
    def _read_file(cls, value: Any) -> Any:
        """Read the file that a string names; the settings then hold its content, not its place."""
        if not isinstance(value, str):
            return value
        try:
            return read_net_config(Path(value))
        except OSError as error:
            raise ValueError(f"the path of a net.config file that can be read ({error.strerror})") from error
