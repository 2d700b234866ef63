"""What a process of its own sees of the machine."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from submitit import LocalExecutor

from harness.matrix.executors.lanes import Lane
from harness.matrix.executors.local_process import start
from harness.matrix.order import CellOrder, DataCopy, Resources


def seen(order: CellOrder) -> dict[str, object]:
    names = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
    deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return {name: os.environ[name] for name in names} | {"device": str(order.resources.device), "deaf": deaf}


def test_a_process_sees_the_gpus_and_threads_of_its_lane_and_nothing_here_changes(tmp_path: Path) -> None:
    before, paths = dict(os.environ), list(sys.path)
    order = CellOrder(tmp_path, "0", None, DataCopy("semantickitti", tmp_path), Resources(torch.device("cuda:1")))
    process = start(LocalExecutor(tmp_path), seen, order, Lane((3, 5), 2))
    assert (dict(os.environ), sys.path) == (before, paths)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert process.job.result() == {
        "CUDA_VISIBLE_DEVICES": "3,5",
        "OMP_NUM_THREADS": "2",
        "device": "cuda",
        "deaf": True,
    }
    assert process.end() is None
    assert [path.name for path in tmp_path.iterdir()] == [process.log.name]
