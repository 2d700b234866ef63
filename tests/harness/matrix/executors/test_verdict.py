"""What is said of a process that has ended, from what submitit and the system leave of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from submitit import LocalJob

from harness.matrix.executors.verdict import verdict


def ended(folder: Path, log: str, result: tuple[str, object] | None = None) -> str | None:
    job: LocalJob[str] = LocalJob(folder, "17")
    job.paths.stdout.write_text(log)
    if result is not None:
        job.paths.result_pickle.write_bytes(pickle.dumps(result))
    return verdict(job, job.paths.stdout)


def test_a_process_with_an_outcome_needs_no_verdict(tmp_path: Path) -> None:
    assert ended(tmp_path, "ValueError: one that was met\n", ("success", "done")) is None


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "was killed from outside"),
        ("submitit INFO (...) - Loading pickle\ntraining\n", "was killed from outside"),
        ("a\nFatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n", "Segmentation fault"),
        (
            "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'x'\n",
            "No module named 'x'",
        ),
        ("Traceback ...\ntorch.OutOfMemoryError: first\nTraceback ...\nKeyboardInterrupt\n", "KeyboardInterrupt"),
    ],
)
def test_a_death_is_told_from_the_end_of_the_log(tmp_path: Path, log: str, words: str) -> None:
    reason = ended(tmp_path, log)
    assert reason is not None
    assert words in reason
    assert str(tmp_path / "17_0_log.out") in reason


def test_an_error_is_told_in_its_own_words(tmp_path: Path) -> None:
    trace = "Traceback (most recent call last):\n  ...\nharness.errors.HarnessError: x: found a; expected b. Mend it.\n"
    assert ended(tmp_path, "", ("error", trace)) == (
        f"x: found a; expected b. Mend it. (log: {tmp_path / '17_0_log.out'})"
    )


def test_a_log_that_is_not_there_hides_no_death(tmp_path: Path) -> None:
    assert "was killed" in str(verdict(LocalJob(tmp_path, "18"), tmp_path / "none"))
