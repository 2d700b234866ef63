"""Which scans are timed: a fixed list that has as many of every size as the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

DECILES = 10


def choose_by_decile(voxels: Mapping[str, int], count: int, seed: int) -> list[str]:
    """Return `count` scans, or all there are, an equal share from every decile of the number of voxels.

    Scans are ordered by voxels, then id, and cut into ten parts as equal as can be. Where a share is no whole number,
    the parts that give one scan more are spread evenly from small scans to large ones. Within a part scans are drawn at
    random: a function of the ids, the voxels and the seed.

    Args:
        voxels: of each scan by its id.
        count: scans wanted.
        seed: of the draw.

    Returns:
        Ids in the order of their voxels, then by id.
    """
    ordered = sorted(voxels, key=lambda scan_id: (voxels[scan_id], scan_id))
    if count >= len(ordered):
        return ordered
    parts = np.array_split(np.arange(len(ordered)), DECILES)
    draw = np.random.Generator(np.random.PCG64(seed))
    shares = _shares([len(part) for part in parts], count)
    chosen = [draw.permutation(part)[:share] for part, share in zip(parts, shares, strict=True)]
    return [ordered[place] for place in np.sort(np.concatenate(chosen))]


def _shares(sizes: Sequence[int], count: int) -> list[int]:
    """Return how many each part gives, at most one more or less than another; fewer are asked than there are."""
    share, rest = divmod(count, len(sizes))
    room = [place for place, size in enumerate(sizes) if size > share]
    more = {room[(2 * number + 1) * len(room) // (2 * rest)] for number in range(rest)}
    return [share + (place in more) for place in range(len(sizes))]
