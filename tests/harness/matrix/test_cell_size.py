from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fake_plan import fake_cell

from harness.matrix.cell_size import cell_size_mib
from harness.train import checkpoint
from harness.train.learner import Learner
from harness.train.weights import FILE, save_weights


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_size_is_that_of_the_files_of_a_cell(tmp_path: Path, optimizer: str) -> None:
    """Weights and two checkpoints of a small network, against what is counted of it without its memory."""
    spec = fake_cell(network={"width": 0.125}, recipe={"epochs": 1, "optimizer": optimizer})
    learner = Learner(spec, (0, 5, 5, 5), None, torch.device("cpu"))
    for parameter in learner.trained:
        parameter.grad = torch.zeros_like(parameter)
    learner.optimiser.step()
    for step in (1, 2):
        facts = {"spec": spec.hash, "step": step, "seconds": 0.0, "peak_memory_mib": 0.0, "devices": []}
        checkpoint.save(tmp_path / "checkpoint", facts | learner.state())
    save_weights(learner.student, tmp_path / FILE)
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) / 2**20
    assert written == pytest.approx(cell_size_mib(spec), rel=0.15)
    longer = spec.model_copy(update={"recipe": spec.recipe.model_copy(update={"epochs": 1001})})
    assert cell_size_mib(longer) - cell_size_mib(spec) == pytest.approx(50_000 * 250 / 2**20)
