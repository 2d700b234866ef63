"""Every loss against numbers frozen when it was first checked; run this file as a script to freeze them anew."""

import json
from pathlib import Path
from typing import get_args

import pytest
from kd_inputs import CONTEXT, batch_of, generators, output_of

from baselines.logit_kd import LogitKD, LogitKDSettings
from baselines.pvd import PVD, PVDSettings
from baselines.pvd.sampling import SupervoxelSampler
from baselines.pvd.settings import Sampler

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {
    "pvd": {
        "default": PVDSettings(),
        "capped": PVDSettings(points_per_block=3, voxels_per_block=2),
        "literal and dense": PVDSettings(padding="literal", reduction="dense", points_per_block=60),
        "student to teacher at 4": PVDSettings(direction="student_to_teacher", temperature=4.0),
        "labelled rows only": PVDSettings(labelled_only=True),
        "by distance": PVDSettings(sampler="distance", blocks=2),
        "by category": PVDSettings(sampler="category", blocks=2, minor_unit="points"),
        "at random": PVDSettings(sampler="random", blocks=2),
        "small blocks": PVDSettings(block_size=(60, 60, 8), minor_unit="classes"),
    },
    "logit_kd": {
        "default": LogitKDSettings(),
        "convex preset": LogitKDSettings(weight=0.9, supervised_weight=0.1),
        "labelled points": LogitKDSettings(rows="points", labelled_only=True, temperature=1.0),
    },
}
METHODS = {"pvd": PVD, "logit_kd": LogitKD}


def drawn_blocks() -> dict[str, list[list[int]]]:
    """The supervoxels each sampler draws for one made-up scan, by sampler and seed."""
    batch = batch_of([300], [150])
    found = {}
    for sampler in get_args(Sampler):
        drawer = SupervoxelSampler(PVDSettings(sampler=sampler), CONTEXT.class_counts)
        found[sampler] = [drawer.draw(batch, generators(1, seed)).blocks[0].tolist() for seed in range(6)]
    return found


def figures(name: str) -> dict[str, dict[str, float]]:
    """All terms of a method for two made-up scans, by case."""
    batch = batch_of([300, 200], [150, 120])
    student, teacher = output_of(batch, 4, 1.0), output_of(batch, 8, 2.0)
    found = {}
    for case, settings in CASES[name].items():
        terms = METHODS[name](settings, CONTEXT)(student, teacher, batch, generators(2))
        found[case] = {term: value.item() for term, value in terms.items()}
    return found


@pytest.mark.parametrize("name", METHODS)
def test_figures_have_not_moved(name):
    frozen = json.loads((GOLDEN / f"{name}.json").read_text())
    found = figures(name)
    assert list(found) == list(frozen)
    for case, terms in found.items():
        assert terms == pytest.approx(frozen[case], rel=1e-9), case


def test_blocks_have_not_moved():
    assert drawn_blocks() == json.loads((GOLDEN / "pvd_blocks.json").read_text())


if __name__ == "__main__":
    contents = {name: figures(name) for name in METHODS} | {"pvd_blocks": drawn_blocks()}
    for name, content in contents.items():
        fresh = GOLDEN / f"{name}.json.new"
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(GOLDEN / f"{name}.json")
