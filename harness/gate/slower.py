"""Is a network slower than its record in the reference says? One comparison of two records, by one rule."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from harness.spec import LatencyRecord

P, MARGIN = 0.002, 1.05
"""Both have to be passed: what chance would do in one of five hundred nights, and what is worth a look at all."""


@dataclass(frozen=True)
class Comparison:
    """How two records compare.

    Attributes:
        reference_ms: median over the passes of the reference.
        now_ms: the same of the run.
        p: Mann-Whitney, one-sided, towards the side on which the run is.
    """

    reference_ms: float
    now_ms: float
    p: float

    @property
    def slower(self) -> bool:
        """By chance hardly, and by more than 5 %."""
        return self.p < P and self.now_ms > MARGIN * self.reference_ms

    @property
    def faster(self) -> bool:
        """The same, the other way round."""
        return self.p < P and self.now_ms * MARGIN < self.reference_ms


def passes_ms(record: LatencyRecord) -> NDArray[np.float64]:
    """Return what the test counts as one draw, [processes · passes]: the median over the scans of a pass.

    Single samples depend on each other: a scan of many voxels is slow in every pass.
    """
    return np.concatenate([np.median(process.end_to_end_ms, axis=1) for process in record.processes])


def compare(reference: LatencyRecord, now: LatencyRecord) -> Comparison:
    """Compare two records of one network on one scan list and one kind of device."""
    return compare_passes(passes_ms(reference), passes_ms(now))


def compare_passes(reference: NDArray[np.float64], now: NDArray[np.float64]) -> Comparison:
    """Compare the passes of two records, as `passes_ms` gives them."""
    from scipy.stats import mannwhitneyu

    there, here = float(np.median(reference)), float(np.median(now))
    test = mannwhitneyu(now, reference, alternative="greater" if here >= there else "less")
    return Comparison(there, here, float(test.pvalue))


def can_tell(reference: LatencyRecord, now: LatencyRecord) -> bool:
    """Whether two records have passes enough that a difference could be found at all."""
    there, here = len(passes_ms(reference)), len(passes_ms(now))
    return 1 / comb(there + here, here) < P


def unlike(reference: LatencyRecord, now: LatencyRecord) -> list[str]:
    """Name what keeps two records of a network from being compared; empty where nothing does."""
    told = {
        "kind of device": (reference.device_kind, now.device_kind),
        "device": (reference.device, now.device),
        "threads": (reference.threads, now.threads),
        "scans": (reference.scans_sha256[:12], now.scans_sha256[:12]),
    }
    if reference.device_kind == "GPU":
        del told["threads"]
    return [f"{name}: {here}, in the reference {there}" for name, (there, here) in told.items() if there != here]
