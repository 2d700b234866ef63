import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.holm import holm

p_values = st.lists(st.floats(0, 1), max_size=8)


def step_down(ps: list[float], level: float) -> list[bool]:
    """Holm's own words: the smallest p against level/m, the next against level/(m − 1), until one fails."""
    rejected = [False] * len(ps)
    left = sorted(range(len(ps)), key=lambda i: ps[i])
    while left and ps[left[0]] * len(left) <= level:
        rejected[left.pop(0)] = True
    return rejected


@given(p_values, st.floats(0.001, 0.999))
def test_an_adjusted_p_is_the_least_level_at_which_the_procedure_rejects(ps: list[float], level: float) -> None:
    adjusted = holm(ps)
    if all(abs(p - level) > 1e-9 for p in adjusted):
        assert [p <= level for p in adjusted] == step_down(ps, level)


@pytest.mark.parametrize(
    "ps, expected",
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.0001, 0.0004, 0.0019, 0.0095, 0.0201], [0.0005, 0.0016, 0.0057, 0.019, 0.0201]),
        ([0.6, 0.5, 0.9], [1.0, 1.0, 1.0]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_worked_examples(ps: list[float], expected: list[float]) -> None:
    assert holm(ps) == pytest.approx(expected)


@given(p_values)
def test_no_p_gets_smaller_and_order_stays(ps: list[float]) -> None:
    adjusted = holm(ps)
    assert all(p <= q <= 1 for p, q in zip(ps, adjusted, strict=True))
    in_order = [adjusted[i] for i in sorted(range(len(ps)), key=lambda i: ps[i])]
    assert in_order == sorted(in_order)
