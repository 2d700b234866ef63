from __future__ import annotations

import json
import os
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch

from harness.config.models import BackboneConfig
from harness.config.resolve import resolve_backbone
from harness.data.loader import TrainingScans
from harness.data.semantickitti import SemanticKitti
from harness.spec import BackboneSpec, CellSpec, DatasetSpec, MethodSpec, RecipeSpec
from harness.train.learner import build_network, network_voxelizer
from harness.train.loop import Teacher, TrainingJob, TrainingStep, train, training_result

DATASET = DatasetSpec(
    name="semantickitti", manifest="m", label_map="l", synthetic=True, partial=False, scans={}, official_scans={}
)
COUNTS = (10, *range(1, 20))
GRIDS = {
    "minkowskinet": {"voxel_size_m": 4.0},
    "spvnas": {"voxel_size_m": 4.0},
    "cylinder3d": {"settings": {"grid": [12, 10, 8], "point_mlp": "scaled"}},
}


def make_job(
    root: Path,
    folder: Path,
    method: str = "none",
    workers: int = 0,
    name: str = "minkowskinet",
    method_settings: dict[str, object] | None = None,
    **recipe,
) -> TrainingJob:
    """A job on the random scans of `root`: a tiny network, three epochs."""
    settings = {"epochs": 3, "batch_size": 2, "optimizer": "adam", "learning_rate": 0.01, **recipe}
    config = BackboneConfig.model_validate({"name": name, **GRIDS[name]})
    backbone = resolve_backbone(config, 0.0625, 19, "test")
    teacher = None
    if method != "none":
        teacher = Teacher(build_network(backbone.model_copy(update={"width": 0.125}), "portable", 1), "t")
    spec = CellSpec(
        role="student",
        dataset=DATASET,
        backbone=backbone,
        method=MethodSpec(name=method, settings=method_settings or {}),
        recipe=RecipeSpec(**settings),
        seed=3,
        engine="portable",
    )
    dataset = SemanticKitti(root)
    scans = TrainingScans(dataset, tuple(dataset.scan_ids("train")), spec.recipe.augmentation, spec.seed)
    folder.mkdir(parents=True, exist_ok=True)
    return TrainingJob(
        spec=spec,
        scans=scans,
        voxelize=network_voxelizer(backbone),
        class_counts=COUNTS,
        teacher=teacher,
        folder=folder,
        device=torch.device("cpu"),
        workers=workers,
    )


def run(job: TrainingJob, stop_at: int | None = None) -> bytes:
    """Train, killed after `stop_at` steps of this sitting if given; return the bytes of the weights."""
    done = 0

    def on_step(step: TrainingStep) -> None:
        nonlocal done
        done += 1
        if done == stop_at:
            raise KeyboardInterrupt

    train(job, on_step, lambda note: None)
    return (job.folder / "weights.safetensors").read_bytes()


@pytest.fixture
def root(write_sequences) -> Path:
    return write_sequences({"00": 5, "08": 1}, points=300)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("minkowskinet", "none"),
        ("minkowskinet", "logit_kd"),
        ("minkowskinet", "pvd"),
        ("spvnas", "pvd"),  # has dropout
        ("cylinder3d", "pvd"),  # has a loss and a classifier of its own for points
    ],
)
def test_a_resumed_run_ends_with_the_very_same_weights_and_log(
    root: Path, tmp_path: Path, name: str, method: str
) -> None:
    whole = run(make_job(root, tmp_path / "whole", method, name=name))
    cut = make_job(root, tmp_path / "cut", method, name=name)
    for stop_at in (4, 1, 2):
        with pytest.raises(KeyboardInterrupt):
            run(cut, stop_at)
    assert run(cut) == whole
    assert (tmp_path / "cut/metrics.jsonl").read_text() == (tmp_path / "whole/metrics.jsonl").read_text()


def test_workers_do_not_change_the_weights(root: Path, tmp_path: Path) -> None:
    assert run(make_job(root, tmp_path / "one")) == run(make_job(root, tmp_path / "two", workers=2))


def test_a_training_that_is_stopped_leaves_no_worker_behind(root: Path, tmp_path: Path) -> None:
    others = set(active_children())
    with pytest.raises(KeyboardInterrupt) as caught:
        run(make_job(root, tmp_path / "cell", workers=2), stop_at=2)
    assert caught.value.__traceback__ is not None
    assert not set(active_children()) - others


def test_another_seed_gives_other_weights(root: Path, tmp_path: Path) -> None:
    one, two = make_job(root, tmp_path / "one"), make_job(root, tmp_path / "two")
    object.__setattr__(two, "spec", two.spec.model_copy(update={"seed": 4}))
    assert run(one) != run(two)


def test_the_terms_of_the_method_are_logged_and_summed_up(root: Path, tmp_path: Path) -> None:
    job = make_job(root, tmp_path / "cell", "pvd")
    run(job)
    rows = [json.loads(line) for line in (job.folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(9))
    names = {"cross_entropy", "lovasz", "point_output", "voxel_output", "point_affinity", "voxel_affinity"}
    assert all(set(row["terms"]) == names for row in rows)
    result = training_result(job, "w")
    assert result.steps == 9
    last = [row["terms"]["lovasz"] for row in rows if row["epoch"] == 2]
    assert result.final_terms["lovasz"] == pytest.approx(sum(last) / 3)
    assert result.teacher_weights_sha256 == "t"
    assert result.seconds > 0
    assert result.peak_memory_mib > 10


def test_training_lowers_the_loss(root: Path, tmp_path: Path) -> None:
    job = make_job(root, tmp_path / "cell", epochs=15)
    run(job)
    rows = [json.loads(line) for line in (job.folder / "metrics.jsonl").read_text().splitlines()]
    first, last = (sum(row["terms"]["cross_entropy"] for row in part) for part in (rows[:3], rows[-3:]))
    assert last < 0.95 * first, "the labels are random: only their shares can be learned"


def test_a_network_of_the_same_seed_starts_the_same_and_leaves_the_global_generator_alone() -> None:
    spec = BackboneSpec(name="minkowskinet", width=0.0625, voxel_size_m=1.0, classes=4)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    one, two, other = (build_network(spec, "portable", seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.head.weight, two.head.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_the_log_is_on_the_disk_before_each_checkpoint(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = list[str](), os.fsync

    def listen(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        synced.append("log" if name == "metrics.jsonl" else "checkpoint" if ".pt." in name else "")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", listen)
    run(make_job(root, tmp_path / "cell"))
    assert [name for name in synced if name] == ["log", "checkpoint"] * 3
