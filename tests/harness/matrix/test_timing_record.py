from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.config.matrix_file import load_matrix
from harness.config.parts import parts
from harness.errors import HarnessError
from harness.matrix import timing_record
from harness.matrix.estimate import Estimator
from harness.matrix.plan import plan
from harness.matrix.timing_record import TimingRecord, shipped_timings
from harness.matrix.timings import cell_kind
from harness.spec import DatasetSpec

TOP = Path(__file__).parents[3]
RECORDS = sorted((TOP / "results/measured/timings").glob("*.json"))


def test_the_shipped_records_tell_of_every_cell_of_the_full_matrix_on_semantickitti() -> None:
    timings = shipped_timings()
    part = next(part for part in parts(load_matrix("full")) if part.dataset.name == "semantickitti")
    data = DatasetSpec(
        name="semantickitti", manifest="m", label_map="l", synthetic=False, partial=False,
        scans={"train": 19130, "val": 4071}, official_scans={},
    )  # fmt: skip
    specs = plan(part, data, 19)
    networks = {spec.hash: spec.backbone for spec in specs}
    estimator = Estimator(timings)
    for spec in specs:
        found = estimator.estimate(cell_kind(spec, networks.get(spec.teacher or "")), timings[0].device)
        assert found is not None, spec.name
        assert found.alike, spec.name


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_says_where_it_comes_from(path: Path) -> None:
    record = TimingRecord.model_validate_json(path.read_bytes())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", record.date)
    assert record.command.startswith("python ci/")
    assert len(record.timings()) == len(record.cells) > 0


def test_a_damaged_record_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gpu.json").write_text(json.dumps({"device": "x"}))
    monkeypatch.setattr(timing_record, "_files", lambda: [tmp_path / "gpu.json"])
    with pytest.raises(HarnessError, match=r"gpu\.json"):
        shipped_timings()
