"""File names that come from a table, which anybody may have written."""

from __future__ import annotations

import os
import re
from pathlib import Path

from harness.data.input_file import AGAIN, unreadable
from harness.errors import HarnessError

UNPACK = "Unpack the tables of this version again."
_NAME = re.compile(r"[0-9A-Za-z_+-][0-9A-Za-z_.+-]{0,199}")


def labels_folder(version: str) -> str:
    """Folder of a version's label files, below the root."""
    return f"lidarseg/{version}"


def check_name(name: str, folder: str, where: object) -> None:
    """Refuse a name that is not that of a file right in `folder`, both below the root.

    Raises:
        HarnessError: names `where`: the name is absolute, leads up or elsewhere, or has characters that official names
            have not.
    """
    if not name.startswith(f"{folder}/") or not _NAME.fullmatch(name[len(folder) + 1 :]):
        expected = f"the name of a file in {folder}/, of letters, digits and . _ + -"
        raise HarnessError(where, f"filename {name[:120]!r}", expected, UNPACK)


class FileNames:
    """The file names of a table: each right in one folder, and each only once.

    Two keyframes with one file would count its scan twice, and perhaps train on what they evaluate on.

    Args:
        folder: below the root.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._seen: set[str] = set()

    def take(self, name: str, where: object) -> None:
        """Look at the next name.

        Raises:
            HarnessError: names `where`: as `check_name`, or an earlier row has the name already.
        """
        check_name(name, self.folder, where)
        if name in self._seen:
            found = f"filename {name[:120]!r}, which an earlier row has already"
            raise HarnessError(where, found, "a file for each row", UNPACK)
        self._seen.add(name)


def own_file(root: Path, name: str) -> Path:
    """Return the file of a name that `check_name` let pass.

    A folder on the way may be a link of the user's, to another disk for example. The file itself may be a link only
    within that folder or the root: an archive can hold links, too, and none of them is to name a file of the machine.

    Raises:
        HarnessError: it is a link to somewhere else, or can't be looked at.
    """
    path = root / name
    try:
        linked = path.is_symlink()
    except OSError as error:
        raise unreadable(path, error) from error
    if linked:
        end = Path(os.path.realpath(path))
        homes = [Path(os.path.realpath(folder)) for folder in (root, path.parent)]
        if not any(end.is_relative_to(home) for home in homes):
            found = f"a link to {end}"
            raise HarnessError(path, found, f"a file of {path.parent}, or a link to one below {root}", AGAIN)
    return path
