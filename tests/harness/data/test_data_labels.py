from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.labels import SEMANTICKITTI
from harness.errors import HarnessError

# The official single-scan table, class by class: what is written first, then all that is read.
OFFICIAL = """
car 10: 10 252 / bicycle 11: 11 / motorcycle 15: 15 / truck 18: 18 258 / other-vehicle 20: 13 16 20 256 257 259
person 30: 30 254 / bicyclist 31: 31 253 / motorcyclist 32: 32 255 / road 40: 40 60 / parking 44: 44
sidewalk 48: 48 / other-ground 49: 49 / building 50: 50 / fence 51: 51 / vegetation 70: 70 / trunk 71: 71
terrain 72: 72 / pole 80: 80 / traffic-sign 81: 81
"""


def official_classes() -> list[tuple[str, int, list[int]]]:
    entries = [entry.strip() for line in OFFICIAL.strip().splitlines() for entry in line.split(" / ")]
    parted = [entry.partition(":") for entry in entries]
    return [(head.split()[0], int(head.split()[1]), [int(raw) for raw in tail.split()]) for head, _, tail in parted]


def test_every_raw_id_has_its_official_class() -> None:
    expected = dict.fromkeys([0, 1, 52, 99], 0)
    for train, (name, written, read) in enumerate(official_classes(), start=1):
        assert SEMANTICKITTI.names[train] == name
        assert SEMANTICKITTI.train_to_raw[train] == written
        expected.update(dict.fromkeys(read, train))
    assert dict(SEMANTICKITTI.raw_to_train) == expected
    assert SEMANTICKITTI.classes == 19


@given(hnp.arrays(np.int64, st.integers(0, 200), elements=st.integers(1, 19)))
def test_predictions_survive_the_way_to_raw_and_back(train: np.ndarray) -> None:
    raw = SEMANTICKITTI.to_raw(train)
    assert raw.dtype == np.uint32
    np.testing.assert_array_equal(SEMANTICKITTI.to_train(raw, "file"), train)


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
    assert pickle.loads(pickle.dumps(SEMANTICKITTI)).hash == SEMANTICKITTI.hash
