"""The index of a version, read from its tables once and then from the user's cache folder.

A cache file has a line with the SHA-256 of the rest, and then JSON. It serves as long as every table has the size and
the times of modification and of change of status that it had when it was read, or, where they differ, as long as it has
the same bytes. Programs may set the first time as they like; only the system sets the second. Processes may
build the file at once: each renames a whole one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from harness.data.cache import cache_folder
from harness.data.input_file import unreadable
from harness.data.manifest import digest_file
from harness.data.nuscenes.build import build_index, table_files
from harness.data.nuscenes.index import Index
from harness.errors import HarnessError
from harness.files import write_text

FORMAT = 2
"""Of the cache file. A part of its name: another version makes its own."""

State: TypeAlias = tuple[int, int, int]
"""Of a table: size in bytes, times of modification and of change of status in ns."""


class _Columns(TypedDict):
    """`Index.columns`, as JSON."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    scene: list[str]
    sample: list[str]
    points: list[str]
    labels: list[str | None]
    timestamp_us: list[int]
    sensor: list[float]
    ego: list[float]


class _Record(NamedTuple):
    """What a cache file says: the tables' states, and the index that was made from them."""

    states: tuple[State, ...]
    tokens: list[str]
    columns: _Columns
    digests: dict[str, str]

    def to_index(self) -> Index:
        return Index(self.tokens, cast("dict[str, list[Any]]", self.columns), self.digests)

    def fits(self, tables: tuple[str, ...]) -> bool:
        """Whether it is of these tables, and every column has a value, or the seven of a pose, for each keyframe."""
        count = len(self.tokens)
        return self.digests.keys() == set(tables) and all(
            len(column) == (7 * count if name in ("sensor", "ego") else count)
            for name, column in self.to_index().columns.items()
        )


_RECORD = TypeAdapter(_Record)


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
def _opened(folder: Path, states: tuple[State, ...]) -> Index:
    """Remember the index in this process, so that a data set that was sent to a worker need not carry it."""
    cache = index_cache_file(folder)
    record = _load(cache, table_files(folder.name))
    known = record is not None and record.states == states
    if record is not None and (known or _same_bytes(folder, record.digests)):
        index = record.to_index()
    else:
        index = build_index(folder)
    if not known:
        try:
            write_text(cache, _dump(index, states))
        except HarnessError as error:
            remedy = "Name a folder that can be written in HARNESS_CACHE_DIR; reading the tables takes long."
            raise HarnessError(cache, error.found, "room for the index of nuScenes", remedy) from error
    return index


def _state(table: Path) -> State:
    try:
        state = table.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and table.name == "lidarseg.json" and table.parent.is_dir():
            remedy = "Unpack nuScenes-lidarseg over the data set."
            raise HarnessError(table, "no such file", "the table of the label files", remedy) from error
        raise unreadable(table, error) from error
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _dump(index: Index, states: tuple[State, ...]) -> str:
    body = json.dumps([states, index.tokens, index.columns, index.digests], separators=(",", ":"))
    return f"{sha256(body.encode()).hexdigest()}\n{body}"


def _load(cache: Path, tables: tuple[str, ...]) -> _Record | None:
    """Return what the cache has of these tables; None where that is not what `_dump` writes."""
    try:
        digest, _, body = cache.read_bytes().partition(b"\n")
        if digest != sha256(body).hexdigest().encode():
            return None
        record = _RECORD.validate_json(body, strict=True)
    except (OSError, ValidationError):
        return None
    return record if record.fits(tables) else None


def _same_bytes(folder: Path, digests: Mapping[str, str]) -> bool:
    return all(digest_file(folder / table) == digest for table, digest in digests.items())
