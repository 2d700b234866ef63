"""The manifest of a data set: one hash that says which bytes a result was computed from.

Its text has one line per file, ``<sha256>  <path below the root>``, sorted by path, as `sha256sum --check` reads it;
the manifest's hash is the SHA-256 of that text.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from harness.data.input_file import AGAIN, input_size, unreadable
from harness.errors import HarnessError
from harness.files import write_text

HASHING_THREADS = 4
MOST_BYTES = 1 << 34
"""Ten times the largest table of nuScenes; a sparse file of terabytes would be hashed for hours."""


STATES = 4
"""Of a path, remembered: machines that copy the data anew for each job leave one each time."""


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        HarnessError: it can't be read, is no regular file, or is larger than any file of a data set.
    """
    size = input_size(path)
    if size > MOST_BYTES:
        raise HarnessError(path, f"{size} bytes", f"at most {MOST_BYTES} bytes", AGAIN)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error


def manifest_text(digests: Mapping[str, str]) -> str:
    """The manifest of files by path: one line each, sorted."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def manifest_hash(digests: Mapping[str, str]) -> str:
    """SHA-256 of the manifest's text, in hexadecimal."""
    return hashlib.sha256(manifest_text(digests).encode()).hexdigest()


def digest_files(root: Path, paths: Sequence[str], cache: Path | None) -> dict[str, str]:
    """Hash files, those that have changed since the last call only.

    Args:
        root: folder that the paths are relative to.
        paths: of the files, with forward slashes.
        cache: file that remembers hashes by path, size, time of modification and time of change of status in ns: a
            program may set the former as it likes, and not the latter. Of each path it keeps the last `STATES`, since
            machines may have copies of their own under one path. None hashes every file. A cache that can't be
            understood is made anew.

    Returns:
        SHA-256 by path.
    """
    known = _load(cache)
    keys = {path: _key(root / path) for path in paths}
    stale = [path for path in paths if keys[path] not in known]
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        fresh = pool.map(lambda path: digest_file(root / path), stale)
        found = dict(zip((keys[path] for path in stale), fresh, strict=True))
    if cache is not None and stale:
        latest = _load(cache)  # another process may have written it meanwhile
        with suppress(HarnessError):  # where it can't be kept the next run hashes again
            write_text(cache, json.dumps(_newest(latest | found), indent=0))
    known |= found
    return {path: known[keys[path]] for path in paths}


def _key(path: Path) -> str:
    try:
        state = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}|{state.st_ctime_ns}"


def _newest(known: dict[str, str]) -> dict[str, str]:
    """Return the hashes of the last states of each path, in the order in which they were found."""
    kept, count = dict[str, str](), Counter[str]()
    for key, digest in reversed(known.items()):
        path = key.rsplit("|", 3)[0]
        count[path] += 1
        if count[path] <= STATES:
            kept[key] = digest
    return dict(reversed(kept.items()))


def _load(cache: Path | None) -> dict[str, str]:
    if cache is None:
        return {}
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict) or not all(isinstance(digest, str) for digest in known.values()):
        return {}
    return known
