import errno
import hashlib
import io
import os
import pickle
from pathlib import Path

import pytest
import torch

from harness.errors import HarnessError
from harness.train import checkpoint


def state(step: int, spec: str = "abc") -> dict:
    rest = {"method": {}, "optimiser": {}, "seconds": 1.0, "peak_memory_mib": 1.0, "devices": ["cpu"]}
    return {"spec": spec, "step": step, "student": {"weight": torch.full((3,), float(step))}, **rest}


def test_the_newest_is_loaded_and_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, state(step))
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert loaded["step"] == 3
    assert torch.equal(loaded["student"]["weight"], torch.full((3,), 3.0))
    assert broken == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000000002.pt", "000000002.sha256", "000000003.pt", "000000003.sha256",
    ]  # fmt: skip


def test_without_checkpoints_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert checkpoint.load_latest(tmp_path / "none", "abc") == (None, [])


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def drop_the_hash(path: Path) -> None:
    path.with_suffix(".sha256").unlink()


def hash_of_no_text(path: Path) -> None:
    path.with_suffix(".sha256").write_bytes(b"\xff\xfe")


def another_content(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    path.write_bytes(buffer.getvalue())
    path.with_suffix(".sha256").write_text(hashlib.sha256(buffer.getvalue()).hexdigest())


@pytest.mark.parametrize("damage", [truncate, empty, flip_a_bit, drop_the_hash, hash_of_no_text, another_content])
def test_a_broken_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path, damage) -> None:
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    damage(tmp_path / "000000002.pt")
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert loaded["step"] == 1
    assert len(broken) == 1
    assert "000000002" in broken[0]


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_a_sound_file_with_numbers_that_are_not_finite_is_named_and_the_one_before_it_used(
    tmp_path: Path, poison: float
) -> None:
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, {**state(2), "optimiser": {"state": {7: {"exp_avg": torch.tensor([1.0, poison])}}}})
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert loaded["step"] == 1
    [sentence] = broken
    assert "000000002.pt: found NaN or ∞ in optimiser.state.7.exp_avg; expected finite numbers" in sentence


def test_all_broken_starts_afresh_and_says_so(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(1))
    empty(tmp_path / "000000001.pt")
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is None
    assert len(broken) == 1


def test_another_specs_checkpoint_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(1, spec="other"))
    with pytest.raises(HarnessError, match=r"spec other.*expected spec abc"):
        checkpoint.load_latest(tmp_path, "abc")


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_a_checkpoint_that_wants_to_run_code_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"spec": "abc", "step": 1, "evil": Malicious(tmp_path / "executed")}, buffer, pickle_module=pickle)
    (tmp_path / "000000001.pt").write_bytes(buffer.getvalue())
    (tmp_path / "000000001.sha256").write_text(hashlib.sha256(buffer.getvalue()).hexdigest())
    with pytest.raises(HarnessError, match="no plain checkpoint"):
        checkpoint.load(tmp_path / "000000001.pt")
    assert not (tmp_path / "executed").exists()


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save(tmp_path, state(1))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HarnessError, match="no space left"):
        checkpoint.save(tmp_path, state(2))
    assert not list(tmp_path.glob(".*"))
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert (loaded["step"], broken) == (1, [])
