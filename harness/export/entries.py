"""What the entries of an archive may be called and be."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

ENCRYPTED = 0x1


def required_folders(scan_ids: Iterable[str]) -> list[str]:
    """Return the folder entries that an archive of these scans needs, parents first, sequences ascending."""
    folders = ["sequences/"]
    for sequence in sorted({scan_id.partition("/")[0] for scan_id in scan_ids}):
        folders += [f"sequences/{sequence}/", f"sequences/{sequence}/predictions/"]
    return folders


def names_safely(entry: ZipInfo) -> bool:
    """Tell whether an entry is a plain, readable file or folder below the folder that it is unpacked in."""
    name = entry.filename
    parts = PurePosixPath(name).parts
    inside = not name.startswith("/") and ".." not in parts and "\\" not in name and ":" not in name
    cut = entry.orig_filename != name
    kind = stat.S_IFMT(entry.external_attr >> 16)
    plain = kind in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG)
    readable = not entry.flag_bits & ENCRYPTED and entry.compress_type in (ZIP_STORED, ZIP_DEFLATED)
    return bool(inside and not cut and plain and readable)
