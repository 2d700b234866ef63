from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.data.nuscenes.dataset import NuScenes
from harness.errors import HarnessError

Made = Any
WriteSet = Callable[..., Made]


def mini(made: Made, **more: Any) -> NuScenes:
    return NuScenes(made.root, version="v1.0-mini", **more)


def test_a_copy_without_the_test_set_lacks_all_of_it(whole_mini: Made) -> None:
    assert mini(whole_mini).completeness("test").missing == "v1.0-test lacks 6008 of 6008"


def test_the_official_set_is_complete_with_all_its_scans(whole_mini: Made) -> None:
    dataset = mini(whole_mini)
    assert len(dataset.scan_ids("train")) == 323
    assert len(dataset.scan_ids("val")) == 81
    assert not dataset.synthetic
    assert not dataset.description().partial


def test_missing_files_must_be_owned_up_to(whole_mini: Made) -> None:
    first, *others = whole_mini.lidar_rows()
    for row in others:
        (whole_mini.root / row["filename"]).unlink()
    with pytest.raises(HarnessError) as caught:
        mini(whole_mini).scan_ids("train")
    assert "scene-0061 lacks 40 of 41, scene-0553 lacks 41 of 41" in caught.value.found
    assert "--partial" in caught.value.remedy
    dataset = mini(whole_mini, partial=True)
    assert dataset.scan_ids("train") == [f"scene-0061/{first['token']}"]
    assert dataset.description().partial
    with pytest.raises(HarnessError, match=r"the 81 scans of the val split[.] Complete the copy[.]$"):
        dataset.scan_ids("val")


@pytest.mark.parametrize(
    ("scenes", "found"),
    [
        ({"scene-0061": 40}, "9 scenes missing"),
        ({"scene-0061": 1, "scene-0002": 1}, "scenes of no split (scene-0002)"),
    ],
)
def test_other_tables_than_official_ones_are_refused_even_when_partial(
    write_set: WriteSet, scenes: dict[str, int], found: str
) -> None:
    made = write_set(scenes, declared=False)
    with pytest.raises(HarnessError) as caught:
        mini(made, partial=True).scan_ids("train")
    assert found in caught.value.found


def test_another_number_of_keyframes_than_official_is_refused(whole_mini: Made, write_set: WriteSet) -> None:
    sizes = {row["name"]: row["nbr_samples"] for row in whole_mini.tables["scene"]}
    made = write_set(sizes | {"scene-0103": 39}, declared=False)
    with pytest.raises(HarnessError, match="80 keyframes in val; expected 81"):
        mini(made).scan_ids("train")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"synthetic": true, "scenes": {"scene-0061": 3, "scene-0103": 2, "scene-0916": 1}}', "found 2 keyframes"),
        ('{"synthetic": true, "scenes": {"scene-0061": 2, "scene-0103": 2}}', "found 1 keyframes; expected 0"),
        ('{"synthetic": true, "scenes": {"scene-0061": "2"}}', "key scenes.scene-0061"),
        ('{"synthetic": false, "scenes": {}}', "key synthetic"),
        ("[", "synthetic.json: found Invalid JSON"),
    ],
)  # fmt: skip
def test_a_declaration_that_does_not_fit_is_refused(write_set: WriteSet, text: str, message: str) -> None:
    made = write_set()
    (made.root / "synthetic.json").write_text(text)
    with pytest.raises(HarnessError) as caught:
        mini(made).scan_ids("train")
    assert message in str(caught.value)
