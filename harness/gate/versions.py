"""What changed beside the figures: versions, commits, devices. The gate is there to watch what they do."""

from __future__ import annotations

from collections.abc import Callable

from harness.gate.evidence import Evidence
from harness.spec import LatencyRecord, ProtocolCard

_TOLD: dict[str, Callable[[ProtocolCard | LatencyRecord], str | None]] = {
    "engine": lambda card: f"{card.engine} {card.engine_version}",
    "device": lambda card: card.device,
    "torch": lambda card: card.torch,
    "harness": lambda card: card.harness,
    "commit": lambda card: card.commit,
}


def changes(reference: Evidence, run: Evidence) -> list[str]:
    """Return a sentence for each thing that a reference and a run say differently of themselves."""
    sentences = []
    for thing, ask in _TOLD.items():
        there, here = (sorted({ask(card) or "unknown" for card in _cards(side)}) for side in (reference, run))
        if there and here and there != here:
            sentences.append(f"{thing}: {', '.join(here)}; in the reference {', '.join(there)}")
    return sentences


def _cards(evidence: Evidence) -> list[ProtocolCard | LatencyRecord]:
    return [*(result.protocol for result in evidence.results if result.protocol is not None), *evidence.latency]
