from __future__ import annotations

import pytest
import torch

from harness.matrix.run_device import RunDevice, device_here, device_of_cluster
from harness.matrix.timings import Kind, Timing
from harness.measure.device import describe_device

CPU, GPU = torch.device("cpu"), torch.device("cuda")
KIND = Kind(data="d", scans="", grid="g", network="n", teacher=None, method="none", engine="portable")


def trained_on(*devices: str) -> list[Timing]:
    return [Timing(KIND, device, 2, 1.0, 1.0, None, None, None, "a cell") for device in devices]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def test_a_device_of_this_machine_needs_no_note() -> None:
    assert device_here(CPU, 7) == RunDevice(f"{describe_device(CPU)}, threads: 7")


def test_a_cluster_has_what_its_cells_were_trained_on() -> None:
    finished = trained_on("A GPU", "A GPU", "A CPU, threads: 4")
    assert device_of_cluster(GPU, finished).name == "A GPU"
    assert device_of_cluster(CPU, finished).name == "A CPU, threads: 4"


@pytest.mark.parametrize("devices", [(), ("A GPU", "B GPU"), ("A CPU, threads: 4",)])
def test_gpus_that_nothing_tells_of_are_unknown(devices: tuple[str, ...]) -> None:
    found = device_of_cluster(GPU, trained_on(*devices))
    assert found == RunDevice("the cluster's GPUs (unknown here)")


@pytest.mark.parametrize("devices", [(), ("A CPU, threads: 4", "A CPU, threads: 8"), ("A GPU",)])
def test_a_device_that_is_here_stands_for_the_cluster_s_where_nothing_tells_otherwise(devices: tuple[str, ...]) -> None:
    found = device_of_cluster(CPU, trained_on(*devices))
    assert found.name == device_here(CPU, None).name
    assert "this machine" in (found.note or "")
