"""What a backbone may be told besides its width: the base of every backbone's settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class BackboneSettings(BaseModel):
    """Settings of a backbone; an unknown key is an error. The base itself has none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
