from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN, LabelMap
from harness.errors import HarnessError

# The official single-scan table, class by class: what is written first, then all that is read.
OFFICIAL = """
car 10: 10 252 / bicycle 11: 11 / motorcycle 15: 15 / truck 18: 18 258 / other-vehicle 20: 13 16 20 256 257 259
person 30: 30 254 / bicyclist 31: 31 253 / motorcyclist 32: 32 255 / road 40: 40 60 / parking 44: 44
sidewalk 48: 48 / other-ground 49: 49 / building 50: 50 / fence 51: 51 / vegetation 70: 70 / trunk 71: 71
terrain 72: 72 / pole 80: 80 / traffic-sign 81: 81
"""

# The official multi-scan table: standing objects alone, then the moving ones.
OFFICIAL_MULTISCAN = """
car 10: 10 / bicycle 11: 11 / motorcycle 15: 15 / truck 18: 18 / other-vehicle 20: 13 16 20 / person 30: 30
bicyclist 31: 31 / motorcyclist 32: 32 / road 40: 40 60 / parking 44: 44 / sidewalk 48: 48 / other-ground 49: 49
building 50: 50 / fence 51: 51 / vegetation 70: 70 / trunk 71: 71 / terrain 72: 72 / pole 80: 80 / traffic-sign 81: 81
moving-car 252: 252 / moving-bicyclist 253: 253 / moving-person 254: 254 / moving-motorcyclist 255: 255
moving-other-vehicle 259: 256 257 259 / moving-truck 258: 258
"""
MAPS = [(SEMANTICKITTI, OFFICIAL, 19), (SEMANTICKITTI_MULTISCAN, OFFICIAL_MULTISCAN, 25)]


def official_classes(table: str) -> list[tuple[str, int, list[int]]]:
    entries = [entry.strip() for line in table.strip().splitlines() for entry in line.split(" / ")]
    parted = [entry.partition(":") for entry in entries]
    return [(head.split()[0], int(head.split()[1]), [int(raw) for raw in tail.split()]) for head, _, tail in parted]


@pytest.mark.parametrize(("label_map", "table", "classes"), MAPS)
def test_every_raw_id_has_its_official_class(label_map: LabelMap, table: str, classes: int) -> None:
    expected = dict.fromkeys([0, 1, 52, 99], 0)
    for train, (name, written, read) in enumerate(official_classes(table), start=1):
        assert label_map.names[train] == name
        assert label_map.train_to_raw[train] == written
        expected.update(dict.fromkeys(read, train))
    assert dict(label_map.raw_to_train) == expected
    assert label_map.classes == classes
    assert len(label_map.train_to_raw) == classes + 1


def test_both_tasks_know_the_same_raw_ids_and_tell_other_objects_apart() -> None:
    assert SEMANTICKITTI.raw_to_train.keys() == SEMANTICKITTI_MULTISCAN.raw_to_train.keys()
    for raw, train in SEMANTICKITTI_MULTISCAN.raw_to_train.items():
        single = SEMANTICKITTI.raw_to_train[raw]
        standing = SEMANTICKITTI_MULTISCAN.names[train].removeprefix("moving-")
        assert SEMANTICKITTI.names[single] == standing
    assert SEMANTICKITTI_MULTISCAN.hash != SEMANTICKITTI.hash


@given(hnp.arrays(np.int64, st.integers(0, 200), elements=st.integers(1, 25)))
def test_predictions_survive_the_way_to_raw_and_back(train: np.ndarray) -> None:
    for label_map in (SEMANTICKITTI, SEMANTICKITTI_MULTISCAN):
        known = train[train <= label_map.classes]
        raw = label_map.to_raw(known)
        assert raw.dtype == np.uint32
        np.testing.assert_array_equal(label_map.to_train(raw, "file"), known)


@given(
    hnp.arrays(np.uint32, 30, elements=st.sampled_from(sorted(SEMANTICKITTI.raw_to_train))),
    hnp.arrays(np.uint32, 30, elements=st.integers(0, 65535)),
)
def test_instances_do_not_change_a_class(raw: np.ndarray, instances: np.ndarray) -> None:
    train = SEMANTICKITTI.to_train(raw | instances << 16, "file")
    assert train.tolist() == [SEMANTICKITTI.raw_to_train[int(word)] for word in raw]


def test_unknown_raw_ids_are_named_with_their_counts() -> None:
    raw = np.array([10, 7, 300, 7, 40 | 5 << 16], dtype=np.uint32)
    with pytest.raises(HarnessError) as caught:
        SEMANTICKITTI.to_train(raw, "labels/000007.label")
    assert caught.value.where == "labels/000007.label"
    assert caught.value.found == "raw ids 7 (2 points), 300 (1 points)"
    assert "252" in caught.value.expected


def test_a_noisy_file_does_not_flood_the_message() -> None:
    with pytest.raises(HarnessError, match="and 190 more"):
        SEMANTICKITTI.to_train(np.arange(300, 500, dtype=np.uint32), "file")


@pytest.mark.parametrize("wrong", [0, -1, 20])
def test_only_scored_classes_are_written(wrong: int) -> None:
    with pytest.raises(HarnessError, match=f"train ids {wrong}; expected ids 1 to 19"):
        SEMANTICKITTI.to_raw(np.array([1, wrong, 3]), "08/000000")


def test_content_covers_all_points_once() -> None:
    assert sum(SEMANTICKITTI.content.values()) == pytest.approx(1.0, abs=2e-3)
    assert all(share > 0 for share in SEMANTICKITTI.content.values())
    assert set(SEMANTICKITTI.content) <= set(SEMANTICKITTI.raw_to_train)


def test_the_hash_names_the_content_and_survives_a_worker() -> None:
    assert SEMANTICKITTI.hash == "e8244f4671c9"
    SEMANTICKITTI.to_train(np.zeros(1, np.uint32), "file")
    pickled = pickle.dumps(SEMANTICKITTI)
    assert len(pickled) < 3000
    assert pickle.loads(pickled).hash == SEMANTICKITTI.hash
    assert pickle.loads(pickled).to_train(np.array([81], np.uint32), "file").tolist() == [19]
