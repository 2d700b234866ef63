from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.data.labels import SEMANTICKITTI
from harness.evaluate.scoring import semantickitti_scores
from harness.version import VERSION


@pytest.fixture
def copy(write_sequences: Callable[..., Path]) -> Path:
    return write_sequences({"08": 4}, points=90)


@pytest.fixture
def predictions(tmp_path: Path, copy: Path) -> Path:
    folder = tmp_path / "predicted" / "sequences/08/predictions"
    folder.mkdir(parents=True)
    for label in (copy / "sequences/08/labels").iterdir():
        words = np.fromfile(label, dtype="<u4")
        words[::3] = 40
        words.tofile(folder / label.name)
    return tmp_path / "predicted"


def test_json_has_the_score_by_class_distance_and_sequence_and_a_card(harness, copy: Path, predictions: Path) -> None:
    arguments = ("evaluate", "--predictions", predictions, "--semantickitti", copy, "--by-distance", "--hash", "--json")
    record = json.loads(harness(*arguments).out)
    expected = semantickitti_scores(np.array(record["confusion"]))
    assert (record["miou"], record["accuracy"]) == (expected.miou, expected.accuracy)
    assert tuple(record["iou"].values()) == expected.iou
    assert record["by_sequence"]["08"] == {"miou": expected.miou, "iou": record["iou"], "scans": 4}
    assert [band["below_m"] for band in record["by_distance"]] == [10, 20, 30, 40, 50]
    card = record["card"]
    assert (card["data"], card["split"], card["data.scans.val"]) == ("semantickitti", "val", "4 of 4")
    assert (card["data.synthetic"], card["data.partial"]) == ("True", "False")
    assert card["data.label_map"] == SEMANTICKITTI.hash
    assert card["scoring_rule"] == "semantickitti-official"
    assert card["trained_on"] == card["engine"] == card["device"] == card["torch"] == "unknown"
    assert len(card["network.predictions_sha256"]) == len(card["data.truth_sha256"]) == 64
    assert harness(*arguments, "--workers", 1).out == harness(*arguments, "--workers", 3).out


def test_text_names_classes_distances_and_sequences(harness, copy: Path, predictions: Path) -> None:
    out = harness("evaluate", "--predictions", predictions, "--semantickitti", copy, "--by-distance").out
    assert "4 of 4 scans †synthetic, rule semantickitti-official" in out
    for text in ("IoU by class:", "traffic-sign", "mIoU by distance:", "40 to 50 m", "mIoU by sequence:", "08  (4 sc"):
        assert text in out
    card = out.partition("\ncard\n")[2].splitlines()
    for text in ("  network: unknown, of a folder", "  training: on unknown", "  computed by: engine unknown"):
        assert any(line.startswith(text) for line in card)
    assert any(f"harness {VERSION}, commit " in line for line in card)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Name --predictions DIR or --weights FILE"),
        (("--predictions", ".", "--weights", __file__), "Name --predictions DIR or --weights FILE"),
        (("--weights", __file__, "--hash"), "--weights decides --hash"),
        (("--predictions", ".", "--device", "cpu"), "--predictions decides --device"),
    ],
)
def test_options_that_do_not_fit(harness, copy: Path, options: tuple[str, ...], message: str) -> None:
    result = harness("evaluate", *options, "--semantickitti", copy)
    assert result.code == 2
    assert message in result.err


def test_a_file_that_is_no_weights_is_refused(harness, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no tensors")
    result = harness("evaluate", "--weights", tmp_path / "w.safetensors", "--semantickitti", copy)
    assert result.code == 2
    assert "w.safetensors" in result.err
    assert "Traceback" not in result.err


def test_scoring_a_folder_imports_neither_torch_nor_what_draws_and_tabulates(copy: Path, predictions: Path) -> None:
    code = f"""
import sys
from harness.cli import main
sys.argv = ["harness", "evaluate", "--predictions", {str(predictions)!r}, "--semantickitti", {str(copy)!r}, "--hash",
            "--by-distance"]
main()
heavy = {{"torch", "pandas", "matplotlib", "scipy"}} & set(sys.modules)
assert not heavy, heavy
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "mIoU" in run.stdout


def test_ctrl_c_leaves_no_process_and_no_traceback(copy: Path, predictions: Path, tmp_path: Path) -> None:
    """The scans are many links to one, so that there is time to interrupt."""
    root, folder = tmp_path / "long", tmp_path / "many/sequences/08/predictions"
    folder.mkdir(parents=True)
    for name in ("velodyne", "labels"):
        (root / "sequences/08" / name).mkdir(parents=True)
    words = np.tile(np.fromfile(copy / "sequences/08/labels/000000.label", "<u4"), 8000)
    words.tofile(tmp_path / "label")
    for frame in range(1000):
        (root / f"sequences/08/velodyne/{frame:06d}.bin").touch()
        (root / f"sequences/08/labels/{frame:06d}.label").symlink_to(tmp_path / "label")
        (folder / f"{frame:06d}.label").symlink_to(tmp_path / "label")
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may ignore it
    code += "from harness.cli import main; sys.argv[0] = 'harness'; main()"
    options = ["evaluate", "--partial", "--predictions", str(tmp_path / "many"), "--semantickitti", str(root)]
    command = [sys.executable, "-c", code, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while len(workers := children.read_text().split()) < 2:
            assert process.poll() is None
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
