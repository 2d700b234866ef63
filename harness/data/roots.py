"""Where a user's data sets lie: a command-line option, an environment variable, or harness.toml."""

from __future__ import annotations

import os
from pathlib import Path

from harness.data.user_file import CONFIG_FILE, user_setting
from harness.errors import HarnessError


def find_root(name: str, given: Path | None = None) -> Path:
    """Return the root of a data set.

    Args:
        name: of the data set, for example ``semantickitti``.
        given: what the user wrote on the command line; it wins.

    Raises:
        HarnessError: the root is named nowhere, or harness.toml can't be read.
    """
    if given is not None:
        return given
    variable = f"{name.upper()}_ROOT"
    if os.environ.get(variable):
        return Path(os.environ[variable])
    configured = _configured(name)
    if configured is not None:
        return configured
    raise HarnessError(
        f"the root of {name}",
        "nothing that names it",
        f'--{name} DIR, or the environment variable {variable}, or a line `{name} = "DIR"` in ./{CONFIG_FILE}',
        "`harness run --matrix demo` needs no data: it makes its own.",
    )


def _configured(name: str) -> Path | None:
    value = user_setting(name)
    if value is not None and not isinstance(value, str):
        raise HarnessError(f"{CONFIG_FILE}, key {name}", repr(value), "a folder's path in quotes", "Mend the value.")
    return Path(value).expanduser() if value else None
