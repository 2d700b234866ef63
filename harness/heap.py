"""Keep freed memory for the next tensor instead of handing it back to the system."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``, as its malloc.h numbers them."""
NEVER = 2**31 - 1
HUGE_PAGES = "THP_MEM_ALLOC_ENABLE"
"""What torch reads at its first allocation: whether it asks the system for huge pages for tensors of 2 MiB and more."""


def keep_freed_memory() -> bool:
    """Tell glibc to serve large tensors from the heap and not to shrink it, and torch to ask for huge pages.

    Returns whether glibc took both. To be called before the first tensor is made.

    The features of a full scan fill tens of megabytes. glibc maps such a block anew each time and unmaps it when it is
    freed, so that every layer pays a page fault per 4 KiB written: much of the time of normalisation, activations
    and sums on a CPU. Where memory is new, a huge page takes the place of 512 such faults. Other allocators and systems
    are left alone. It holds for the whole process and its children.
    """
    if not sys.platform.startswith("linux"):
        return False
    os.environ.setdefault(HUGE_PAGES, "1")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(M_MMAP_MAX, 0)) and bool(mallopt(M_TRIM_THRESHOLD, NEVER))
