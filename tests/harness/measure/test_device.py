import pytest
import torch

from harness.errors import HarnessError
from harness.measure.device import THREADS, choose_device, describe_device, describe_with_threads, is_here


def test_auto_takes_what_is_there() -> None:
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert describe_device(torch.device("cpu"))


@pytest.mark.parametrize("name", ["gpu", "", "meta", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(HarnessError, match="--device"):
        choose_device(name)


def test_a_cpu_is_named_with_its_threads() -> None:
    device = torch.device("cpu")
    model = describe_device(device)
    assert describe_with_threads(device) == f"{model}, threads: {torch.get_num_threads()}"
    assert describe_with_threads(device, 3) == f"{model}, threads: 3"
    assert THREADS.search(describe_with_threads(device, 16))


def test_whether_a_device_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert is_here(torch.device("cpu"))
    assert not is_here(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert [is_here(torch.device(name)) for name in ("cuda", "cuda:1", "cuda:2")] == [True, True, False]


@pytest.mark.gpu
def test_a_gpu_has_a_name() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert "NVIDIA" in describe_device(choose_device("cuda"))
