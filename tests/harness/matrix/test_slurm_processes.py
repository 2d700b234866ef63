"""A cell in several processes as a job of a real SLURM."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_slurm import STEPS, come_urgently, disturbed, facts, long_root, no_job_stays, pytestmark

__all__ = ["long_root", "no_job_stays", "pytestmark"]


@pytest.mark.slow
def test_the_processes_of_a_job_that_makes_room_for_an_urgent_one_go_on_where_they_were(
    long_root: Path, tmp_path: Path
) -> None:
    """SIGTERM comes to each of them, where SLURM has no cgroups to tell them apart."""
    result, folder, it = disturbed(long_root, tmp_path / "out", come_urgently, processes=2)
    assert (result.status, result.reason) == ("finished", None)
    assert result.training is not None
    assert result.training.processes == 2
    [resumed] = facts(folder, "resumed")
    assert it.at_step <= int(str(resumed["step"])) < 2 * STEPS
    assert [event["warned"] for event in facts(folder, "preempted")] == [True]
    assert not facts(folder, "failed")
