import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.data.street.classes import MOVING, Raw, standing, to_semantickitti
from harness.data.street.nuscenes_labels import CATEGORIES, to_nuscenes

NAMES = list(CATEGORIES)


def in_nuscenes(raw):
    return NAMES[int(to_nuscenes(np.array([int(raw) | 7 << 16], np.uint32))[0])]


def in_semantickitti(raw):
    return int(to_semantickitti(np.array([int(raw) | 7 << 16], np.uint32))[0])


@pytest.mark.parametrize("raw", Raw)
def test_every_class_has_an_official_id_in_both_data_sets(raw):
    found = in_semantickitti(raw)
    assert found >> 16 == 7
    assert found & 0xFFFF in SEMANTICKITTI.raw_to_train
    assert raw > 299 or found & 0xFFFF == raw
    assert in_nuscenes(raw) in CATEGORIES


@pytest.mark.parametrize(
    "raw, kitti, nuscenes",
    [
        (Raw.BARRIER, 99, "movable_object.barrier"),
        (Raw.TRAFFIC_CONE, 99, "movable_object.trafficcone"),
        (Raw.CONSTRUCTION_VEHICLE, 20, "vehicle.construction"),
        (Raw.TRAILER, 20, "vehicle.trailer"),
        (Raw.BENDY_BUS, 13, "vehicle.bus.bendy"),
        (Raw.MOVING_BENDY_BUS, 257, "vehicle.bus.bendy"),
        (Raw.CHILD, 30, "human.pedestrian.child"),
        (Raw.BICYCLIST, 31, "vehicle.bicycle"),
        (Raw.LANE_MARKING, 60, "flat.driveable_surface"),
        (Raw.TRUNK, 71, "static.vegetation"),
        (Raw.OUTLIER, 1, "noise"),
    ],
)
def test_finer_kinds_go_where_each_data_set_puts_them(raw, kitti, nuscenes):
    assert in_semantickitti(raw) & 0xFFFF == kitti
    assert in_nuscenes(raw) == nuscenes


@pytest.mark.parametrize("raw", MOVING)
def test_what_moves_is_of_the_same_category_as_what_stands(raw):
    assert in_nuscenes(MOVING[raw]) == in_nuscenes(raw)
    assert standing(MOVING[raw]) == standing(raw)
