from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from backbones.voxelize import VoxelBatch
from baselines.pvd.sampling import SupervoxelSample, SupervoxelSampler
from baselines.pvd.settings import PVDSettings
from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.data.loader import TrainingScans, load_batches
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.inspect.sampling import view_sampling
from harness.inspect.training_scan import training_set, training_voxels
from harness.inspect.view import SamplingView, TrainingMoment
from harness.spec import Augmentation, CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.train.learner import Learner, build_network, network_voxelizer

WriteSequences = Callable[..., Path]

RAW_IDS = (40,) * 120 + (50,) * 70 + (71, 80, 0)
"""Road and building, and one in 190 labelled points each a trunk or a pole."""
MOMENT = TrainingMoment(seed=3, epoch=2, voxel_size_m=0.5)


@pytest.fixture
def dataset(write_sequences: WriteSequences) -> SemanticKitti:
    return SemanticKitti(write_sequences({"00": 4, "08": 1}, points=900, raw_ids=RAW_IDS))


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """The plain loops that the method's own tests compare with."""
    path = Path(__file__).parents[2] / "baselines/pvd_reference.py"
    spec = importlib.util.spec_from_file_location("pvd_reference_of_inspect", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seen(dataset: SemanticKitti, epochs: int = 1, moment: TrainingMoment = MOMENT, **settings: Any) -> SamplingView:
    voxels = training_voxels(dataset, "00/000001", moment)
    return view_sampling(voxels, PVDSettings(**settings), training_set(dataset), moment, epochs)


def expected_probabilities(reference: ModuleType, voxels: VoxelBatch, rare: set[int], sampler: str) -> np.ndarray:
    assert voxels.labels is not None
    xyz = voxels.xyz.tolist()
    return reference.probabilities(xyz, reference.minor_count(xyz, voxels.labels, rare, distinct=False), sampler)


@pytest.mark.parametrize("sampler", ["difficulty", "distance", "category", "random"])
def test_probabilities_equal_the_reference(dataset: SemanticKitti, reference: ModuleType, sampler: str) -> None:
    view, voxels = seen(dataset, sampler=sampler), training_voxels(dataset, "00/000001", MOMENT)
    assert view.minority_classes[-2:] == ("pole", "traffic-sign")
    assert "trunk" in view.minority_classes
    assert not {"road", "building", "ignored"} & set(view.minority_classes)
    rare = {dataset.label_map.names.index(name) for name in view.minority_classes}
    expected = expected_probabilities(reference, voxels, rare, sampler)
    found = np.zeros(96)
    for one in view.supervoxels:
        found[one.block] = one.probability
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_supervoxel_says_what_it_holds(dataset: SemanticKitti, reference: ModuleType) -> None:
    view, voxels = seen(dataset), training_voxels(dataset, "00/000001", MOMENT)
    assert voxels.labels is not None
    blocks = [reference.block_of(*position) for position in voxels.xyz.tolist()]
    points = Counter(reference.block_of(*position) for position in voxels.points.xyz.tolist())
    names = [dataset.label_map.names[label] for label in voxels.labels.tolist()]
    assert [one.block for one in view.supervoxels] == sorted({reference.flat(block) for block in blocks})
    for one in view.supervoxels:
        here = (one.ring - 1, one.sector - 1, one.layer - 1)
        rare = Counter(
            name for name, block in zip(names, blocks, strict=True) if block == here and name in view.minority_classes
        )
        assert one.block == reference.flat(here)
        assert (one.points, one.voxels) == (points[here], blocks.count(here))
        assert (one.n_minor, one.minority_voxels) == (sum(rare.values()), dict(rare))
        assert one.outer_arc_m == pytest.approx(one.ring * 120 * 50 / 479)
    assert any(one.minority_voxels for one in view.supervoxels)


def test_the_blocks_are_those_of_a_training_step(dataset: SemanticKitti, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of a real learner, two scans to a batch, with its own draws recorded on the way."""
    backbone = resolve_backbone(BackboneConfig(voxel_size_m=MOMENT.voxel_size_m), 0.0625, 19, "test")
    spec = CellSpec(
        role="student",
        dataset=DatasetSpec(
            name="semantickitti",
            manifest="m",
            label_map="l",
            synthetic=True,
            partial=False,
            scans={},
            official_scans={},
        ),
        backbone=backbone,
        method=MethodSpec(name="pvd"),
        recipe=RecipeSpec(),
        seed=MOMENT.seed,
        engine="portable",
    )
    drawn: dict[str, list[int]] = {}
    draw = SupervoxelSampler.draw

    def recorded(self: SupervoxelSampler, batch: VoxelBatch, draws: list[torch.Generator]) -> SupervoxelSample:
        sample = draw(self, batch, draws)
        drawn.update(zip(batch.points.scan_ids, sample.blocks.tolist(), strict=True))
        return sample

    monkeypatch.setattr(SupervoxelSampler, "draw", recorded)
    data = training_set(dataset)
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), Augmentation(), MOMENT.seed)
    learner = Learner(
        spec, tuple(data.class_points.values()), build_network(backbone, "portable", 1), torch.device("cpu")
    )
    for batch in load_batches(scans, [MOMENT.epoch], 2, network_voxelizer(backbone), 0, 0):
        learner.step(batch, learning_rate=0.001)
    assert len(drawn) == 4
    for scan_id, blocks in drawn.items():
        view = view_sampling(training_voxels(dataset, scan_id, MOMENT), PVDSettings(), data, MOMENT)
        assert [one.block for one in view.sampled] == blocks
        assert [one.drawn for one in view.sampled] == [1, 2, 3, 4]


def test_draws_of_many_epochs_follow_the_probabilities(dataset: SemanticKitti) -> None:
    epochs = 3000
    view, alone = seen(dataset, epochs), seen(dataset)
    assert [one.block for one in view.sampled] == [one.block for one in alone.sampled]
    first = [one.epochs_first for one in view.supervoxels]
    assert chisquare(first, [one.probability * epochs for one in view.supervoxels]).pvalue > 1e-3
    assert sum(one.epochs_sampled for one in view.supervoxels) == 4 * epochs


def test_epochs_are_counted_from_the_one_shown_on(dataset: SemanticKitti) -> None:
    here = MOMENT.model_copy(update={"augmentation": None})
    each = [seen(dataset, moment=here.model_copy(update={"epoch": here.epoch + ahead})) for ahead in range(3)]
    expected = Counter(one.block for view in each for one in view.sampled)
    together = seen(dataset, 3, moment=here)
    assert {one.block: one.epochs_sampled for one in together.supervoxels if one.epochs_sampled} == expected
    assert together.sampled[0].epochs_first >= 1
    assert len({view.sampled[0].block for view in each}) > 1


def test_shares_are_of_the_supervoxels_and_of_the_chance(dataset: SemanticKitti) -> None:
    view = seen(dataset)
    for groups in (view.by_ring, view.by_minority):
        assert sum(group.supervoxels for group in groups) == len(view.supervoxels)
        assert sum(group.share for group in groups) == pytest.approx(1)
        assert sum(group.chance for group in groups) == pytest.approx(1)
    outer = [one.probability for one in view.supervoxels if one.ring == 4]
    assert (view.by_ring[3].supervoxels, view.by_ring[3].chance) == (len(outer), pytest.approx(sum(outer)))
    rare = [one.probability for one in view.supervoxels if one.n_minor]
    assert view.by_minority[1].group == "with"
    assert view.by_minority[1].chance == pytest.approx(sum(rare))
    assert view.by_minority[1].chance > view.by_minority[1].share
    equal = seen(dataset, sampler="random")
    assert all(group.chance == pytest.approx(group.share) for group in (*equal.by_ring, *equal.by_minority))


@pytest.mark.parametrize(
    "size, shape", [((480, 360, 32), (1, 1, 1)), ((60, 60, 4), (8, 6, 8)), ((7, 11, 5), (69, 33, 7))]
)
def test_other_block_sizes(dataset: SemanticKitti, size: tuple[int, int, int], shape: tuple[int, int, int]) -> None:
    view = seen(dataset, block_size=size)
    assert view.shape == shape
    assert tuple(len(edges) - 1 for edges in view.edges.values()) == shape
    assert view.edges["sector_rad"][-1] == pytest.approx(np.pi)
    assert view.edges["ring_m"][-1] == max(one.outer_arc_m for one in view.supervoxels) == pytest.approx(50 * 480 / 479)
    for one in view.supervoxels:
        assert all(1 <= number <= most for number, most in zip((one.ring, one.sector, one.layer), shape, strict=True))
    assert sum(one.probability for one in view.supervoxels) == pytest.approx(1)
    assert len(view.sampled) == min(4, len(view.supervoxels))


def test_more_blocks_than_are_occupied_take_all(dataset: SemanticKitti) -> None:
    view = seen(dataset, blocks=200)
    assert len(view.sampled) == len(view.supervoxels) < 96
    assert sorted(one.block for one in view.sampled) == [one.block for one in view.supervoxels]


def test_a_grid_beyond_memory_is_refused(dataset: SemanticKitti) -> None:
    with pytest.raises(HarnessError, match="larger block_size"):
        seen(dataset, grid=(10_000, 10_000, 1000), block_size=(1, 1, 1))


def test_a_view_survives_json(dataset: SemanticKitti) -> None:
    view = seen(dataset)
    assert SamplingView.model_validate_json(view.model_dump_json()) == view


@pytest.mark.real
def test_a_real_scan(real_root: Path, reference: ModuleType) -> None:
    dataset = SemanticKitti(real_root, partial=True)
    moment = TrainingMoment(augmentation=None)
    voxels = training_voxels(dataset, "00/000000", moment)
    view = view_sampling(voxels, PVDSettings(), training_set(dataset), moment)
    rare = {dataset.label_map.names.index(name) for name in view.minority_classes}
    assert {"trunk", "pole", "person", "traffic-sign"} <= set(view.minority_classes)
    expected = expected_probabilities(reference, voxels, rare, "difficulty")
    assert len(view.supervoxels) == np.count_nonzero(expected) == 65
    np.testing.assert_allclose([one.probability for one in view.supervoxels], expected[expected > 0], rtol=1e-12)
    assert view.by_minority[1].chance > view.by_minority[1].share + 0.2
    assert view.by_ring[3].chance > view.by_ring[3].share > 0
    assert view.by_ring[0].chance < view.by_ring[0].share
