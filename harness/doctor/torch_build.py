"""PyTorch: its build, its threads, and the GPUs it sees."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from harness.doctor.machine import GIB

DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch sees."""

    name: str
    memory_gib: float
    capability: str


@dataclass(frozen=True)
class TorchBuild:
    """PyTorch as it is installed here.

    Attributes:
        version: of torch.
        cuda: release that it was built for; None for a build without CUDA.
        rocm: likewise.
        cudnn: version, or None.
        driver: version of this machine's NVIDIA driver, whether torch can use it or not.
        gpus: those that torch sees.
        threads: within one operation.
        omp_num_threads: the environment variable of that name.
        remedy: why no GPU is used although there may be one, and what to do; or None.
    """

    version: str
    cuda: str | None
    rocm: str | None
    cudnn: str | None
    driver: str | None
    gpus: tuple[Gpu, ...]
    threads: int
    omp_num_threads: str | None
    remedy: str | None


def inspect_torch() -> TorchBuild:
    """Look at PyTorch and the GPUs."""
    with warnings.catch_warnings():
        # A CUDA build on a machine without a usable driver warns; the report says it in its own words.
        warnings.simplefilter("ignore")
        gpus = tuple(_gpu(index) for index in range(torch.cuda.device_count()))
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    driver = parse_driver(DRIVER.read_text()) if DRIVER.exists() else None
    return TorchBuild(
        version=torch.__version__,
        cuda=torch.version.cuda,
        rocm=torch.version.hip,
        cudnn=None if cudnn is None else str(cudnn),
        driver=driver,
        gpus=gpus,
        threads=torch.get_num_threads(),
        omp_num_threads=os.environ.get("OMP_NUM_THREADS"),
        remedy=gpu_remedy(torch.version.cuda, driver, len(gpus)),
    )


def parse_driver(text: str) -> str | None:
    """Return the version in what the NVIDIA driver says of itself; None when there is none."""
    found = re.search(r"\s(\d{3,}\.\d+(?:\.\d+)?)\s", text)
    return found and found[1]


def gpu_remedy(cuda: str | None, driver: str | None, gpus: int) -> str | None:
    """Return why torch uses no GPU although a part of what it needs is here, and what to do; else None."""
    if gpus:
        return None
    if driver is not None and cuda is None:
        return f"An NVIDIA driver ({driver}) is here but torch is a build without CUDA. Type: pip install torch"
    if driver is not None:
        return (
            f"torch (CUDA {cuda}) sees no GPU although driver {driver} is here. Look at CUDA_VISIBLE_DEVICES and "
            "nvidia-smi; a driver older than this CUDA release needs an update."
        )
    return None


def _gpu(index: int) -> Gpu:
    properties = torch.cuda.get_device_properties(index)
    capability = f"{properties.major}.{properties.minor}"
    return Gpu(properties.name, properties.total_memory / GIB, capability)
