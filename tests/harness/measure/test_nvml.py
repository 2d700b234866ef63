"""NVML without a GPU: a stand-in for the library's surface, for how values and errors are mapped; and the real one."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import pytest
import torch

from harness.measure.nvml import LIBRARY, Card, card_of, find_card

CARD, SLICE = "the card", "a slice"
PROPERTIES = SimpleNamespace(uuid="12ab", pci_domain_id=0, pci_bus_id=0x3B, pci_device_id=0)


class NVMLError(Exception):
    pass


class NotSupported(NVMLError):
    pass


class FunctionNotFound(NVMLError):
    pass


class NoPermission(NVMLError):
    pass


class Library:
    """What the harness uses of pynvml, with the values of one card; `refused` names what it answers with an error."""

    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU, NVML_DEVICE_MIG_ENABLE, NVML_ERROR_NOT_FOUND = 1, 2, 0, 1, 6
    NVMLError, NVMLError_NotSupported, NVMLError_FunctionNotFound, NVMLError_NoPermission = (
        NVMLError,
        NotSupported,
        FunctionNotFound,
        NoPermission,
    )

    def __init__(self, known: str = "GPU-12ab", mig: int = 0, pids: tuple[int, ...] = (), **refused: NVMLError) -> None:
        self.known, self.mig, self.pids, self.refused = known, mig, pids, refused
        self.reasons = 0

    def _answer(self, name: str, value: object) -> object:
        if name in self.refused:
            raise self.refused[name]
        return value

    def nvmlInit(self) -> None:
        self._answer("init", None)

    def nvmlSystemGetDriverVersion(self) -> object:
        return self._answer("driver", b"570.1")

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object:
        if uuid != self.known:
            raise NVMLError("Not Found")
        return SLICE if uuid.startswith("MIG") else CARD

    def nvmlDeviceGetHandleByPciBusId(self, address: str) -> object:
        if address != self.known:
            raise NVMLError("Not Found")
        return CARD

    def nvmlDeviceIsMigDeviceHandle(self, handle: object) -> int:
        return int(handle == SLICE)

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: object) -> object:
        return CARD

    def nvmlDeviceGetMigMode(self, handle: object) -> object:
        return self._answer("mode", [self.mig, self.mig])

    def nvmlDeviceGetClockInfo(self, handle: object, kind: int) -> object:
        assert handle == CARD
        return self._answer("clock", {1: 1980, 2: 3201}[kind])

    def nvmlDeviceGetTemperature(self, handle: object, sensor: int) -> object:
        return self._answer("temperature", 41)

    def nvmlDeviceGetPowerUsage(self, handle: object) -> object:
        return self._answer("power", 123_456)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: object) -> object:
        return self._answer("reasons", self.reasons)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: object) -> object:
        return 0x4

    def nvmlDeviceGetComputeRunningProcesses(self, handle: object) -> object:
        return self._answer("processes", [SimpleNamespace(pid=pid) for pid in self.pids])

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: object) -> object:
        return self._answer("energy", 5_000_000)


def test_values_come_in_the_units_that_their_names_say() -> None:
    card = card_of(PROPERTIES, Library(pids=(os.getpid(),)))
    assert (card.driver(), card.mig) == ("570.1", False)
    assert (card.sm_clock_mhz(), card.memory_clock_mhz(), card.temperature_c()) == (1980, 3201, 41)
    assert card.power_w() == pytest.approx(123.456)
    assert card.energy_mj() == 5e6
    assert (card.throttle_reasons(), card.other_processes(), card.unknown) == ((), 0, {})


@pytest.mark.parametrize(
    "bits, names",
    [
        (0x001, ()),  # idle is no throttling
        (0x004, ("sw_power_cap",)),
        (0x0E9, ("hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake_slowdown")),
        (0x112, ("applications_clocks_setting", "sync_boost", "display_clock_setting")),
    ],
)
def test_throttle_reasons_by_bit(bits: int, names: tuple[str, ...]) -> None:
    library = Library()
    library.reasons = bits
    assert card_of(PROPERTIES, library).throttle_reasons() == names


def test_a_driver_that_knows_throttle_reasons_by_their_older_name_alone() -> None:
    card = card_of(PROPERTIES, Library(reasons=FunctionNotFound("Function Not Found")))
    assert (card.throttle_reasons(), card.unknown) == (("sw_power_cap",), {})


def test_a_card_is_found_by_its_pci_address_where_no_uuid_helps() -> None:
    assert card_of(PROPERTIES, Library(known="00000000:3B:00.0")).sm_clock_mhz() == 1980
    lost = card_of(PROPERTIES, Library(known="GPU-other"))
    assert (lost.sm_clock_mhz(), lost.unknown) == (None, {LIBRARY: "Not Found"})


@pytest.mark.parametrize("library", [Library(known="MIG-12ab"), Library(mig=1)])
def test_a_slice_has_the_clocks_of_its_card_and_no_energy(library: Library) -> None:
    card = card_of(PROPERTIES, library)
    assert (card.mig, card.sm_clock_mhz(), card.energy_mj()) == (True, 1980, None)
    assert "MIG" in card.unknown["energy"]


def test_a_card_that_cannot_be_cut_is_no_slice_and_one_that_may_not_tell_is_unknown() -> None:
    assert card_of(PROPERTIES, Library(mode=NotSupported("Not Supported"))).mig is False
    secret = card_of(PROPERTIES, Library(mode=NoPermission("Insufficient Permissions")))
    assert (secret.mig, secret.unknown) == (None, {"MIG": "Insufficient Permissions"})


@pytest.mark.parametrize(
    "question, method",
    [("driver", "driver"), ("clock", "sm_clock_mhz"), ("clock", "memory_clock_mhz"), ("temperature", "temperature_c"),
     ("power", "power_w"), ("energy", "energy_mj"), ("processes", "other_processes")],
)  # fmt: skip
def test_what_is_refused_is_none_and_the_reason_is_kept(question: str, method: str) -> None:
    card = card_of(PROPERTIES, Library(**{question: NotSupported("Not Supported")}))
    assert getattr(card, method)() is None
    assert list(card.unknown.values()) == ["Not Supported"]


@pytest.mark.parametrize(
    "pids, others",
    [
        ((os.getpid(),), 0),
        ((1, os.getpid(), 2), 2),
        ((4711,), 0),  # this process, by the number it has outside of its container
        ((4711, 4712), 1),
        ((), None),
    ],
)
def test_other_processes(pids: tuple[int, ...], others: int | None) -> None:
    assert card_of(PROPERTIES, Library(pids=pids)).other_processes() == others


def test_without_library_or_driver_nothing_is_told_and_it_is_said_why(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = card_of(PROPERTIES, Library(init=NVMLError("NVML Shared Library Not Found")))
    assert dead.unknown == {LIBRARY: "NVML Shared Library Not Found"}
    monkeypatch.setitem(sys.modules, "pynvml", None)
    absent = find_card(torch.device("cuda"))
    assert "nvidia-ml-py is not installed" in absent.unknown[LIBRARY]
    for card in (dead, absent):
        assert (card.driver(), card.sm_clock_mhz(), card.energy_mj(), card.other_processes()) == (None,) * 4
        assert card.throttle_reasons() == ()


@pytest.mark.gpu
def test_the_real_library_tells_of_the_card_that_torch_computes_on() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    pytest.importorskip("pynvml")
    device = torch.device("cuda", torch.cuda.current_device())
    held = torch.zeros(1, device=device)
    card = find_card(device)
    assert card.driver() is not None, card.unknown
    assert (card.sm_clock_mhz() or 0) > 0
    first, second = card.energy_mj(), card.energy_mj()
    assert first is None or (second is not None and second >= first)
    assert isinstance(card, Card)
    assert held.is_cuda
