from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.data.nuscenes.declared import declared_scenes
from harness.data.nuscenes.rows import CATEGORIES, SAMPLE_DATA, SCENES
from harness.data.nuscenes.tables import Table
from harness.errors import HarnessError


def refused(look: Callable[[], Any]) -> HarnessError:
    with pytest.raises(HarnessError) as caught:
        look()
    return caught.value


@pytest.mark.parametrize(
    ("index", "found"),
    [
        ("300", "300 (Input should be less than or equal to 255)"),
        ("-1", "-1 (Input should be greater than or equal to 0)"),
        ("1e999", "inf (Input should be a valid integer)"),
        ("[1, 2]", "[1, 2] (Input should be a valid integer)"),
        ("null", "None (Input should be a valid integer)"),
        ("9" * 4300, "9" * 60 + "… (Input should be less than or equal to 255)"),
        (json.dumps("x" * 500), "'" + "x" * 59 + "… (Input should be a valid integer)"),
    ],
)
def test_a_wrong_value_of_a_category_is_shown(tmp_path: Path, index: str, found: str) -> None:
    path = tmp_path / "category.json"
    path.write_text(f'[{{"name": "animal", "index": 3}}, {{"name": "noise", "index": {index}}}]')
    error = refused(lambda: list(Table(path, CATEGORIES)))
    assert error.where == f"{path}, row 2, key index"
    assert found in error.found
    assert len(error.found) < 200


def test_a_key_that_lacks_has_no_value_to_show(tmp_path: Path) -> None:
    path = tmp_path / "scene.json"
    path.write_text('[{"token": "a", "name": "b", "log_token": "c"}]')
    error = refused(lambda: list(Table(path, SCENES)))
    assert (error.where, error.found) == (f"{path}, row 1, key nbr_samples", "no such key")
    path.write_text('[{"token": "a"}]')
    assert "is_key_frame" in refused(lambda: list(Table(path, SAMPLE_DATA))).found


@pytest.mark.parametrize(
    ("record", "where", "found"),
    [
        ({"synthetic": True, "scenes": {"scene-0061": 0}}, "scenes.scene-0061", "0 (Input should be greater"),
        ({"synthetic": "yes", "scenes": {}}, "synthetic", "'yes' (Input should be True)"),
        ({"synthetic": True, "scenes": [3]}, "scenes", "[3] (Input should be an object)"),
        ({"synthetic": True}, "scenes", "no such key"),
    ],
)
def test_a_wrong_value_of_a_declaration_is_shown(
    tmp_path: Path, record: dict[str, Any], where: str, found: str
) -> None:
    (tmp_path / "synthetic.json").write_text(json.dumps(record))
    error = refused(lambda: declared_scenes(tmp_path))
    assert error.where == f"{tmp_path / 'synthetic.json'}, key {where}"
    assert error.found.startswith(found)
