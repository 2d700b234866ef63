"""The index of a version, read from its tables once and then from the user's cache folder.

A cache file has a line with the SHA-256 of the rest, and then JSON. It serves as long as every table has the size and
the time of change that it had when it was read, or, where they differ, as long as it has the same bytes. Processes may
build it at once: each renames a whole file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from harness.data.cache import cache_folder
from harness.data.input_file import unreadable
from harness.data.manifest import digest_file
from harness.data.nuscenes.build import build_index, table_files
from harness.data.nuscenes.index import Index
from harness.errors import HarnessError
from harness.files import write_text

FORMAT = 1
"""Of the cache file. A part of its name: another version makes its own."""


def open_index(folder: Path) -> Index:
    """Return the index of the tables in a folder, from the cache where it has one of just these tables.

    Args:
        folder: of the tables; its name is the version.

    Raises:
        HarnessError: as `build_index`, or the cache folder can't be written.
    """
    whole = folder.absolute()
    return _opened(whole, tuple(_state(whole / name) for name in table_files(folder.name)))


def index_cache_file(folder: Path) -> Path:
    """Return the cache file of the tables in a folder, the same for every link to it."""
    place = sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    return cache_folder() / f"nuscenes-index-{FORMAT}-{folder.name}-{place}.json"


@lru_cache(maxsize=4)
def _opened(folder: Path, states: tuple[tuple[int, int], ...]) -> Index:
    """Remember the index in this process, so that a data set that was sent to a worker need not carry it."""
    cache = index_cache_file(folder)
    record = _load(cache)
    known = record is not None and [tuple(state) for state in record["states"]] == list(states)
    index = None if record is None else Index(*record["index"])
    if index is None or not (known or _same_bytes(folder, index.digests)):
        index = build_index(folder)
    if not known:
        try:
            write_text(cache, _dump(index, states))
        except HarnessError as error:
            remedy = "Name a folder that can be written in HARNESS_CACHE_DIR; reading the tables takes long."
            raise HarnessError(cache, error.found, "room for the index of nuScenes", remedy) from error
    return index


def _state(table: Path) -> tuple[int, int]:
    """Size in bytes and time of change in ns."""
    try:
        state = table.stat()
    except OSError as error:
        if table.name == "lidarseg.json" and table.parent.is_dir():
            remedy = "Unpack nuScenes-lidarseg over the data set."
            raise HarnessError(table, "no such file", "the table of the label files", remedy) from error
        raise unreadable(table, error) from error
    return state.st_size, state.st_mtime_ns


def _dump(index: Index, states: tuple[tuple[int, int], ...]) -> str:
    record = {"states": states, "index": [index.tokens, index.columns, index.digests]}
    body = json.dumps(record, separators=(",", ":"))
    return f"{sha256(body.encode()).hexdigest()}\n{body}"


def _load(cache: Path) -> dict[str, Any] | None:
    """Return what the cache has; None where it has nothing whole."""
    try:
        digest, _, body = cache.read_bytes().partition(b"\n")
    except OSError:
        return None
    if digest != sha256(body).hexdigest().encode():
        return None
    record: dict[str, Any] = json.loads(body)
    return record


def _same_bytes(folder: Path, digests: Mapping[str, str]) -> bool:
    return all(digest_file(folder / table) == digest for table, digest in digests.items())
