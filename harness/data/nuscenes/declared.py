"""What a synthetic set says of itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.data.completeness import DECLARATION
from harness.data.input_file import read_input_text
from harness.data.nuscenes.wrong_value import wrong_value
from harness.errors import HarnessError

MOST_BYTES = 1 << 20
REMEDY = "Synthesize the set again."


class _Declaration(BaseModel):
    """``synthetic.json``: the scenes of the set, with the number of their keyframes."""

    model_config = ConfigDict(strict=True)

    synthetic: Literal[True]
    scenes: dict[str, Annotated[int, Field(ge=1, le=999_999)]]


def declared_scenes(root: Path) -> dict[str, int] | None:
    """Read how many keyframes each scene of a synthetic set has; None for a set that is not synthetic.

    Raises:
        HarnessError: the declaration can't be read, or names what is no count.
    """
    path = root / DECLARATION
    if not os.path.lexists(path):
        return None
    try:
        return _Declaration.model_validate_json(read_input_text(path, MOST_BYTES, REMEDY)).scenes
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in fault["loc"])
        expected = 'a key "synthetic" that is true and a key "scenes" with a number for each scene'
        raise HarnessError(f"{path}, key {key}" if key else path, wrong_value(fault), expected, REMEDY) from error
