"""What the labels of a prediction may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN, LabelMap

MOVING_IDS = frozenset(SEMANTICKITTI_MULTISCAN.train_to_raw) - frozenset(SEMANTICKITTI.train_to_raw)
"""Raw ids that only predictions of the multi-scan task hold: 252 to 255, 258 and 259."""


def describe_values(words: NDArray[np.uint32], label_map: LabelMap) -> str | None:
    """Say what is wrong with a prediction's words, or return None.

    Args:
        words: [N] uint32, raw ids.
        label_map: its inverse map, without the ignored class, gives the ids that may stand there.
    """
    allowed = np.asarray(label_map.train_to_raw[1:], dtype=np.uint32)
    lookup = np.zeros(int(allowed.max()) + 2, dtype=np.bool_)
    lookup[allowed] = True
    if lookup[np.minimum(words, len(lookup) - 1)].all():
        return None
    strange, counts = np.unique(words[~np.isin(words, allowed)], return_counts=True)
    listed = ", ".join(f"{value} ({count} points)" for value, count in zip(strange[:5], counts[:5], strict=True))
    more = f" and {len(strange) - 5} others" if len(strange) > 5 else ""
    return f"ids {listed}{more} are none of the scored raw ids{_hint(words, strange, allowed)}"


def has_moving(words: NDArray[np.uint32]) -> bool:
    """Tell whether any of a prediction's words, [N] raw ids, is a moving object's."""
    return bool(np.isin(words, list(MOVING_IDS)).any())


def _hint(words: NDArray[np.uint32], strange: NDArray[np.uint32], allowed: NDArray[np.uint32]) -> str:
    """Guess the usual slip behind wrong values."""
    if MOVING_IDS.issuperset(strange.tolist()):
        return "; ids of moving objects belong to the multi-scan task, not to the single-scan one"
    if words.max() <= len(allowed):
        return "; these look like train ids: write the raw ids of the inverse map"
    if np.isin(words & 0xFFFF, allowed).all():
        return "; the high 16 bits are set: write classes without instances"
    if np.isin(words.view("<f4"), allowed).all():
        return "; these look like float32: write uint32"
    return ""
