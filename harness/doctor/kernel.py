"""The compiled kernel of the portable engine, and the compiler that makes it."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass

from backbones.sparse.native.build import COMPILE_SECONDS, BuildError, built_library, find_compiler
from backbones.sparse.native.kernel import load_kernel

INSTALL = "apt-get install g++ (on macOS: xcode-select --install)"


@dataclass(frozen=True)
class CompiledKernel:
    """The C++ kernel that makes the portable engine faster on a CPU.

    Attributes:
        in_use: whether this process computes with it.
        compiler: its command and the first line of its version; None when there is none.
        library: path of what was compiled, or None.
        reason: why it is not in use and what to do, or None.
    """

    in_use: bool
    compiler: str | None
    library: str | None
    reason: str | None


def inspect_kernel() -> CompiledKernel:
    """Look for a compiler, and for the kernel, which is compiled if that has not been done yet."""
    try:
        command = find_compiler()
        compiler = f"{shlex.join(command)} ({_version(command)})"
    except BuildError as error:
        return CompiledKernel(False, None, None, f"{error}. Type: {INSTALL}")
    if os.environ.get("HARNESS_NATIVE") == "0":
        return CompiledKernel(False, compiler, None, "HARNESS_NATIVE is 0. Type: unset HARNESS_NATIVE")
    try:
        library = str(built_library())
    except BuildError as error:
        return CompiledKernel(False, compiler, None, f"{error}. Set CXX to another compiler, or HARNESS_CACHE_DIR.")
    if load_kernel() is None:
        return CompiledKernel(False, compiler, library, f"{library} can't be loaded. Remove it.")
    return CompiledKernel(True, compiler, library, None)


def _version(command: list[str]) -> str:
    try:
        run = subprocess.run([*command, "--version"], capture_output=True, check=False, timeout=COMPILE_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return f"it can't be run: {error}"
    return (run.stdout.decode(errors="replace").splitlines() or ["version unknown"])[0]
