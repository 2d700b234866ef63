"""Who comes when: networks in turn, scans shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np

Purpose: TypeAlias = Literal["warm-up", "end to end", "spans"]
Item = TypeVar("Item")


def in_turn(items: Sequence[Item], number: int) -> Sequence[Item]:
    """Return the items in the order of pass `number`, so that two passes show them A B B A."""
    return items if number % 2 == 0 else items[::-1]


def scan_order(scans: int, seed: int, purpose: Purpose, number: int) -> list[int]:
    """Return a shuffled order of the scans: a function of the arguments, and the same for every network."""
    entropy = np.random.SeedSequence((seed, get_args(Purpose).index(purpose), number))
    order: list[int] = np.random.Generator(np.random.PCG64(entropy)).permutation(scans).tolist()
    return order
