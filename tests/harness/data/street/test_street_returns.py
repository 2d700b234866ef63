import numpy as np
import pytest

from harness.data.street.classes import Material, Raw
from harness.data.street.draws import generator
from harness.data.street.hdl64e import HDL64E, rays
from harness.data.street.returns import loss_probability, measure

TURN = rays(180)


def echo(raw, range_m, cosine=0.5, material=Material.MATTE, key=0):
    count = len(TURN.ring)
    return measure(
        TURN, np.full(count, range_m, np.float32), np.full(count, cosine, np.float32),
        np.full(count, int(raw) | 5 << 16, np.uint32), np.full(count, int(material), np.uint8), generator(0, key),
    )  # fmt: skip


def spread(scan):
    origins = np.where(scan.ring < 32, 0.21, 0.12)
    return np.linalg.norm(scan.points[:, :3] - np.stack([0 * origins, 0 * origins, origins], 1), axis=1)


def test_ranges_scatter_by_a_centimetre_in_steps_of_two_millimetres():
    ranges = spread(echo(Raw.BUILDING, 12.0))
    assert ranges.mean() == pytest.approx(12.0, abs=0.002)
    assert ranges.std() == pytest.approx(0.01, abs=0.002)
    assert np.abs(ranges / 0.002 - np.round(ranges / 0.002)).max() < 0.02


def test_foliage_scatters_inwards():
    ranges = spread(echo(Raw.VEGETATION, 12.0))
    assert ranges.mean() > 12.2
    assert ranges.max() < 13.5


def test_nothing_comes_from_beyond_80_metres_or_from_nowhere():
    assert len(echo(Raw.BUILDING, HDL64E.max_range_m + 0.1).points) == 0
    assert len(echo(Raw.BUILDING, np.inf).points) == 0


def test_loss_grows_with_range_grazing_incidence_and_glass():
    def loss(range_m, cosine, material=Material.MATTE):
        return float(loss_probability(np.array([range_m]), np.array([cosine]), np.array([int(material)]), HDL64E)[0])

    assert loss(10.0, 0.5) < 0.02
    assert loss(75.0, 0.5) > 0.2
    assert loss(10.0, 0.01) > 0.2
    assert loss(10.0, 0.5, Material.GLASS) > 0.7
    kept = len(echo(Raw.CAR, 10.0, material=Material.GLASS).points) / len(TURN.ring)
    assert kept == pytest.approx(1 - loss(10.0, 0.5, Material.GLASS), abs=0.02)


def test_instances_stay_and_what_is_far_is_left_unlabelled():
    assert set((echo(Raw.CAR, 49.0).labels >> 16).tolist()) == {5}
    assert set(echo(Raw.CAR, 51.0).labels.tolist()) == {0}
    assert set(echo(Raw.VEGETATION, 60.0).labels.tolist()) == {0}


def test_some_ground_echoes_become_outliers_below_the_ground():
    scans = [echo(Raw.ROAD, 10.0, key=key) for key in range(20)]
    labels = np.concatenate([scan.labels for scan in scans])
    ranges = np.concatenate([spread(scan) for scan in scans])
    outlier = labels == int(Raw.OUTLIER)
    assert 0 < outlier.sum() < 0.001 * len(labels)
    assert ranges[outlier].min() > 15
    assert ranges[~outlier].max() < 10.1
