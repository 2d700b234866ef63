from __future__ import annotations

from pathlib import Path

import torch
from fake_plan import DEVICE, fake_cell, fake_plan, fake_result, finish

from harness.matrix.timings import cell_kind, device_label, recorded_timings, timing_of, training_scans
from harness.spec import LatencyResult, SittingResult, SpanResult
from harness.store import Store

SPAN = SpanResult(p50_ms=1, p95_ms=1, p99_ms=None, mean_ms=250, mad_ms=0)
LATENCY = LatencyResult(
    device_kind="GPU", device=DEVICE, threads=1, scans=1, passes=1, end_to_end=SPAN, spans={}, fit=None,
    cold_start_ms=None,
)  # fmt: skip


def test_a_finished_cell_tells_seconds_per_scan() -> None:
    spec = fake_cell()
    timing = timing_of(fake_result(spec, processes=2, voxels=77, devices=(f"2 processes of {DEVICE}",)), {})
    assert timing is not None
    assert timing.train_s == 600 * 2 / (3 * 100)
    assert timing.evaluate_s == 60 * 2 / 10
    assert (timing.memory_mib, timing.disk_mib, timing.voxels) == (1000, 50, 77)
    assert (timing.device, timing.batch_size, timing.source) == (DEVICE, 2, spec.cell)


def test_epochs_of_fewer_scans_count_as_many() -> None:
    assert training_scans(fake_cell(recipe={"scans_per_epoch": 30})) == 90
    assert training_scans(fake_cell(recipe={"scans_per_epoch": 3000})) == 300


def test_an_old_result_tells_by_its_latency_and_names_its_threads_as_new_ones_do() -> None:
    old = fake_result(fake_cell(), provenance=None, latency=LATENCY, devices=("A CPU, 4 threads", "A CPU, threads: 4"))
    timing = timing_of(old, {})
    assert timing is not None
    assert timing.device == "A CPU, threads: 4"
    assert timing.evaluate_s == 0.25
    assert timing.disk_mib is None


def test_what_no_single_device_took_is_no_timing() -> None:
    assert timing_of(fake_result(fake_cell(), devices=("one", "another")), {}) is None
    assert timing_of(fake_result(fake_cell(), provenance=None), {}) is None, "nothing tells of the evaluation"
    assert timing_of(fake_result(fake_cell("pvd", teacher="f" * 12)), {}) is None, "its teacher is unknown"


def test_device_seconds_are_those_of_each_sitting_with_its_own_processes() -> None:
    """Ten minutes of one process, then five of four; evaluated by one."""
    facts = {"device": DEVICE, "micro_batch": None, "steps": 1, "harness": "0.5.0", "commit": None}
    sittings = tuple(
        SittingResult(processes=count, seconds=seconds, **facts) for count, seconds in ((1, 600.0), (4, 300.0))
    )
    devices = (DEVICE, f"4 processes of {DEVICE}")
    result = fake_result(fake_cell(), seconds=900.0, processes=4, sittings=sittings, devices=devices)
    assert result.provenance is not None
    alone = result.model_copy(update={"provenance": result.provenance.model_copy(update={"processes": 1})})
    timing = timing_of(alone, {})
    assert timing is not None
    assert timing.train_s == (600 + 4 * 300) / (3 * 100)
    assert timing.evaluate_s == 90 / 10


def test_the_kind_of_a_cell_is_what_a_scan_costs() -> None:
    plain = fake_cell()
    same = [
        fake_cell(seed=3),
        fake_cell(recipe={"epochs": 9, "learning_rate": 0.1}),
        fake_cell(network={"classes": 9}),
    ]
    assert {cell_kind(spec, None) for spec in same} == {cell_kind(plain, None)}
    others = [
        fake_cell("logit_kd"),
        fake_cell(role="teacher"),
        fake_cell(data="nuscenes"),
        fake_cell(dataset={"synthetic": True}),
        fake_cell(network={"voxel_size_m": 0.1}),
        fake_cell(recipe={"augmentation": {"max_points": 5}}),
    ]
    kinds = {cell_kind(spec, None) for spec in others} | {cell_kind(plain, plain.backbone)}
    assert len(kinds) == len(others) + 1
    assert cell_kind(plain, None) not in kinds


def test_bounds_of_a_grid_and_the_version_of_tables_change_no_kind() -> None:
    grid = {"name": "cylinder3d", "voxel_size_m": None}
    low, high = (
        fake_cell(network=grid | {"settings": {"grid": [9, 9, 9], "z_m": bounds}}) for bounds in ([-4, 2], [-5, 3])
    )
    assert cell_kind(low, None) == cell_kind(high, None)
    coarse = fake_cell(network=grid | {"settings": {"grid": [5, 9, 9], "z_m": [-4, 2]}})
    assert cell_kind(low, None).grid != cell_kind(coarse, None).grid
    tables = [fake_cell(data="nuscenes", dataset={"settings": {"version": v}}) for v in ("v1.0-mini", "v1.0-trainval")]
    assert len({cell_kind(spec, None) for spec in tables}) == 1
    past = [fake_cell(dataset={"settings": {"past_scans": n}}) for n in (2, 4)]
    assert len({cell_kind(spec, None) for spec in past}) == 2


def test_a_store_tells_of_its_finished_cells_and_passes_over_damaged_ones(tmp_path: Path) -> None:
    store, specs = Store(tmp_path), fake_plan()
    assert recorded_timings(store) == []
    for spec in specs:
        finish(store, spec)
    assert len(recorded_timings(store)) == 4
    teacher = next(spec for spec in specs if spec.role == "teacher")
    taught = [timing for timing in recorded_timings(store) if timing.kind.teacher is not None]
    assert {timing.kind.teacher for timing in taught} == {cell_kind(teacher, None).network}
    (store.path / specs[1].cell / "result.json").write_text("{")
    (store.path / specs[2].cell / "spec.json").write_text("{")
    (store.path / specs[2].cell / "result.json").write_text("{")
    assert len(recorded_timings(store)) == 2


def test_a_cpu_is_named_with_its_threads() -> None:
    assert device_label(torch.device("cpu")).endswith(f", threads: {torch.get_num_threads()}")
