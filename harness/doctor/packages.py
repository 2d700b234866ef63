"""Optional packages besides the engines."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from backbones import scatter


@dataclass(frozen=True)
class Package:
    """An optional package.

    Attributes:
        name: by which it is installed.
        purpose: what it adds.
        version: None when it can't be used.
        reason: why it can't be used, or None.
        install: what to type.
    """

    name: str
    purpose: str
    version: str | None
    reason: str | None
    install: str


def inspect_packages() -> tuple[Package, ...]:
    """Look which optional packages are there."""
    installed = _version("tensorboard")
    tensorboard = Package(
        name="tensorboard",
        purpose="harness run --tensorboard",
        version=installed,
        reason=None if installed else "not installed",
        install="pip install 'harness-lidar-kd[tensorboard]'",
    )
    return tensorboard, _torch_scatter()


def _torch_scatter() -> Package:
    """It is imported, because a build for another release of torch is there and of no use."""
    reason = None
    try:
        scatter.load()
    except ImportError as error:
        reason = str(error.__cause__ or error)
    return Package(
        name="torch-scatter",
        purpose="another segment reduction; plain torch is used where it is not faster",
        version=_version("torch-scatter") if reason is None else None,
        reason=reason,
        install=scatter.INSTALL,
    )


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
