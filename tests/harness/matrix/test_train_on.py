"""Cells that train on the validation split too: what they learn from, and that they have no score on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_plan import DEVICE, fake_cell, fake_result
from safetensors import safe_open
from safetensors.torch import save
from tiny_matrix import BothKinds, planned, run, tiny

from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig
from harness.config.override import override
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.export.semantickitti import Description
from harness.matrix.cell import load_cell_network
from harness.matrix.data import prepare_data
from harness.matrix.forecast import forecast
from harness.matrix.order import DataCopy
from harness.matrix.submission import submit_cell
from harness.matrix.timings import epoch_scans, timing_of
from harness.spec import CellSpec, MeasureSpec
from harness.store import Store
from harness.train.weights import FILE

BOTH = ("train", "val")
CPU = torch.device("cpu")


def both(methods: tuple[str, ...]) -> MatrixConfig:
    return tiny(methods).model_copy(update={"train_on": BOTH})


def test_such_a_cell_has_all_figures_but_a_score(both_kinds: BothKinds) -> None:
    assert [cell.status for cell in both_kinds.both] == ["finished"] * 2
    assert both_kinds.notes.steps == 2 * 3, "five scans in batches of two"
    assert both_kinds.notes.phases == {"count MACs", "measure latency"}
    for cell in both_kinds.both:
        assert cell.protocol is not None
        assert cell.protocol.trained_on == BOTH
        assert (cell.score, cell.tta) == (None, None)
        assert cell.macs is not None
        assert cell.latency is not None
        assert cell.provenance is not None
        assert set(cell.provenance.phase_seconds) == {"train", "count MACs", "measure latency"}
    teacher, student = both_kinds.both
    assert teacher.spec.train_on == student.spec.train_on == BOTH
    assert student.spec.teacher == teacher.spec.hash


def test_a_cell_of_the_training_split_beside_it_is_another_and_has_a_score(both_kinds: BothKinds) -> None:
    assert not {cell.spec.hash for cell in both_kinds.both} & {cell.spec.hash for cell in both_kinds.plain}
    for cell in both_kinds.plain:
        assert cell.protocol is not None
        assert cell.protocol.trained_on == ("train",)
        assert cell.score is not None
        assert [stretch.scans for stretch in cell.score.stretches] == [1]
    again, notes = run(both_kinds.root, both_kinds.out, tiny(("pvd",)))
    assert (again, notes.steps) == (both_kinds.plain, 0)


def test_the_weights_say_it_and_those_of_other_cells_have_the_bytes_of_before(both_kinds: BothKinds) -> None:
    for result in (*both_kinds.plain, *both_kinds.both):
        folder = Store(both_kinds.out).find(result.spec.hash)
        with safe_open(folder.path / FILE, "pt") as file:
            said = file.metadata()
        if result in both_kinds.both:
            assert said == {"harness.trained_on": "train+val"}
        else:
            network, _ = load_cell_network(folder)
            assert (folder.path / FILE).read_bytes() == save(network.state_dict())


def test_weights_of_the_other_training_are_refused_by_what_they_say(both_kinds: BothKinds, tmp_path: Path) -> None:
    store = Store(shutil.copytree(both_kinds.out, tmp_path / "runs"))
    plain, cell = (store.find(results[-1].spec.hash) for results in (both_kinds.plain, both_kinds.both))
    ours, theirs = ((folder.path / FILE).read_bytes() for folder in (plain, cell))
    (plain.path / FILE).write_bytes(theirs)
    (cell.path / FILE).write_bytes(ours)
    with pytest.raises(HarnessError, match=r"found weights trained on train\+val, as they say; expected on train\."):
        load_cell_network(plain)
    with pytest.raises(HarnessError, match=r"found weights trained on train, as they say; expected on train\+val\."):
        load_cell_network(cell)


def test_it_can_be_submitted(both_kinds: BothKinds, tmp_path: Path) -> None:
    cell, archive = Store(both_kinds.out).find(both_kinds.both[-1].spec.hash), tmp_path / "val.zip"
    _, findings = submit_cell(cell, SemanticKitti(both_kinds.root), "val", archive, CPU, Description("x"))
    assert archive.exists()
    assert [finding.level for finding in findings] == ["warning"], "a rehearsal"


def test_matrices_that_train_on_other_splits_share_what_was_prepared(root: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    plain, cells = (planned(matrix, root, store) for matrix in (tiny(("pvd",)), both(("pvd",))))
    assert len(list((store.path / "prepared").iterdir())) == 1
    assert [spec.train_on for spec in (*plain, *cells)] == [("train",), ("train",), BOTH, BOTH]
    assert {spec.dataset.manifest for spec in (*plain, *cells)} == {plain[0].dataset.manifest}
    for _ in ("made", "read"):
        data, dataset = prepare_data(DataCopy("semantickitti", root), store.path, 0), SemanticKitti(root)
        for spec in (plain[0], cells[0]):
            scans = [scan for split in spec.train_on for scan in dataset.scan_ids(split)]
            assert data.training_scans(spec.train_on) == tuple(scans)
            counts = np.zeros(20, dtype=np.int64)
            for scan in scans:
                for label in dataset.read_labels(scan):
                    counts[label] += 1
            assert data.training_counts(spec.train_on) == tuple(counts)


def content(**changes: object) -> dict[str, object]:
    return {"name": "m", "backbones": [{}], "methods": ["none"], **changes}


def test_a_matrix_file_says_it_and_so_does_the_command_line() -> None:
    assert parse_matrix(content(), "m").train_on == ("train",)
    assert parse_matrix(content(train_on=["train", "val"]), "m").train_on == BOTH
    assert override(content(), "m", settings=("train_on=[train, val]",)).train_on == BOTH


@pytest.mark.parametrize("wrong", [["val"], [], ["train", "train"], ["val", "train"], ["train", "test"], "train", None])
def test_other_splits_are_refused(wrong: object) -> None:
    with pytest.raises(HarnessError, match=r"key train_on"):
        parse_matrix(content(train_on=wrong), "m")


def test_augmented_scores_on_what_was_trained_on_are_refused_before_anything_is_done() -> None:
    matrix = content(train_on=["train", "val"], measure={"tta": {}})
    with pytest.raises(HarnessError, match=r"expected no measure\.tta beside train_on: \[train, val\]"):
        parse_matrix(matrix, "m")


def test_its_forecast_has_more_training_and_no_evaluation(tmp_path: Path) -> None:
    measure = MeasureSpec(macs_scans=4, latency_scans=0)
    plain, cell = (fake_cell(measure=measure, train_on=splits) for splits in (("train",), BOTH))
    assert (epoch_scans(plain), epoch_scans(cell)) == (100, 110)
    assert epoch_scans(fake_cell(train_on=BOTH, recipe={"scans_per_epoch": 30})) == 30
    timing = timing_of(fake_result(plain, seconds=600), {})  # 2 s to train on a scan, 6 to evaluate it
    assert timing is not None
    hours = [found.hours for found in forecast([plain, cell], Store(tmp_path), [timing], DEVICE).values()]
    assert hours == pytest.approx([(3 * 100 * 2 + 14 * 6) / 3600, (3 * 110 * 2 + 4 * 6) / 3600])


def test_the_splits_are_part_of_a_cell_and_the_default_goes_without_saying() -> None:
    assert fake_cell(train_on=("train",)).hash == fake_cell().hash != fake_cell(train_on=BOTH).hash
    old = fake_cell().model_dump(mode="json")
    del old["train_on"]
    assert CellSpec.model_validate(old) == fake_cell()
