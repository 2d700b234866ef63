import numpy as np

from harness.data.street.classes import Raw
from harness.data.street.draws import generator
from harness.data.street.ground import Side, bands
from harness.data.street.plot import Plot
from harness.data.street.sites import site

SIDE = Side(bands((4.0, Raw.ROAD, 0.0, 0.0), (2.0, Raw.SIDEWALK, 0.12, 0.0), (1.0, Raw.TERRAIN, 0.1, 0.05)), 0.0)


def furnished(sign, turn):
    plot = Plot(100.0, sign, SIDE, generator(0, turn, sign), 50)
    site(plot, turn)
    return plot


def test_roadworks_and_trailers_take_turns_on_the_left():
    kinds = [
        {label & 0xFFFF for mesh in furnished(1, turn).meshes for label in mesh.labels.tolist()} for turn in range(5)
    ]
    works = {Raw.CONSTRUCTION_VEHICLE, Raw.BARRIER, Raw.TRAFFIC_CONE}
    assert kinds == [works, set(), {Raw.TRAILER}, set(), works]
    assert all(not furnished(-1, turn).meshes for turn in range(4))


def test_they_stand_between_kerb_and_land_where_nothing_else_is_put():
    for turn in range(0, 40, 2):
        plot = furnished(1, turn)
        corners = np.concatenate([mesh.vertices for mesh in plot.meshes])
        assert corners[:, 1].min() >= 4.0
        assert corners[:, 1].max() <= 6.05
        assert corners[:, 0].min() > 100.0
        assert corners[:, 0].max() < 100.0 + plot.free_from_m + 0.5
        assert -0.1 < corners[:, 2].min() < 0.2


def test_only_vehicles_have_an_instance():
    for turn in (0, 2):
        for mesh in furnished(1, turn).meshes:
            vehicle = mesh.labels[0] & 0xFFFF in (Raw.CONSTRUCTION_VEHICLE, Raw.TRAILER)
            assert set((mesh.labels >> 16).tolist()) == ({50} if vehicle else {0})
