from __future__ import annotations

import math

import hypothesis.strategies as st
from hypothesis import given

from harness.report.flat import as_text, flat_data, flat_method, flat_network, flatten, merge
from harness.spec import BackboneSpec, MethodSpec

FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(FLOATS, FLOATS)
def test_two_numbers_have_two_texts(one: float, other: float) -> None:
    assert (as_text(one) == as_text(other)) == (one == other and math.copysign(1, one) == math.copysign(1, other))


def test_leaves_have_dotted_keys() -> None:
    nested = {"a": {"b": 1.0, "c": {"d": None}}, "e": ["x", 0.5], "f": True}
    assert dict(flatten(nested, "top.")) == {"top.a.b": "1", "top.a.c.d": "none", "top.e": "[x, 0.5]", "top.f": "True"}


def test_a_method_has_its_settings_and_its_source() -> None:
    own = MethodSpec(name="own:Mine", settings={"weight": 2.0}, source="ab12")
    assert flat_method(own) == {"source": "ab12", "weight": "2"}
    parts = [{"name": "pvd", "settings": {"a": 1}}, {"name": "own:Mine", "settings": {"a": 2}}]
    assert flat_method(MethodSpec(name="sum", settings={"methods": parts})) == {"pvd.a": "1", "Mine.a": "2"}


def test_a_network_has_its_grid_and_settings() -> None:
    grid = BackboneSpec(name="cylinder3d", width=1, voxel_size_m=None, classes=19, settings={"grid": [4, 3, 2]})
    assert flat_network(grid) == {
        "network": "cylinder3d",
        "network.width": "1",
        "network.voxel_size_m": "of its own",
        "network.settings.grid": "[4, 3, 2]",
    }


def test_data_are_told_by_content(spec) -> None:
    told = flat_data(spec(dataset={"partial": True, "skipped": ("08/000001",), "settings": {"past": 2}}).dataset)
    assert told["data.manifest"] == "a1b2c3d4e5f6a7b8"
    assert (told["data.scans.train"], told["data.scans.val"]) == ("40 of 19130", "10 of 4071")
    assert (told["data.skipped"], told["data.settings.past"], told["data.partial"]) == ("[08/000001]", "2", "True")


def test_what_cells_do_not_agree_on_has_all_values() -> None:
    assert merge([{"a": "2", "b": "1"}, {"a": "1", "b": "1"}, {"c": "3"}]) == {"a": "1 or 2", "b": "1", "c": "3"}
    assert merge([]) == {}
