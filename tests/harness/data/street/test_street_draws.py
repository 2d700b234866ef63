import numpy as np
import pytest

from harness.data.street.draws import generator, lattice_normal


def test_a_generator_is_a_function_of_its_key():
    assert np.array_equal(generator(3, "00", 5).random(4), generator(3, "00", 5).random(4))


@pytest.mark.parametrize(
    "other",
    [
        (4, "00", 5),
        (3, "01", 5),
        (3, "00", 6),
        (
            3,
            "005",
        ),
        (3, "00", "5"),
    ],
)
def test_other_keys_draw_other_numbers(other):
    assert not np.array_equal(generator(3, "00", 5).random(4), generator(*other).random(4))


def test_lattice_values_look_normal_and_do_not_depend_on_the_array_they_are_asked_in():
    rows, columns = np.arange(-50, 50)[:, None], np.arange(-300, 300)[None, :]
    field = lattice_normal(rows, columns, 7)
    assert field[3, 4] == lattice_normal(np.array([-47]), np.array([-296]), 7)[0]
    assert abs(field.mean()) < 0.02
    assert field.std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.corrcoef(field[:-1].ravel(), field[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]) < 0.02
