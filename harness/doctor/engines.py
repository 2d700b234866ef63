"""Whether a sparse-convolution engine can be used here, computes correctly, and how fast it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

import torch

from backbones.sparse.engine import Engine, EngineError
from backbones.sparse.self_test import CASES, self_test, time_engine
from harness.measure.device import describe_device

Status = Literal["passed", "failed", "unavailable"]


@dataclass(frozen=True)
class DeviceCheck:
    """An engine on one device.

    Attributes:
        device: as torch names it.
        model: of the device.
        status: ``unavailable`` when the engine does not compute on this device.
        convolutions: kinds of convolution that it offers.
        kinds: kinds of convolution that the backbones have.
        output_error: largest relative error against dense conv3d; None when it is not finite or was not found.
        feature_gradient_error: likewise.
        weight_gradient_error: likewise.
        milliseconds: a 3³ convolution on the fixed voxels with 32 channels, forward and backward.
        reason: why it is not passed, or None.
    """

    device: str
    model: str
    status: Status
    convolutions: int = 0
    kinds: int = len(CASES)
    output_error: float | None = None
    feature_gradient_error: float | None = None
    weight_gradient_error: float | None = None
    milliseconds: float | None = None
    reason: str | None = None

    @property
    def largest_error(self) -> float | None:
        """The largest of the three errors; None when one of them is missing."""
        errors = self.output_error, self.feature_gradient_error, self.weight_gradient_error
        known = [error for error in errors if error is not None]
        return max(known) if len(known) == len(errors) else None


@dataclass(frozen=True)
class EngineCheck:
    """An engine on every device of this machine.

    Attributes:
        name: of the engine.
        installed: whether its library can be imported and used on this machine.
        version: of its library, or None.
        status: ``passed``: right on some device and wrong on none; ``failed``: wrong on one;
            ``unavailable``: it can't be loaded here, or computes on none of the devices.
        reason: why it can't be used and what to type, or None.
        devices: the checks, device by device.
    """

    name: str
    installed: bool
    version: str | None
    status: Status
    reason: str | None = None
    devices: tuple[DeviceCheck, ...] = ()


def load_engine(name: str, load: Callable[[], Engine]) -> Engine | str:
    """Return an engine, or one sentence why it can't be had, whatever its library raises.

    Args:
        name: of the engine.
        load: returns it, or raises `EngineError` with what to type.
    """
    try:
        return load()
    except EngineError as error:
        return str(error)
    except Exception as error:
        return f"Loading the engine '{name}' fails with {describe_error(error)}."


def check_engine(name: str, load: Callable[[], Engine], devices: Sequence[torch.device]) -> EngineCheck:
    """Load an engine, compare it with dense convolutions and time it.

    Whatever its library raises is part of the report: a broken library must not keep the others from being checked.

    Args:
        name: of the engine.
        load: returns it, or raises `EngineError` with what to type.
        devices: to check it on.
    """
    engine = load_engine(name, load)
    if isinstance(engine, str):
        return EngineCheck(name, installed=False, version=None, status="unavailable", reason=engine)
    checks = tuple(_check_on(engine, device) for device in devices)
    found = {on_device.status for on_device in checks}
    status: Status = "failed" if "failed" in found else "passed" if "passed" in found else "unavailable"
    reasons = " ".join(each.reason for each in checks if each.reason is not None)
    return EngineCheck(name, True, engine.version, status, None if status == "passed" else reasons, checks)


def _check_on(engine: Engine, device: torch.device) -> DeviceCheck:
    check = DeviceCheck(str(device), describe_device(device), "unavailable")
    fails = f"The engine '{engine.name}' fails its self-test on {device}"
    try:
        result = self_test(engine, device)
        milliseconds = time_engine(engine, device)
    except EngineError as error:
        return replace(check, reason=str(error))
    except Exception as error:
        return replace(check, status="failed", reason=f"{fails} with {describe_error(error)}.")
    return replace(
        check,
        status="passed" if result.passed else "failed",
        convolutions=result.cases,
        output_error=_finite(result.outputs),
        feature_gradient_error=_finite(result.input_gradients),
        weight_gradient_error=_finite(result.weight_gradients),
        milliseconds=milliseconds,
        reason=None if result.passed else f"{fails}: it does not compute what dense conv3d does.",
    )


def describe_error(error: Exception) -> str:
    """Return the type and the first line of an error."""
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]


def _finite(error: float) -> float | None:
    return error if isfinite(error) else None
