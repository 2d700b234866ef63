"""What a device says of itself at a moment: clocks, temperature, power, and who else uses it."""

from __future__ import annotations

import torch

from harness.measure.device import describe_device
from harness.measure.nvml import Card, find_card
from harness.measure.processor import Processor
from harness.spec import MachineState


class Machine:
    """A device that can be asked for its state again and again.

    Args:
        device: one that is here. Of a GPU, one that this process has already computed on, so that the process itself
            is among those that the card lists.
        card: of a GPU; None looks for it.
        processor: of a CPU; None looks at this machine's.
    """

    def __init__(self, device: torch.device, card: Card | None = None, processor: Processor | None = None) -> None:
        self.device = device
        self.card = card or (find_card(device) if device.type == "cuda" else None)
        self._processor = processor or Processor()

    def state(self) -> MachineState:
        """Ask now; the load of a CPU is that since the last time it was asked, or since the start."""
        name = describe_device(self.device)
        if self.card is None:
            return MachineState(
                name=name,
                sm_clock_mhz=self._processor.clock_mhz(),
                temperature_c=self._processor.temperature_c(),
                load=self._processor.load_of_others(),
            )
        return MachineState(
            name=name,
            driver=self.card.driver(),
            sm_clock_mhz=self.card.sm_clock_mhz(),
            memory_clock_mhz=self.card.memory_clock_mhz(),
            temperature_c=self.card.temperature_c(),
            power_w=self.card.power_w(),
            throttle_reasons=self.card.throttle_reasons(),
            other_processes=self.card.other_processes(),
            mig=self.card.mig,
        )

    def cannot_tell(self, what: str, why: str) -> None:
        """Take note that a GPU's answer is of no use."""
        if self.card is not None:
            self.card.unknown[what] = why

    def untold(self) -> dict[str, str]:
        """Return what a GPU could not tell so far, and why."""
        return {} if self.card is None else dict(self.card.unknown)
