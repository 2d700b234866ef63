from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from spvnas_scenes import published_config

from backbones.spvnas.settings import SPVNASSettings


def test_a_path_is_read_and_forgotten(tmp_path: Path) -> None:
    """Two users with the same file in other places run the same cell."""
    file = tmp_path / "net.config"
    file.write_text(json.dumps(published_config()))
    settings = SPVNASSettings.model_validate({"net_config": str(file)})
    assert settings == SPVNASSettings.model_validate({"net_config": published_config()})
    assert str(tmp_path) not in settings.model_dump_json()


def test_a_missing_file_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"file that can be read \(No such file"):
        SPVNASSettings.model_validate({"net_config": str(tmp_path / "none.config")})
