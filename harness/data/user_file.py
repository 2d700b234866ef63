"""harness.toml: what a user settles once for all runs from a folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from harness.errors import HarnessError

CONFIG_FILE = "harness.toml"


def user_setting(key: str) -> Any:
    """Return what ./harness.toml has under a key of its top level, None where it has nothing.

    Raises:
        HarnessError: there is such a file and it can't be read.
    """
    path = Path(CONFIG_FILE)
    if not path.exists():
        return None
    try:
        return tomllib.loads(path.read_text()).get(key)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise HarnessError(path, str(error), "a TOML file", "Mend the file there.") from error
