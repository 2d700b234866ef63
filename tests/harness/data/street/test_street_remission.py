import numpy as np
import pytest

from harness.data.street.classes import Material, Raw
from harness.data.street.draws import generator
from harness.data.street.remission import remission

REAL = {
    Raw.ROAD: (0.25, 0.10), Raw.SIDEWALK: (0.29, 0.09), Raw.BUILDING: (0.36, 0.15), Raw.FENCE: (0.30, 0.15),
    Raw.VEGETATION: (0.30, 0.14), Raw.TRUNK: (0.34, 0.15), Raw.TERRAIN: (0.34, 0.10), Raw.PERSON: (0.41, 0.15),
    Raw.POLE: (0.22, 0.20), Raw.CAR: (0.12, 0.19),
}  # fmt: skip


def draw(raw, material=Material.MATTE, cosine=0.45, range_m=15.0, count=20000):
    rng = generator(0, "remission", int(raw))
    return remission(
        np.full(count, int(raw)), np.full(count, int(material)), np.full(count, cosine, np.float32),
        np.full(count, range_m, np.float32), rng,
    )  # fmt: skip


@pytest.mark.parametrize("raw", REAL)
def test_every_class_has_its_mean_and_deviation(raw):
    value, (mean, deviation) = draw(raw), REAL[raw]
    assert value.mean() == pytest.approx(mean, abs=0.04)
    assert value.std() == pytest.approx(deviation, abs=0.05)


def test_values_are_those_a_file_may_hold():
    value = draw(Raw.TRAFFIC_SIGN, Material.RETROREFLECTIVE)
    assert value.dtype == np.float32
    assert value.min() >= 0
    assert value.max() <= np.float32(0.99)
    assert np.allclose(value, np.round(value, 2), atol=1e-6)


def test_steep_and_near_is_brighter_than_grazing_and_far_and_glass_is_dark():
    assert draw(Raw.ROAD, cosine=0.9, range_m=5.0).mean() > draw(Raw.ROAD, cosine=0.05, range_m=40.0).mean() + 0.03
    assert draw(Raw.CAR, Material.GLASS).mean() < draw(Raw.CAR).mean()
