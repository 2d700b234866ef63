import errno
import hashlib
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
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


def rewrite(path: Path, content: bytes) -> None:
    """Put other bytes in a checkpoint's place, with the hash that they have."""
    path.write_bytes(content)
    path.with_suffix(".sha256").write_text(hashlib.sha256(content).hexdigest())


def nothing_at_all(path: Path) -> None:
    rewrite(path, b"")


def noise(path: Path) -> None:
    rewrite(path, np.random.default_rng(0).bytes(5000))


def an_early_end(path: Path) -> None:
    rewrite(path, path.read_bytes()[:-1000])


def a_tensor_cut_short(path: Path) -> None:
    """A sound zip file in which one entry lacks bytes."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content[:4] if "/data/" in name else content)
    rewrite(path, buffer.getvalue())


def a_link_to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


def a_link_in_a_circle(path: Path) -> None:
    """As good as a file that may not be read, also for root."""
    path.unlink()
    path.symlink_to(path)


def another_step(path: Path) -> None:
    rewrite(path, path.with_name("000000001.pt").read_bytes())


def no_number(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({**state(2), "step": "2"}, buffer)
    rewrite(path, buffer.getvalue())


DAMAGES = [
    truncate, empty, flip_a_bit, drop_the_hash, hash_of_no_text, another_content, nothing_at_all, noise, an_early_end,
    a_tensor_cut_short, a_link_to_nowhere, a_link_in_a_circle, another_step, no_number,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path, damage) -> None:
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    damage(tmp_path / "000000002.pt")
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert loaded["step"] == 1
    assert len(broken) == 1
    assert "000000002" in broken[0]
    checkpoint.save(tmp_path, state(2))
    assert checkpoint.load_latest(tmp_path, "abc")[1] == [], "the next one takes its place"


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


def test_a_hash_alone_is_no_broken_checkpoint_and_goes_with_the_next_saving(tmp_path: Path) -> None:
    """What a kill between the two writings leaves, or between the two removals."""
    for step in (2, 4):
        checkpoint.save(tmp_path, state(step))
    for step in (1, 3, 5):
        (tmp_path / f"{step:09d}.sha256").write_text("0" * 64)
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert (loaded["step"], broken) == (4, [])
    checkpoint.save(tmp_path, state(6))
    assert sorted(int(path.stem) for path in tmp_path.iterdir()) == [4, 4, 6, 6]


def test_all_broken_starts_afresh_and_says_so(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(1))
    empty(tmp_path / "000000001.pt")
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is None
    assert len(broken) == 1


def test_what_is_passed_over_never_costs_the_checkpoint_just_written(tmp_path: Path) -> None:
    for step in (7, 8):
        checkpoint.save(tmp_path, state(step))
        empty(tmp_path / f"{step:09d}.pt")
    assert checkpoint.load_latest(tmp_path, "abc")[0] is None
    for step in (1, 2):
        checkpoint.save(tmp_path, state(step))
        loaded, broken = checkpoint.load_latest(tmp_path, "abc")
        assert loaded is not None
        assert (loaded["step"], broken) == (step, [])


def test_the_one_to_fall_back_on_is_never_one_that_was_passed_over(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(6))
    checkpoint.save(tmp_path, state(9))
    empty(tmp_path / "000000009.pt")
    checkpoint.save(tmp_path, state(7))
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["000000006.pt", "000000007.pt"]
    empty(tmp_path / "000000007.pt")
    loaded, _ = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert loaded["step"] == 6


def test_a_step_that_the_training_does_not_have_is_named_and_the_one_before_it_used(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(4))
    checkpoint.save(tmp_path, state(9))
    loaded, broken = checkpoint.load_latest(tmp_path, "abc", steps=8)
    assert loaded is not None
    assert loaded["step"] == 4
    assert "000000009.pt: found step 9; expected at most 8" in broken[0]
    assert checkpoint.load_latest(tmp_path, "abc", steps=9)[1] == []


def a_folder(path: Path) -> None:
    path.mkdir()


def a_named_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("suffix", [".pt", ".sha256"])
@pytest.mark.parametrize("thing", [a_folder, a_named_pipe])
def test_what_is_no_file_is_refused_at_once_though_an_older_one_is_sound(tmp_path: Path, thing, suffix: str) -> None:
    checkpoint.save(tmp_path, state(1))
    checkpoint.save(tmp_path, state(2))
    path = (tmp_path / "000000002").with_suffix(suffix)
    path.unlink()
    thing(path)
    with pytest.raises(HarnessError, match=r"000000002\.\w+: found a (folder|named pipe); expected a regular file"):
        checkpoint.load_latest(tmp_path, "abc")


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").touch()
    with pytest.raises(HarnessError, match="checkpoint: found 'Not a directory' on reading"):
        checkpoint.load_latest(tmp_path / "checkpoint", "abc")


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    names = {"best.pt", "000000009 (copy).pt", "000000009.pt.bak", "notes.txt"}
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, state(step))
    assert checkpoint.load_latest(tmp_path, "abc")[1] == []
    assert names < {path.name for path in tmp_path.iterdir()}


def test_what_killed_writers_left_goes_with_the_next_save(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, state(1))
    for name in (".000000002.pt.123.tmp", ".000000002.sha256.123.tmp", ".000000005.pt.4567890.tmp"):
        (tmp_path / name).write_bytes(bytes(1000))
    (tmp_path / "000000002.sha256").write_text("f" * 64)
    loaded, broken = checkpoint.load_latest(tmp_path, "abc")
    assert loaded is not None
    assert (loaded["step"], broken) == (1, [])
    checkpoint.save(tmp_path, state(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "000000001.pt", "000000001.sha256", "000000003.pt", "000000003.sha256",
    ]  # fmt: skip


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
