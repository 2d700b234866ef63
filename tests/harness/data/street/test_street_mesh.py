import numpy as np
import pytest

from harness.data.street.classes import Material, Raw
from harness.data.street.draws import generator
from harness.data.street.mesh import box, cylinder, ellipsoid, merge
from harness.data.street.people import bicycle, bicyclist, motorcycle, motorcyclist, person
from harness.data.street.plants import bush, hedge, thicket, tree
from harness.data.street.roadworks import barrier, cone, excavator, trailer
from harness.data.street.vehicles import bendy_bus, bus, car, caravan, tractor, truck


def test_a_tapered_box_keeps_its_base_and_shrinks_its_top():
    corners = box((4, 2, 1), (0, 0, 0.5), Raw.CAR, top=(0.5, 0.5), shift=0.25).vertices
    low, high = corners[corners[:, 2] < 0.5], corners[corners[:, 2] > 0.5]
    assert np.abs(low[:, 0]).max() == 2
    assert (high[:, 0].min(), high[:, 0].max()) == (-0.75, 1.25)
    assert np.abs(high[:, 1]).max() == 0.5


@pytest.mark.parametrize("end", [(0, 0, 3), (2, 0, 0), (1, -2, 0.5)])
def test_a_cylinder_lies_about_its_axis(end):
    start = np.array([1.0, 2.0, 3.0])
    mesh = cylinder(0.4, tuple(start), tuple(start + end), Raw.POLE)
    axis = np.asarray(end) / np.linalg.norm(end)
    offset = mesh.vertices - start
    along = offset @ axis
    across = np.linalg.norm(offset - along[:, None] * axis, axis=1)
    assert along.min() == pytest.approx(0.0, abs=1e-9)
    assert along.max() == pytest.approx(np.linalg.norm(end))
    assert across.max() == pytest.approx(0.4)


def test_merging_keeps_every_triangle_and_its_class():
    parts = [box((1, 1, 1), (0, 0, 0), Raw.CAR, Material.GLASS), ellipsoid((1, 1, 1), (5, 0, 0), Raw.PERSON)]
    whole = merge([parts[0].with_instance(7), parts[1].placed((0, 0, 1), yaw=1.0, scale=2.0)])
    assert len(whole.faces) == sum(len(part.faces) for part in parts)
    assert np.array_equal(whole.vertices[whole.faces[:12]], parts[0].vertices[parts[0].faces])
    assert set(whole.labels.tolist()) == {int(Raw.CAR) | 7 << 16, int(Raw.PERSON)}
    assert len(merge([]).faces) == 0


@pytest.mark.parametrize(
    "model, raw, longest",
    [
        (car, Raw.CAR, 5.0), (truck, Raw.TRUCK, 9.5), (bus, Raw.BUS, 12.5), (bendy_bus, Raw.BENDY_BUS, 18.0),
        (caravan, Raw.TRAILER, 7.5), (tractor, Raw.OTHER_VEHICLE, 4.0), (trailer, Raw.TRAILER, 4.5),
        (excavator, Raw.CONSTRUCTION_VEHICLE, 4.5), (barrier, Raw.BARRIER, 1.6), (cone, Raw.TRAFFIC_CONE, 0.5),
        (person, Raw.PERSON, 1.0), (bicycle, Raw.BICYCLE, 2.0), (motorcycle, Raw.MOTORCYCLE, 2.2),
        (bicyclist, Raw.BICYCLIST, 2.0), (motorcyclist, Raw.MOTORCYCLIST, 2.2),
    ],
)  # fmt: skip
def test_things_are_of_one_class_stand_on_the_ground_and_have_their_size(model, raw, longest):
    for seed in range(5):
        mesh = model(generator(seed, "model"))
        assert set(mesh.labels.tolist()) == {int(raw)}
        assert -0.05 < mesh.vertices[:, 2].min() < 0.25
        assert np.ptp(mesh.vertices[:, 0]) < longest


def test_plants_have_crowns_and_trees_have_trunks():
    rng = generator(0, "plants")
    assert set(tree(rng).labels.tolist()) == {int(Raw.TRUNK), int(Raw.VEGETATION)}
    for plant in (bush(rng), hedge(rng, 10.0, 1.5, 0.8), thicket(rng, 20.0, 5.0, 6.0)):
        assert set(plant.labels.tolist()) == {int(Raw.VEGETATION)}
        assert plant.vertices[:, 2].max() > 0.5
