"""What a user may tell SLURM, where it is read from, and what becomes of it in a job's script."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from submitit.slurm.slurm import SlurmExecutor

from harness.errors import HarnessError
from harness.matrix.executors.slurm_settings import SlurmSettings, minutes, read_settings
from harness.matrix.executors.slurm_submit import parameters
from harness.matrix.order import Resources

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder than that of a harness.toml of a developer's."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30", 30), ("30:00", 30), ("30:01", 31), ("4:00:00", 240), ("00:59:59", 60), ("2-12", 3600), ("1-00:30", 1470),
     ("1-02:03:04", 1564), ("0:30", 1)],
)  # fmt: skip
def test_times_are_read_as_slurm_reads_them(text: str, expected: int) -> None:
    assert minutes(text) == expected


@given(st.integers(0, 30), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_is_the_sum_of_its_parts(days: int, hours: int, mins: int, seconds: int) -> None:
    whole = days * 1440 + hours * 60 + mins
    assert minutes(f"{days}-{hours:02d}:{mins:02d}:{seconds:02d}") == whole + (seconds > 0)


@pytest.mark.parametrize("text", ["", "soon", "1:2:3:4", "-5", "1-", "1 hour", "٣"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(HarnessError, match=r"--slurm, key time: found .*minutes, HH:MM:SS"):
        read_settings([f"time={text}"])


def test_the_command_line_goes_over_the_file(empty_folder: Path) -> None:
    (empty_folder / "harness.toml").write_text(
        'semantickitti = "somewhere"\n[slurm]\npartition = "gpu"\ntime = 04:00:00\nsetup = ["module load cuda"]\n'
    )
    assert read_settings([]) == SlurmSettings(partition="gpu", time=240, setup=("module load cuda",))
    given = read_settings(["time=30", "partition=cpu=old", "setup=one", "setup=two"])
    assert given == SlurmSettings(partition="cpu=old", time=30, setup=("one", "two"))


def test_without_anything_every_setting_has_its_default() -> None:
    assert read_settings([]) == SlurmSettings()
    assert SlurmSettings().time == 24 * 60


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("partitoin=gpu", "--slurm, key partitoin: found an unknown key.*Did you mean 'partition'"),
        ("partition", "--slurm: found 'partition'; expected KEY=VALUE"),
        ("=gpu", "expected KEY=VALUE"),
        ("mem=lots", "--slurm, key mem: found 'lots'"),
        ("max_requeues=-1", "--slurm, key max_requeues: found '-1'"),
        ("time=1", "signal_delay_s is shorter than time"),
    ],
)
def test_a_fault_on_the_command_line_is_named(pair: str, message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        read_settings([pair])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[slurm]\nqoss = 'high'\n", r"harness.toml, table \[slurm\], key qoss: .*Did you mean 'qos'"),
        ("slurm = 3\n", r"harness.toml, table \[slurm\]: found 3; expected a table"),
        ("[slurm\n", "harness.toml: found .*expected a TOML file"),
        ("[slurm]\ngres = 'gpu:1'\ngpus_per_node = 1\n", "gres or gpus_per_node, not both"),
    ],
)
def test_a_fault_in_the_file_is_named(empty_folder: Path, content: str, message: str) -> None:
    (empty_folder / "harness.toml").write_text(content)
    with pytest.raises(HarnessError, match=message):
        read_settings(["time=60"])


class Submitit(SlurmExecutor):
    """submitit's executor as it can be made on a machine that has SLURM's commands."""

    @classmethod
    def affinity(cls) -> int:
        return 2


def script(tmp_path: Path, settings: SlurmSettings, resources: Resources) -> str:
    """The text that submitit would hand to sbatch."""
    executor = Submitit(tmp_path)
    executor.update_parameters(**parameters(settings, resources))
    return executor._make_submission_file_text("python job.py", "uid")


def test_a_script_asks_for_what_the_settings_say(tmp_path: Path) -> None:
    settings = SlurmSettings(
        partition="gpu",
        account="lidar",
        qos="low",
        constraint="a100|h100",
        time=90,
        mem="32G",
        setup=("module load x",),
    )
    lines = script(tmp_path, settings, Resources(GPU, workers=3, processes=2)).splitlines()
    assert {
        "#SBATCH --partition=gpu",
        "#SBATCH --account=lidar",
        "#SBATCH --qos=low",
        "#SBATCH --constraint='a100|h100'",
        "#SBATCH --time=90",
        "#SBATCH --mem=32G",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --cpus-per-task=8",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --nodes=1",
        "#SBATCH --signal=USR2@120",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        "module load x",
    } <= set(lines)
    [start] = [line for line in lines if line.startswith("srun")]
    assert "--cpus-per-task=8" in start.split()
    assert start.endswith("python job.py")


def test_a_script_asks_for_nothing_that_was_not_said(tmp_path: Path) -> None:
    text = script(tmp_path, SlurmSettings(), Resources(CPU))
    for word in ("partition", "account", "qos", "gres", "gpus", "mem", "wckey", "constraint"):
        assert f"--{word}" not in text


def test_gpus_in_the_users_own_words_are_left_to_him(tmp_path: Path) -> None:
    text = script(tmp_path, SlurmSettings(gres="gpu:a100:2"), Resources(GPU, processes=2))
    assert "--gres=gpu:a100:2" in text
    assert "gpus-per-node" not in text


def test_fewer_gpus_than_processes_are_refused() -> None:
    with pytest.raises(HarnessError, match="gpus_per_node 1; expected 2, one for each process"):
        parameters(SlurmSettings(gpus_per_node=1), Resources(GPU, processes=2))
