import pytest
import torch

from harness.errors import HarnessError
from harness.measure.device import choose_device, describe_device


def test_auto_takes_what_is_there() -> None:
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert describe_device(torch.device("cpu"))


@pytest.mark.parametrize("name", ["gpu", "", "meta", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(HarnessError, match="--device"):
        choose_device(name)


@pytest.mark.gpu
def test_a_gpu_has_a_name() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert "NVIDIA" in describe_device(choose_device("cuda"))
