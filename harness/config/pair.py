"""KEY=VALUE, as several options take it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.config.text import read_text, refuse_long
from harness.errors import HarnessError


def split_pair(option: str, pair: str, example: str) -> tuple[str, str]:
    """Return the key and the text of KEY=VALUE.

    Args:
        option: that took it, for messages.
        pair: as it was typed.
        example: of a pair, for messages.

    Raises:
        HarnessError: there is no ``=``, or no key before it.
    """
    key, sign, text = pair.partition("=")
    if not sign or not key:
        raise HarnessError(option, repr(pair)[:80], "KEY=VALUE", f"For example: {option} {example}")
    return key, text


def read_pair(option: str, pair: str, example: str) -> tuple[str, Any]:
    """Return the key and the value of KEY=VALUE.

    The value is read as YAML, so that numbers and lists are what they look like; ``@FILE`` is what the file says.

    Args:
        option, pair, example: as `split_pair` takes them.

    Raises:
        HarnessError: there is no ``=``, the value is no YAML, or the file can't be read or is too large.
    """
    key, text = split_pair(option, pair, example)
    where = f"{option} {key[:80]}"
    try:
        content = read_text(Path(text[1:])) if text.startswith("@") else refuse_long(text, "the value")
        return key, yaml.safe_load(content)
    except OSError as error:
        raise HarnessError(where, str(error), "a file that can be read", "Mend the path behind the @.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        found = " ".join(str(error).split())[:200]
        raise HarnessError(where, found, "a YAML or JSON value", "Mend the value.") from error
