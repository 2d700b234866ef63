from __future__ import annotations

import pytest

from harness.matrix.executors.slurm_queue import QueuedJob, parse_queue


def test_jobs_and_tasks_of_arrays_are_told_apart() -> None:
    text = "12_0|RUNNING|None\n12_1|PENDING|Resources\n13|COMPLETING|NonZeroExitCode\n14|PENDING|(null) | odd\n"
    assert parse_queue(text) == {
        "12_0": QueuedJob("RUNNING", None),
        "12_1": QueuedJob("PENDING", "Resources"),
        "13": QueuedJob("COMPLETING", "NonZeroExitCode"),
        "14": QueuedJob("PENDING", "(null) | odd"),
    }


@pytest.mark.parametrize("text", ["", "\n", "slurm_load_jobs error: no answer\n", "|RUNNING|None\n"])
def test_lines_of_another_form_are_no_jobs(text: str) -> None:
    assert parse_queue(text) == {}


@pytest.mark.parametrize(
    ("state", "reason", "stuck"),
    [
        ("PENDING", "Resources", False),
        ("PENDING", "Dependency", False),
        ("PENDING", "BeginTime", False),
        ("PENDING", "JobHeldAdmin", True),
        ("PENDING", "launch failed requeued held", True),
        ("PENDING", "DependencyNeverSatisfied", True),
        ("PENDING", None, False),
        ("RUNNING", "JobHeldAdmin", False),
    ],
)
def test_a_job_that_waits_for_a_person_is_known(state: str, reason: str | None, stuck: bool) -> None:
    assert QueuedJob(state, reason).stuck is stuck
