"""What a user tells SLURM about the jobs of a run: the table [slurm] of harness.toml, and --slurm KEY=VALUE over it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from harness.config.pair import split_pair
from harness.data.user_file import CONFIG_FILE, user_setting
from harness.errors import HarnessError
from harness.explain import explain
from harness.spec import Strict

TABLE = "slurm"
OPTION = "--slurm"
DAY_MIN = 24 * 60
TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<fields>\d+(?::\d+){0,2})", re.ASCII)


class SlurmSettings(Strict):
    """The settings of every job of a run. A key left out leaves the matter to the cluster, unless it says otherwise."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: int = Field(default=DAY_MIN, ge=1, description="minutes of one sitting, or SLURM's HH:MM:SS or D-HH:MM:SS")
    gres: str | None = Field(default=None, description="instead of gpus_per_node, as gpu:a100:2")
    gpus_per_node: int | None = Field(default=None, ge=1, description="None: one for each process of a cell on a GPU")
    cpus_per_task: int | None = Field(default=None, ge=1, description="None: one for each process and loader worker")
    mem: str | None = Field(default=None, pattern=r"^\d+[KMGT]?$", description="of a job, as 32G")
    array_parallelism: int = Field(default=256, ge=1, description="most cells at once")
    setup: tuple[str, ...] = Field(default=(), description="lines of shell before the cell, as module load cuda")
    max_requeues: int = Field(default=10, ge=0, description="times that a cell may go on after its time has run out")
    signal_delay_s: int = Field(default=120, ge=10, le=65535, description="seconds of warning before the time runs out")

    @field_validator("time", mode="before")
    @classmethod
    def _minutes(cls, value: Any) -> Any:
        """Read SLURM's ways to write a time; in TOML, ``04:00:00`` without quotes is a time of day."""
        return value if isinstance(value, int) else minutes(str(value))

    @field_validator("setup", mode="before")
    @classmethod
    def _lines(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _warned_while_running(self) -> SlurmSettings:
        if self.signal_delay_s >= 60 * self.time:
            raise ValueError("signal_delay_s is shorter than time, or the warning would come before the job begins")
        if self.gres is not None and self.gpus_per_node is not None:
            raise ValueError("gres or gpus_per_node, not both")
        return self


def read_settings(given: Sequence[str]) -> SlurmSettings:
    """Return the settings of a run.

    Args:
        given: ``KEY=VALUE`` of the command line, each instead of what harness.toml says of the key; several of
            ``setup`` are lines in their order.

    Raises:
        HarnessError: a key or value is wrong; the message names where it stands.
    """
    table = user_setting(TABLE) or {}
    where = f"{CONFIG_FILE}, table [{TABLE}]"
    if not isinstance(table, dict):
        raise HarnessError(where, repr(table)[:80], "a table of settings", "See docs/cluster.md.")
    _validate(table, where)
    return _validate({**table, **_pairs(given)}, OPTION)


def minutes(text: str) -> int:
    """Return the minutes of a time as SLURM reads it, a begun one as a whole one.

    ``M``, ``M:S``, ``H:M:S``, ``D-H``, ``D-H:M`` or ``D-H:M:S``.

    Raises:
        ValueError: it is none of these.
    """
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError("minutes, HH:MM:SS or D-HH:MM:SS")
    fields = [int(field) for field in match["fields"].split(":")]
    if match["days"] is not None:
        hours, mins, seconds = [*fields, 0, 0][:3]
    elif len(fields) == 3:
        hours, mins, seconds = fields
    else:
        hours, (mins, seconds) = 0, [*fields, 0][:2]
    return int(match["days"] or 0) * DAY_MIN + hours * 60 + mins + -(-seconds // 60)


def _pairs(given: Sequence[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for pair in given:
        key, value = split_pair(OPTION, pair, "partition=gpu")
        settings[key] = (*settings.get(key, ()), value) if key == "setup" else value
    return settings


def _validate(content: dict[str, Any], where: str) -> SlurmSettings:
    try:
        return SlurmSettings.model_validate(content)
    except ValidationError as error:
        raise explain(error, SlurmSettings, where, "") from error
