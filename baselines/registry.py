"""Distillation methods by name: those shipped here, those of installed packages, and any class by its dotted path."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baselines.method import Method

ENTRY_POINTS = "harness.methods"

SHIPPED: Mapping[str, str] = MappingProxyType(
    {
        "none": "baselines.none:NoDistillation",
        "pvd": "baselines.pvd.loss:PVD",
        "logit_kd": "baselines.logit_kd:LogitKD",
        "fitnets": "baselines.fitnets:FitNets",
        "attention_transfer": "baselines.attention_transfer:AttentionTransfer",
        "skd": "baselines.skd:SKD",
        "cwd": "baselines.cwd:CWD",
        "ifv": "baselines.ifv:IFV",
        "ka": "baselines.ka:KA",
        "sum": "baselines.sum:SumOfMethods",
    }
)


class UnknownMethodError(ValueError):
    """A name or dotted path that leads to no distillation method."""


def method_names() -> tuple[str, ...]:
    """Return every method that has a name: the shipped ones, then those of installed packages."""
    return (*SHIPPED, *sorted(set(_installed()) - set(SHIPPED)))


def load_method(name: str) -> type[Method]:
    """Return the class of a method.

    Args:
        name: a shipped method, an entry point of the group ``harness.methods``, or ``package.module:Class``. A shipped
            name can't be taken over by an installed package.

    Raises:
        UnknownMethodError: nothing has this name, or what has it can't be imported or is not a `Method`.
    """
    from baselines.method import Method  # imports torch, which the spec's types need not wait for

    path = SHIPPED.get(name) or _installed().get(name) or name
    module, _, attribute = path.partition(":")
    if not attribute:
        raise UnknownMethodError(_unknown(name))
    try:
        found = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as error:  # the module is the user's: whatever it raises, it can't be imported
        raise UnknownMethodError(f"method {name!r}: {path} can't be imported ({error!r})") from error
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise UnknownMethodError(f"method {name!r}: {path} is not a subclass of baselines.method.Method")
    return found


def short_name(name: str) -> str:
    """Return what a method is called in the name of a cell or term: the class of a dotted path, else its name."""
    return name.rsplit(":", 1)[-1]


@cache
def method_source(name: str) -> str | None:
    """Return 12 digits of the SHA-256 of the file that defines a method; None for one that ships.

    Whoever edits a method of their own gets new cells, not the results of the old code. Read once in a process, as the
    code is.

    Raises:
        UnknownMethodError: as `load_method`.
    """
    kind = load_method(name)
    if name in SHIPPED:
        return None
    return hashlib.sha256(Path(inspect.getfile(kind)).read_bytes()).hexdigest()[:12]


def _installed() -> dict[str, str]:
    """Return the dotted paths that installed packages offer, by name."""
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}


def _unknown(name: str) -> str:
    """Say what is known instead."""
    names = method_names()
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names)}."
    return f"unknown method {name!r}; {hint} A class of your own is named as package.module:Class."
