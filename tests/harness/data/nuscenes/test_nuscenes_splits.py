from __future__ import annotations

from harness.data.nuscenes.splits import OFFICIAL_KEYFRAMES, scene_names


def test_the_splits_have_their_official_sizes_and_share_no_scene() -> None:
    splits = [
        scene_names("v1.0-trainval", "train"),
        scene_names("v1.0-trainval", "val"),
        scene_names("v1.0-test", "test"),
    ]
    assert list(map(len, splits)) == [700, 150, 150]
    assert len({name for names in splits for name in names}) == 1000
    assert all(list(names) == sorted(names) for names in splits)


def test_the_mini_set_is_cut_out_of_trainval_with_splits_of_its_own() -> None:
    train, val = scene_names("v1.0-mini", "train"), scene_names("v1.0-mini", "val")
    numbers = ("0061", "0553", "0655", "0757", "0796", "1077", "1094", "1100")
    assert train == tuple(f"scene-{number}" for number in numbers)
    assert val == ("scene-0103", "scene-0916")
    assert {*train, *val} <= {*scene_names("v1.0-trainval", "train"), *scene_names("v1.0-trainval", "val")}


def test_a_split_that_a_version_has_not_is_empty() -> None:
    assert scene_names("v1.0-trainval", "test") == scene_names("v1.0-test", "train") == ()


def test_keyframes_are_counted_for_every_split() -> None:
    assert OFFICIAL_KEYFRAMES["v1.0-trainval"] == {"train": 28130, "val": 6019}
    assert OFFICIAL_KEYFRAMES["v1.0-test"] == {"test": 6008}
