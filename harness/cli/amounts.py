"""Times and sizes for people."""

from __future__ import annotations

UNKNOWN = "?"


def duration(hours: float | None) -> str:
    """Return a length of time in the unit that fits it: ``40 s``, ``12 min``, ``3.4 h``, ``1200 h``."""
    if hours is None:
        return UNKNOWN
    if hours < 1 / 60:
        return f"{3600 * hours:.0f} s"
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{hours:.0f} h"


def size(mib: float | None) -> str:
    """Return a size in the unit that fits it: ``830 MiB``, ``12.3 GiB``."""
    if mib is None:
        return UNKNOWN
    return f"{mib:.0f} MiB" if mib < 1000 else f"{mib / 1024:.1f} GiB"


def cell_count(number: int) -> str:
    """Return ``1 cell``, ``2 cells``."""
    return counted(number, "cell")


def counted(number: int, what: str) -> str:
    """Return so many of what takes an s: ``1 epoch``, ``2 epochs``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def clock(seconds: float) -> str:
    """Return a time in at most seven characters.

    >>> [clock(seconds) for seconds in (0.4, 65, 4000, 400000)]
    ['0:00', '1:05', '1:06:40', '111 h']
    """
    whole = round(seconds)
    if whole >= 36000:
        return f"{whole // 3600} h"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
