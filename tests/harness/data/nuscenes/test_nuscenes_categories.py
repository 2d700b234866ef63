from __future__ import annotations

from typing import Any

import pytest

from harness.data.nuscenes.categories import CLASS_OF, NAMES, read_label_map
from harness.errors import HarnessError


@pytest.fixture
def rows(write_set: Any) -> tuple[Any, list[dict[str, Any]]]:
    made = write_set()
    return made, made.tables["category"]


def test_classes_follow_the_names_whatever_their_index(rows: tuple[Any, list[dict[str, Any]]]) -> None:
    made, categories = rows
    label_map = read_label_map(made.folder)
    for row in categories:
        assert NAMES[label_map.raw_to_train[row["index"]]] == CLASS_OF[row["name"]]
    assert label_map.classes == 16
    assert label_map.train_to_raw == tuple(range(17))
    for row in categories:
        row["index"] = 255 - row["index"]
    made.write()
    other = read_label_map(made.folder)
    assert other.hash != label_map.hash
    assert {255 - index: train for index, train in other.raw_to_train.items()} == label_map.raw_to_train


def test_twenty_categories_are_scored() -> None:
    assert len(CLASS_OF) == 32
    assert sum(name != "ignored" for name in CLASS_OF.values()) == 20
    assert set(CLASS_OF.values()) == set(NAMES)


@pytest.mark.parametrize(
    ("change", "where", "found"),
    [
        (lambda rows: rows[3].pop("index"), "row 'vehicle.bus.rigid'", "no index"),
        (lambda rows: rows[3].update(name="vehicle.boat"), "row 'vehicle.boat'", "a category without a class"),
        (lambda rows: rows[3].update(name=rows[4]["name"]), "row 'vehicle.car'", "a second row with this name"),
        (lambda rows: rows[3].update(index=rows[2]["index"]), "row 'vehicle.bus.rigid'", "which vehicle.bus.bendy has"),
        (lambda rows: rows.pop(3), "category.json", "no category vehicle.bus.rigid (1 missing)"),
        (lambda rows: rows[3].update(index=256), "row 4, key index", "less than or equal to 255"),
        (lambda rows: rows[3].update(index="3"), "row 4, key index", "valid integer"),
        (lambda rows: rows.clear(), "category.json", "32 missing"),
    ],
)
def test_a_table_that_leaves_a_label_unclear_is_refused(
    rows: tuple[Any, list[dict[str, Any]]], change: Any, where: str, found: str
) -> None:
    made, categories = rows
    change(categories)
    made.write()
    with pytest.raises(HarnessError) as caught:
        read_label_map(made.folder)
    assert where in caught.value.where
    assert found in caught.value.found


def test_a_copy_without_categories_is_told_what_lacks(rows: tuple[Any, list[dict[str, Any]]]) -> None:
    made, _ = rows
    (made.folder / "category.json").unlink()
    with pytest.raises(HarnessError, match=r"category\.json: found 'No such file"):
        read_label_map(made.folder)
