"""The working copy that the harness runs from: which commit, and whether it was changed since."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
"""Variables by which git looks at another repository than that of the folder; its hooks set them."""
SOURCES = ("harness/*.py", "backbones/*.py", "baselines/*.py")
"""What is imported, at any depth; a new file elsewhere computes nothing."""

DIRTY = "-dirty"
PATIENCE_S = 20.0


@dataclass(frozen=True)
class WorkingCopy:
    """A checkout of the harness.

    Attributes:
        commit: 40 hexadecimal digits.
        dirty: a tracked file differs from the commit, or a package has a Python file that is not tracked.
        description: for people, as ``git describe --always --dirty`` has it.
    """

    commit: str
    dirty: bool
    description: str


@cache
def working_copy() -> WorkingCopy | None:
    """Return the working copy this process runs from; None when the harness was installed, or git can't tell.

    Asked once: what runs is what was there when the process began, whatever is committed while it trains.
    """
    return inspect(TOP)


def inspect(top: Path) -> WorkingCopy | None:
    """Return what git says of the folder that holds the three packages.

    A repository further up, or one that does not have the harness's files, is somebody else's: an environment that
    lies in it is no part of it.
    """
    if not (top / ".git").exists() or _git(top, "ls-files", "--error-unmatch", "--", "harness/version.py") is None:
        return None
    commit = _git(top, "rev-parse", "HEAD")
    described = _git(top, "describe", "--always", "--dirty", "--abbrev=12")
    if not commit or not described:
        return None
    dirty = described.endswith(DIRTY) or bool(_git(top, "ls-files", "-o", "--exclude-standard", "--", *SOURCES))
    return WorkingCopy(commit, dirty, described.removesuffix(DIRTY) + DIRTY * dirty)


def _git(top: Path, *arguments: str) -> str | None:
    """Return what a git command prints, None when it can't; it locks nothing that a user's own git may want."""
    environment = {key: value for key, value in os.environ.items() if key not in REDIRECTIONS}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    command = ["git", "-C", str(top), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
