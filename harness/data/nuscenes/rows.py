"""The columns that are read of each table, by the schema of the official nuScenes tables (recalled; the names of keys
re-read in the devkit)."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

Token: TypeAlias = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,64}$")]
"""Officially 32 hexadecimal digits. It becomes part of file names, so that nothing else may stand in it."""
Name: TypeAlias = Annotated[str, Field(pattern="^[0-9A-Za-z_-]{1,64}$")]
Microseconds: TypeAlias = Annotated[int, Field(ge=0, lt=1 << 63)]


class Row(TypedDict):
    """What rows of every table share: values as they are written, without conversion."""

    __pydantic_config__ = ConfigDict(strict=True, allow_inf_nan=False, cache_strings="keys")  # type: ignore[misc]


class SensorRow(Row):
    """A channel, such as LIDAR_TOP."""

    token: str
    channel: str


class PoseRow(Row):
    """A rotation (quaternion w, x, y, z) and a translation in metres: a row of ego_pose."""

    token: str
    rotation: list[float]
    translation: list[float]


class CalibratedSensorRow(PoseRow):
    """Where a sensor sits on a vehicle."""

    sensor_token: str


class TokenRow(Row):
    """A row of any table."""

    token: str


class SceneRow(Row):
    """Twenty seconds of a drive."""

    token: str
    name: Name
    log_token: str
    nbr_samples: int


class SampleRow(Row):
    """A moment of which all sensors have a keyframe."""

    token: Token
    scene_token: str


class KeyframeRow(Row):
    """What a sensor recorded at a sample."""

    is_key_frame: Literal[True]
    token: Token
    sample_token: str
    ego_pose_token: str
    calibrated_sensor_token: str
    timestamp: Microseconds
    filename: str


class SweepRow(Row):
    """What a sensor recorded between two samples: of no use here, and most of the rows."""

    is_key_frame: Literal[False]


class LidarsegRow(Row):
    """The label file of a keyframe."""

    sample_data_token: str
    filename: str


class CategoryRow(Row):
    """A class of things and, in the tables of nuScenes-lidarseg, the id that label files have for it."""

    name: str
    index: NotRequired[Annotated[int, Field(ge=0, le=255)]]


SampleDataRow: TypeAlias = Annotated[KeyframeRow | SweepRow, Field(discriminator="is_key_frame")]

SENSORS = TypeAdapter(list[SensorRow])
CALIBRATED_SENSORS = TypeAdapter(list[CalibratedSensorRow])
EGO_POSES = TypeAdapter(list[PoseRow])
TOKENS = TypeAdapter(list[TokenRow])
SCENES = TypeAdapter(list[SceneRow])
SAMPLES = TypeAdapter(list[SampleRow])
SAMPLE_DATA: TypeAdapter[list[KeyframeRow | SweepRow]] = TypeAdapter(list[SampleDataRow])
LIDARSEG = TypeAdapter(list[LidarsegRow])
CATEGORIES = TypeAdapter(list[CategoryRow])
