"""The user's folder of what can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that ``HARNESS_CACHE_DIR`` names; by default one in ``XDG_CACHE_HOME`` or ``~/.cache``.

    It is that of `backbones.sparse.native.build`, which imports nothing of this package. It may not exist yet.
    """
    chosen = os.environ.get("HARNESS_CACHE_DIR")
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(shared, "harness-lidar-kd")
