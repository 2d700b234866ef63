"""However a training is interrupted, it ends with the weights and the log of one that was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from test_loop import make_job

from harness.train import checkpoint, loop
from harness.train.loop import TrainingJob, TrainingStep, train
from harness.train.sitting import Sitting, Stopped

LASERMIX = {"probability": 0.8, "kinds": ["lasermix"], "inclination_deg": [-24.8, 2.0]}
SAME = ("weights.safetensors", "metrics.jsonl")


@pytest.fixture
def root(write_sequences: Callable[..., Path]) -> Path:
    """Five scans to train on: three batches an epoch, the last of one scan."""
    return write_sequences({"00": 5, "08": 1}, points=300)


def job_in(root: Path, folder: Path, method: str = "none", **recipe: Any) -> TrainingJob:
    job = make_job(root, folder, method, **recipe)
    return replace(job, scans=replace(job.scans, scans_per_epoch=job.spec.recipe.scans_per_epoch))


def sit(job: TrainingJob, leave_after: int | None = None) -> tuple[bool, list[str]]:
    """Train until the end, or until it is told to leave after some steps; whether it ended, and what it told."""
    done, notes = 0, list[str]()

    def count(step: TrainingStep) -> None:
        nonlocal done
        done += 1

    try:
        train(job, count, notes.append, Sitting(stop=lambda: done == leave_after))
    except Stopped:
        return False, notes
    return True, notes


def same(one: TrainingJob, two: TrainingJob) -> None:
    for name in SAME:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes(), name


RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "adapters": {"method": "fitnets"},
    "draws of the method": {"method": "pvd"},
    "momentum": {"optimizer": "sgd", "learning_rate": 0.1},
    "mixed": {"augmentation": {"mix": LASERMIX}},
    "part of the scans": {"scans_per_epoch": 3, "augmentation": {"mix": LASERMIX}, "method": "pvd"},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_sitting_for_every_step_does_what_one_for_all_does(
    root: Path, tmp_path: Path, recipe: dict[str, Any]
) -> None:
    whole, parts = (job_in(root, tmp_path / name, **recipe) for name in ("whole", "parts"))
    assert sit(whole) == (True, [])
    sittings = 0
    while not sit(parts, leave_after=1)[0]:
        sittings += 1
    assert sittings >= 5
    same(whole, parts)


def test_sittings_may_differ_in_their_loader_workers(root: Path, tmp_path: Path) -> None:
    recipe = {"augmentation": {"mix": LASERMIX}, "method": "pvd"}
    whole, parts = (job_in(root, tmp_path / name, **recipe) for name in ("whole", "parts"))
    sit(whole)
    for workers in cycle((2, 0)):
        if sit(replace(parts, workers=workers), leave_after=4)[0]:
            break
    same(whole, parts)


def test_a_checkpoint_in_the_middle_of_an_epoch_saves_the_steps_before_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill costs the steps since the last checkpoint, and these are not more than a time limit."""
    whole, killed = (job_in(root, tmp_path / name, "pvd") for name in ("whole", "killed"))
    sit(whole)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def kill(step: TrainingStep) -> None:
        if step.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(killed, kill, lambda note: None)
    assert len((killed.folder / "metrics.jsonl").read_text().splitlines()) == 5, "the fifth step was logged"
    assert sit(killed) == (True, ["Resumed at step 4."])
    same(whole, killed)


def test_tensorboard_shows_every_step_once(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    whole, parts = (replace(job_in(root, tmp_path / name), tensorboard=True) for name in ("whole", "parts"))
    sit(whole)
    while not sit(parts, leave_after=4)[0]:
        pass
    shown = [EventAccumulator(str(job.folder / "tensorboard")).Reload() for job in (whole, parts)]
    scalars = [[(event.step, event.value) for event in board.Scalars("learning_rate")] for board in shown]
    assert [step for step, _ in scalars[0]] == list(range(9))
    assert scalars[0] == scalars[1]
    same(whole, parts)


def from_the_future(folder: Path) -> None:
    state = checkpoint.load(folder / "000000006.pt")
    checkpoint.save(folder, {**state, "step": 12})


def cut_short(folder: Path) -> None:
    path = folder / "000000006.pt"
    path.write_bytes(path.read_bytes()[:-100])


def all_cut_short(folder: Path) -> None:
    for path in folder.glob("*.pt"):
        path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "told", "taken_up"),
    [
        (from_the_future, "000000012.pt: found step 12; expected at most 9", ["Resumed at step 6."]),
        (cut_short, "000000006.pt: found", ["Resumed at step 3."]),
        (all_cut_short, "000000006.pt: found 0 bytes", []),
    ],
)
def test_what_can_not_be_gone_on_from_is_named_and_the_end_is_the_same(
    root: Path, tmp_path: Path, damage: Callable[[Path], None], told: str, taken_up: list[str]
) -> None:
    whole, parts = (job_in(root, tmp_path / name) for name in ("whole", "parts"))
    sit(whole)
    sit(parts, leave_after=6)
    damage(parts.folder / "checkpoint")
    ended, notes = sit(parts)
    assert ended
    assert any(told in note for note in notes)
    assert [note for note in notes if note.startswith("Resumed")] == taken_up
    same(whole, parts)
    assert sit(parts) == (True, ["Resumed at step 9."]), "what was passed over is gone"
