"""The points of several scans as those of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.data.scan import Scan


def join(parts: Sequence[Scan]) -> Scan:
    """Return the points of labelled scans one after the other, under the name of the first.

    Instances are dropped: two scans number theirs alike. Where a part says which points are asked for, all the points
    of a part that does not are.
    """
    asked = None
    if any(part.asked is not None for part in parts):
        asked = np.concatenate([np.ones(len(part), bool) if part.asked is None else part.asked for part in parts])
    return replace(
        parts[0],
        xyz=np.concatenate([part.xyz for part in parts]),
        intensity=np.concatenate([part.intensity for part in parts]),
        labels=np.concatenate([part.labels for part in parts if part.labels is not None]),
        instances=None,
        asked=asked,
    )
