from __future__ import annotations

import pytest

from backbones.sparse.geometry import Geometry, triple


def test_offsets_have_x_slowest_and_z_fastest() -> None:
    assert Geometry((1, 3, 2)).offsets() == [(0, -1, 0), (0, -1, 1), (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)]


def test_only_odd_submanifold_kernels_have_an_identity() -> None:
    assert Geometry((3, 1, 3)).identity == 4
    assert Geometry((3, 2, 3)).identity == -1
    assert Geometry((3, 3, 3), (2, 2, 2), "window").identity == -1


def test_extents_are_divided_rounding_up() -> None:
    assert Geometry((3, 3, 3), (2, 2, 1), "window").coarsen((45, 120, 8)) == (23, 60, 8)


@pytest.mark.parametrize("size", [0, (1, 2), (3, 0, 3), (1, 1, 1, 1)])
def test_sizes_are_positive_and_per_axis(size: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="kernel_size must be"):
        triple(size, "kernel_size")


def test_unknown_rules_and_strided_submanifolds_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown rule 'ceil'"):
        Geometry((2, 2, 2), (2, 2, 2), "ceil")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride 1"):
        Geometry((3, 3, 3), (2, 1, 1))
