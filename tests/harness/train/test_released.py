"""Checkpoints from strangers: plain tensors come out, or a clear error; no code in them runs."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.train import released
from harness.train.released import read_released

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.num_batches_tracked": torch.tensor(3)}


def saved(tmp_path: Path, content: object, zipped: bool = True) -> Path:
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(HarnessError) as caught:
        read_released(path)
    assert caught.value.where == str(path)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before torch 1.6"])
@pytest.mark.parametrize("key", [None, "model", "state_dict", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_tensors_are_found_wherever_checkpoints_keep_them(
    tmp_path: Path, zipped: bool, key: str | None, prefix: str
) -> None:
    state = {prefix + name: tensor for name, tensor in STATE.items()}
    path = saved(tmp_path, state if key is None else {"epoch": 3, key: state, "optimizer": {"lr": 0.1}}, zipped)
    found = read_released(path)
    assert found.tensors.keys() == STATE.keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in STATE.items())
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_module_that_is_called_module_keeps_its_name(tmp_path: Path) -> None:
    state = {"module.weight": torch.zeros(1), "head.weight": torch.zeros(1)}
    assert read_released(saved(tmp_path, state)).tensors.keys() == state.keys()


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("ran"),)  # type: ignore[return-value]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(tmp_path: Path, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, {"model": STATE, "more": Payload()}, zipped)
    monkeypatch.chdir(tmp_path)
    message = refusal(path)
    assert "pickled code or objects, which are never run here" in message
    assert "save the network's state_dict() alone" in message
    assert not (tmp_path / "ran").exists()


def test_a_whole_pickled_network_is_refused(tmp_path: Path) -> None:
    assert "pickled code or objects" in refusal(saved(tmp_path, torch.nn.Linear(2, 2)))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, zipped: bool, share: float) -> None:
    path = saved(tmp_path, {"weight": torch.zeros(1000)}, zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = refusal(path)
    assert "torch can't read" in message
    assert "Download it again if it is incomplete." in message


@pytest.mark.parametrize(
    "content", [b"", b"<html>quota exceeded</html>", b"\x80\x02", bytes(range(256)) * 8, b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    assert "a file that torch can't read" in refusal(path)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    refusal(path)


@pytest.mark.parametrize(
    "content, found",
    [
        ({"epoch": 3, "net": STATE}, "the keys 'epoch', 'net'"),
        ({**STATE, "epoch": 3}, "the keys 'layer.weight', 'layer.num_batches_tracked', 'epoch'"),
        ([torch.zeros(2)], "a list"),
        (torch.zeros(2), "a Tensor"),
        ({}, "a dict"),
        ({"model": {}}, "the keys 'model'"),
        ({7: torch.zeros(1)}, "the keys 7"),
        ({"weight": torch.eye(2).to_sparse()}, "the keys 'weight'"),
        ({"weight": torch.zeros(2, device="meta")}, "the keys 'weight'"),
    ],
)
def test_a_checkpoint_without_a_network_is_refused(tmp_path: Path, content: object, found: str) -> None:
    assert f"found {found}; expected names and plain tensors" in refusal(saved(tmp_path, content))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nowhere.pt")
    assert "directory" in refusal(tmp_path)


def test_a_file_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, {"weight": torch.zeros(10_000)})
    monkeypatch.setattr(released, "MOST_BYTES", 10_000)
    assert "at most 0.0 GB" in refusal(path)


def test_an_archive_that_unpacks_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, {"weight": torch.zeros(100_000)})
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in plain.infolist():
            archive.writestr(entry.filename, plain.read(entry))
    monkeypatch.setattr(released, "MOST_BYTES", 100_000)
    assert packed.stat().st_size < 100_000
    assert "at most" in refusal(packed)


def test_an_archive_with_a_broken_compression_is_refused(tmp_path: Path) -> None:
    """Its decompressor raises an error of its own kind."""
    path = tmp_path / "checkpoint.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("data.pkl", bytes(1000))
    content = bytearray(path.read_bytes())
    content[content.index(b"data.pkl") + len("data.pkl") + 4] = 255
    path.write_bytes(content)
    assert "torch can't read (Invalid or unsupported options)" in refusal(path)


def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {"weight": torch.zeros(1).expand(10**10)})
    assert path.stat().st_size < 10_000
    assert "found 40.0 GB" in refusal(path)


def test_a_damaged_weight_is_refused(tmp_path: Path) -> None:
    """torch reads it without a word."""
    path = saved(tmp_path, {"weight": torch.full((1000,), 3.0)})
    content = path.read_bytes()
    weight = torch.tensor(3.0).numpy().tobytes()
    path.write_bytes(content.replace(weight, torch.tensor(5.0).numpy().tobytes(), 1))
    assert torch.load(path)["weight"].sum() == 3002
    message = refusal(path)
    assert "other bytes than were saved in 'checkpoint/data/0'" in message


@pytest.mark.filterwarnings("error")
def test_a_pickle_of_something_else_is_told_by_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(pickle.dumps({"epoch": 3}, protocol=4))
    message = refusal(path)
    assert "torch can't read" in message
    assert "weights_only" not in message
