"""NVIDIA's management library (NVML), asked about one GPU. What it does not tell is None, and why is kept.

Nothing of a card is ever set. The library is the optional package nvidia-ml-py, loaded when a card is looked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import torch

Value = TypeVar("Value")

THROTTLES: dict[int, str] = {
    0x002: "applications_clocks_setting",
    0x004: "sw_power_cap",
    0x008: "hw_slowdown",
    0x010: "sync_boost",
    0x020: "sw_thermal_slowdown",
    0x040: "hw_thermal_slowdown",
    0x080: "hw_power_brake_slowdown",
    0x100: "display_clock_setting",
}
"""NVML's reasons for a clock below the highest, by bit (nvml.h, nvmlClocksEventReasons); idleness, 0x001, is none."""

LIBRARY = "NVML"
"""The question in `Card.unknown` whose answer is missing when nothing at all can be asked."""


class Card:
    """One GPU, as NVML tells of it.

    Args:
        library: the module pynvml; None where it can't be used.
        handle: of the card, whose clocks and power these are.
        share: handle of the part that this process computes on: the card itself, or a slice of it (MIG).
        mig: whether the card is cut into slices.
        unknown: what could not be told so far, and why.
    """

    def __init__(
        self,
        library: Any,
        handle: Any = None,
        share: Any = None,
        mig: bool | None = None,
        unknown: Mapping[str, str] | None = None,
    ) -> None:
        self._library, self._handle, self._share = library, handle, share
        self.mig = mig
        self.unknown = dict(unknown or {})

    def driver(self) -> str | None:
        """Version of the driver."""
        version = self._ask("driver", lambda nvml: nvml.nvmlSystemGetDriverVersion())
        return version.decode() if isinstance(version, bytes) else version

    def sm_clock_mhz(self) -> int | None:
        """Clock of the multiprocessors now."""
        return self._ask("SM clock", lambda nvml: int(nvml.nvmlDeviceGetClockInfo(self._handle, nvml.NVML_CLOCK_SM)))

    def memory_clock_mhz(self) -> int | None:
        """Clock of the memory now."""
        return self._ask(
            "memory clock", lambda nvml: int(nvml.nvmlDeviceGetClockInfo(self._handle, nvml.NVML_CLOCK_MEM))
        )

    def temperature_c(self) -> int | None:
        """Temperature of the chip."""
        return self._ask(
            "temperature", lambda nvml: int(nvml.nvmlDeviceGetTemperature(self._handle, nvml.NVML_TEMPERATURE_GPU))
        )

    def power_w(self) -> float | None:
        """Power drawn by the whole card."""
        return self._ask("power", lambda nvml: float(nvml.nvmlDeviceGetPowerUsage(self._handle)) / 1e3)

    def throttle_reasons(self) -> tuple[str, ...]:
        """What holds the clocks down now, by NVML's names; empty where that is nothing, or not told."""
        bits = self._ask("throttle reasons", lambda nvml: _throttle_bits(nvml, self._handle))
        return tuple(name for bit, name in THROTTLES.items() if (bits or 0) & bit)

    def other_processes(self) -> int | None:
        """Processes that compute on it beside this one, which must have begun to.

        In a container NVML lists processes by numbers that mean nothing inside, or lists none: of those listed one is
        taken for this process, and an empty list tells nothing.
        """
        listed = self._ask("processes", lambda nvml: nvml.nvmlDeviceGetComputeRunningProcesses(self._share))
        if listed is None:
            return None
        if not listed:
            self.unknown["processes"] = "NVML lists none, not even this one, as in a container"
            return None
        others = [process for process in listed if process.pid != os.getpid()]
        return min(len(others), len(listed) - 1)

    def energy_mj(self) -> float | None:
        """Millijoules drawn since the driver was loaded; None of a slice, since the counter is of the whole card."""
        if self.mig:
            self.unknown["energy"] = "the card is cut into slices (MIG), and its counter is of the whole"
            return None
        return self._ask("energy", lambda nvml: float(nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)))

    def _ask(self, what: str, query: Callable[[Any], Value]) -> Value | None:
        if self._library is None:
            return None
        try:
            return query(self._library)
        except self._library.NVMLError as error:
            self.unknown[what] = str(error)
            return None


def find_card(device: torch.device) -> Card:
    """Return the card that a CUDA device of torch is; one that tells nothing where NVML can't be had."""
    try:
        import pynvml
    except ImportError:
        return Card(None, unknown={LIBRARY: "the package nvidia-ml-py is not installed"})
    return card_of(torch.cuda.get_device_properties(device), pynvml)


def card_of(properties: Any, library: Any) -> Card:
    """Return the card of these properties, found by UUID or PCI address: torch may number cards otherwise than NVML.

    Args:
        properties: ``torch.cuda.get_device_properties``.
        library: the module pynvml.
    """
    try:
        library.nvmlInit()  # never shut down: the library counts its users, and goes with the process
        share = _handle(properties, library)
        return _card(share, library)
    except library.NVMLError as error:
        return Card(None, unknown={LIBRARY: str(error)})


def _handle(properties: Any, library: Any) -> Any:
    """Find a card or a slice of one.

    Raises:
        NVMLError: NVML has no such card, or may not tell.
    """
    queries = []
    if (uuid := getattr(properties, "uuid", None)) is not None:  # which of both kinds it is of, torch does not say
        queries = [partial(library.nvmlDeviceGetHandleByUUID, f"{kind}-{uuid}") for kind in ("GPU", "MIG")]
    if hasattr(properties, "pci_bus_id"):
        address = f"{properties.pci_domain_id:08X}:{properties.pci_bus_id:02X}:{properties.pci_device_id:02X}.0"
        queries.append(partial(library.nvmlDeviceGetHandleByPciBusId, address))
    error = library.NVMLError(library.NVML_ERROR_NOT_FOUND)
    for query in queries:
        try:
            return query()
        except library.NVMLError as refused:
            error = refused
    raise error


def _card(share: Any, library: Any) -> Card:
    """Return the card that a handle belongs to.

    Raises:
        NVMLError: a slice does not tell of which card it is.
    """
    try:
        if library.nvmlDeviceIsMigDeviceHandle(share):
            return Card(library, library.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(share), share, mig=True)
        current, _ = library.nvmlDeviceGetMigMode(share)
        return Card(library, share, share, mig=current == library.NVML_DEVICE_MIG_ENABLE)
    except (library.NVMLError_NotSupported, library.NVMLError_FunctionNotFound):  # a card that can't be cut
        return Card(library, share, share, mig=False)
    except library.NVMLError_NoPermission as error:
        return Card(library, share, share, unknown={"MIG": str(error)})


def _throttle_bits(nvml: Any, handle: Any) -> int:
    """Ask under the newer name, or under the older where package or driver are from before 535."""
    if hasattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons"):
        with suppress(nvml.NVMLError_FunctionNotFound):
            return int(nvml.nvmlDeviceGetCurrentClocksEventReasons(handle))
    return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle))
