"""Every loss against numbers frozen when it was first checked; run this file as a script to freeze them anew."""

import json
from pathlib import Path
from typing import get_args

import pytest
from kd_inputs import batch_of, context_of, generators, output_of, wave

from baselines.method import Method
from baselines.pvd import PVDSettings
from baselines.pvd.sampling import SupervoxelSampler
from baselines.pvd.settings import Sampler
from baselines.registry import SHIPPED, load_method

GOLDEN = Path(__file__).parents[1] / "golden"
CONTEXT = context_of(4, 8)
CASES = {
    "pvd": {
        "default": {},
        "capped": {"points_per_block": 3, "voxels_per_block": 2},
        "literal and dense": {"padding": "literal", "reduction": "dense", "points_per_block": 60},
        "student to teacher at 4": {"direction": "student_to_teacher", "temperature": 4.0},
        "labelled rows only": {"labelled_only": True},
        "by distance": {"sampler": "distance", "blocks": 2},
        "by category": {"sampler": "category", "blocks": 2, "minor_unit": "points"},
        "at random": {"sampler": "random", "blocks": 2},
        "small blocks": {"block_size": (60, 60, 8), "minor_unit": "classes"},
    },
    "logit_kd": {
        "default": {},
        "convex preset": {"weight": 0.9, "supervised_weight": 0.1},
        "labelled points": {"rows": "points", "labelled_only": True, "temperature": 1.0},
    },
    "fitnets": {
        "default": {},
        "literal": {"normalised": False, "scaled": False},
        "two hints": {"stages": ["up1", "down1"], "weight": 10.0},
    },
    "attention_transfer": {
        "default": {},
        "sum of one stage": {"reduction": "sum", "stages": ["down2"]},
        "fourth powers": {"power": 4},
    },
    "skd": {
        "default": {},
        "for SGD": {"pixel_weight": 1.0},
        "means and labelled rows": {"pool": "mean", "labelled_only": True},
        "pairs of small blocks": {"block_size": (30, 15, 2), "pixel_weight": 0.0},
        "published proportions": {"pixel_weight": 1.0, "pair_weight": 0.1, "supervised_weight": 0.1},
    },
    "cwd": {
        "default": {},
        "labelled rows at 1": {"labelled_only": True, "temperature": 1.0},
        "features": {"logits_weight": 0.0, "feature_weight": 2.0, "stages": ["down1", "up1"]},
        "logits and features": {"stages": None},
    },
    "ifv": {
        "default": {},
        "similarities alone": {"logits_weight": 0.0, "weight": 2.0},
        "labelled logits at 4": {"labelled_only": True, "temperature": 4.0},
    },
    "ka": {
        "default": {},
        "maxima and a small code": {"pool": "max", "code_channels": 3},
        "sparse, without affinity": {"sparsity": 0.1, "affinity_weight": 0.0},
        "fixed encoder": {"reconstruction_weight": 0.0, "block_size": (60, 30, 8)},
    },
    "sum": {
        "two": {"methods": [{"name": "logit_kd"}, {"name": "fitnets", "settings": {"weight": 10.0}}]},
        "three": {"methods": [{"name": "pvd"}, {"name": "ifv"}, {"name": "ka"}]},
    },
}


def built(name: str, settings: dict[str, object]) -> Method:
    """A method whose adapters have fixed weights, in float64."""
    kind = load_method(name)
    method = kind(kind.Settings.model_validate(settings), CONTEXT).double()
    for place, parameter in enumerate(method.parameters()):
        parameter.data = wave(tuple(parameter.shape), place, 0.5)
    return method


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
        terms = built(name, settings)(student, teacher, batch, generators(2))
        found[case] = {term: value.item() for term, value in terms.items()}
    return found


def test_every_method_has_frozen_numbers():
    assert set(CASES) == set(SHIPPED) - {"none"}


@pytest.mark.parametrize("name", CASES)
def test_figures_have_not_moved(name):
    frozen = json.loads((GOLDEN / f"{name}.json").read_text())
    found = figures(name)
    assert list(found) == list(frozen)
    for case, terms in found.items():
        assert terms == pytest.approx(frozen[case], rel=1e-9), case


def test_blocks_have_not_moved():
    assert drawn_blocks() == json.loads((GOLDEN / "pvd_blocks.json").read_text())


if __name__ == "__main__":
    contents = {name: figures(name) for name in CASES} | {"pvd_blocks": drawn_blocks()}
    for name, content in contents.items():
        fresh = GOLDEN / f"{name}.json.new"
        fresh.write_text(json.dumps(content, indent=2) + "\n")
        fresh.replace(GOLDEN / f"{name}.json")
