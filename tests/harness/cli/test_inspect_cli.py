from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from baselines.pvd.settings import PVDSettings
from harness.config.matrix_file import load_matrix
from harness.config.recipes import resolve_recipe
from harness.data.semantickitti import SemanticKitti
from harness.data.street.semantickitti_write import synthesize_semantickitti
from harness.inspect.sampling import view_sampling
from harness.inspect.training_scan import training_set, training_voxels
from harness.inspect.view import TrainingMoment

COARSE = ("--voxel-size", "0.3", "--workers", "0")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic streets of small scans."""
    folder = tmp_path_factory.mktemp("data") / "streets"
    synthesize_semantickitti(folder, 4, 3, 160)
    return folder


@pytest.fixture
def inspect(harness, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Inspect the sampling of the first training scan, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *options: harness("inspect", "sampling", "00/000000", "--semantickitti", root, *COARSE, *options)


def test_json_is_the_view_with_its_picture(inspect, root: Path, tmp_path: Path) -> None:
    record = json.loads(inspect("--seed", 5, "--epoch", 2, "--setting", "blocks=6", "--json").out)
    dataset, moment = SemanticKitti(root), TrainingMoment(seed=5, epoch=2, voxel_size_m=0.3)
    voxels = training_voxels(dataset, "00/000000", moment)
    view = view_sampling(voxels, PVDSettings(blocks=6), training_set(dataset), moment)
    assert record.pop("picture") == "sampling-00-000000.png"
    assert record == view.model_dump(mode="json")
    assert sorted(one["drawn"] for one in record["supervoxels"] if one["drawn"]) == [1, 2, 3, 4, 5, 6]
    assert (tmp_path / "sampling-00-000000.png").read_bytes().startswith(b"\x89PNG")


def test_text_tells_what_is_preferred_and_where_the_picture_is(inspect, tmp_path: Path) -> None:
    result = inspect("--out", tmp_path / "new" / "a.png", "--draws", 20, "--setting", "sampler=distance")
    assert result.code == 0
    assert "sampler distance, seed 0, epoch 0, augmented as in training, voxels of 0.3 m" in result.out
    assert "training scans (synthetic)" in result.out
    assert "occupied supervoxels hold a minority voxel" in result.out
    assert "drawn first %" in result.out
    assert f"picture: {tmp_path}/new/a.png" in result.out
    assert (tmp_path / "new/a.png").exists()


def test_a_matrix_gives_the_grid_of_the_backbone(harness, root: Path, tmp_path: Path) -> None:
    options = ("--semantickitti", root, "--workers", 0, "--out", tmp_path / "a.png", "--json")
    result = harness("inspect", "sampling", "00/000000", "--matrix", "demo", "--backbone", "cylinder3d", *options)
    view = json.loads(result.out)
    assert view["moment"]["settings"]["grid"] == [96, 72, 16]
    assert view["moment"]["voxel_size_m"] is None


def test_a_matrix_gives_the_data_set_and_its_settings(harness, root: Path, tmp_path: Path) -> None:
    matrix = tmp_path / "joined.yaml"
    settings = "{past_scans: 4, stride: 1}"
    matrix.write_text(
        f"dataset: {{name: semantickitti-multiscan, settings: {settings}}}\nbackbones: [{{}}]\nmethods: [pvd]\n"
    )
    scan, options = "00/000001", ("--semantickitti", root, *COARSE, "--out", tmp_path / "a.png", "--json")
    told = json.loads(harness("inspect", "sampling", scan, "--matrix", matrix, *options).out)
    chosen = ("--dataset", "semantickitti-multiscan", "--past-scans", 4, "--stride", 1)
    assert json.loads(harness("inspect", "sampling", scan, *chosen, *options).out) == told
    assert "moving-car" in told["data"]["class_points"]
    alone = json.loads(harness("inspect", "sampling", scan, *chosen[:2], "--past-scans", 0, *options).out)
    assert sum(one["points"] for one in alone["supervoxels"]) < sum(one["points"] for one in told["supervoxels"])


@pytest.mark.parametrize(
    "options, message",
    [
        (("--matrix", "nuscenes"), "--matrix is of nuscenes, and the data set is semantickitti"),
        (("--matrix", "multiscan", "--dataset", "semantickitti"), "--matrix is of semantickitti-multiscan"),
        (("--past-scans", "1"), "--past-scans is a setting of semantickitti-multiscan"),
        (("--version", "v1.0-mini"), "--version is a setting of nuscenes"),
    ],
)
def test_another_data_set_than_that_of_the_matrix_is_refused(inspect, options: tuple[str, ...], message: str) -> None:
    result = inspect(*options)
    assert result.code == 2
    assert message in result.err


def test_the_scan_is_augmented_as_told(inspect) -> None:
    def moment(*options: str) -> dict:
        return json.loads(inspect(*options, "--json").out)["moment"]

    written = load_matrix("first-run").recipe
    recipe = resolve_recipe(written, "minkowskinet", "semantickitti", "test").augmentation.model_dump(mode="json")
    assert moment("--no-augment")["augmentation"] is None
    assert moment("--matrix", "first-run")["augmentation"] == recipe
    assert recipe["max_points"] is not None
    result = inspect("--no-augment", "--matrix", "first-run")
    assert result.code == 2
    assert "--no-augment decides --matrix" in result.err


def test_the_grid_of_cylinder3d(harness, root: Path, tmp_path: Path) -> None:
    arguments = ("inspect", "sampling", "08/000000", "--semantickitti", root, "--backbone", "cylinder3d")
    record = json.loads(harness(*arguments, "--out", tmp_path / "a.png", "--workers", 0, "--json").out)
    assert record["moment"]["backbone"] == "cylinder3d"
    assert record["moment"]["voxel_size_m"] is None
    assert record["supervoxels"]


@pytest.mark.parametrize(
    "scan, options, message",
    [
        ("00/000999", (), "000999.bin"),
        ("00-000000", (), "scan '00-000000': found no such name"),
        ("11/000000", (), "scan 11/000000: found one of the test split, without labels"),
        ("00/000000", ("--setting", "sampler=far"), "--setting, key settings.sampler: found 'far'"),
        ("00/000000", ("--setting", "blok=4"), "Did you mean 'blocks'?"),
        ("00/000000", ("--setting", "blocks=0"), "--setting, key settings.blocks: found 0"),
        ("00/000000", ("--setting", "blocks"), "found 'blocks'; expected KEY=VALUE"),
        ("00/000000", ("--setting", "grid=[9000,9000,900]", "--setting", "block_size=[1,1,1]"), "larger block_size"),
        ("00/000000", ("--backbone", "minkunet"), "Did you mean 'minkowskinet'?"),
        ("00/000000", ("--backbone", "cylinder3d", "--voxel-size", "0.1"), "grid of its own"),
        ("00/000000", ("--matrix", "nothing"), "--matrix nothing: found nothing of that name"),
        ("00/000000", ("--draws", "0"), "Invalid value for '--draws'"),
    ],
)
def test_a_users_mistake_is_one_paragraph_and_writes_nothing(
    harness, root: Path, tmp_path: Path, scan: str, options: tuple[str, ...], message: str
) -> None:
    arguments = ("--semantickitti", root, "--out", tmp_path / "a.png", "--workers", 0, *options)
    result = harness("inspect", "sampling", scan, *arguments)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())


def test_a_partial_copy_needs_its_word_and_damage_is_named(harness, write_sequences, tmp_path: Path) -> None:
    copy = write_sequences({"00": 2}, declared=False, points=300)
    arguments = ("inspect", "sampling", "00/000001", "--semantickitti", copy, *COARSE, "--out", tmp_path / "a.png")
    assert "--partial" in harness(*arguments).err
    assert "(a partial copy)" in harness(*arguments, "--partial").out
    (copy / "sequences/00/velodyne/000001.bin").write_bytes(b"123")
    result = harness(*arguments, "--partial")
    assert result.code == 2
    assert "000001.bin: found 3 bytes" in result.err


@pytest.mark.real
def test_a_real_scan(harness, real_root: Path, tmp_path: Path) -> None:
    arguments = ("inspect", "sampling", "00/000000", "--semantickitti", real_root, "--partial", "--no-augment")
    result = harness(*arguments, "--out", tmp_path / "a.png", "--workers", 0)
    assert result.code == 0
    assert "of 65 occupied supervoxels hold a minority voxel" in result.out
    assert (tmp_path / "a.png").stat().st_size > 100_000
