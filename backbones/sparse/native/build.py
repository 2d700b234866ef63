"""Compiling the kernel on first use, into a cache that outlives the process.

A library's name tells what it was made from (source, flags, compiler, processor) and what is in it, so that it is never
loaded on a processor it was not made for, nor after its file was damaged.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

SOURCE = Path(__file__).with_name("kernel.cpp")
COMPILERS = ("g++", "c++", "clang++")
COMPILE_SECONDS = 120
_COMMON = ("-O3", "-std=c++17", "-ffp-contract=fast", "-shared", "-fPIC", "-pthread")


class BuildError(Exception):
    """The kernel can't be had on this machine; the message is one line."""


def built_library() -> Path:
    """Return the shared library of the kernel for this machine, compiled now if the cache has none.

    `HARNESS_CACHE_DIR` names the cache's folder; the default lies in `XDG_CACHE_HOME` or ``~/.cache``. The compiler is
    `CXX`, or the first of `COMPILERS` that is found. Two processes may build at once: each renames a whole file.

    Raises:
        BuildError: no compiler, a compiler that fails, or a folder that can't be written.
    """
    compiler, failure = find_compiler(), ""
    try:
        folder = cache_folder()
        made_with = _output([*compiler, "--version"]) + _processor() + _sources()
        for flags in _flag_sets():
            stem = "kernel-" + sha256(f"{made_with}{flags}".encode()).hexdigest()[:16]
            for library in sorted(folder.glob(f"{stem}-*.so")):
                if library == _final_name(library, stem):
                    return library
            try:
                return _compile([*compiler, *_COMMON, *flags], folder, stem)
            except subprocess.CalledProcessError as error:
                failure = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[0]
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise BuildError(str(error).splitlines()[0]) from error
    raise BuildError(f"{compiler[0]} fails: {failure}")


def cache_folder() -> Path:
    """Return the folder of compiled kernels, made if it is missing."""
    chosen = os.environ.get("HARNESS_CACHE_DIR")
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(chosen) if chosen else Path(shared, "harness-lidar-kd")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def find_compiler() -> list[str]:
    """Return the compiler's command, with the arguments that `CXX` may hold.

    Raises:
        BuildError: there is none, or `CXX` is no command.
    """
    chosen = os.environ.get("CXX")
    try:
        commands = [shlex.split(chosen)] if chosen else [[name] for name in COMPILERS]
    except ValueError as error:
        raise BuildError(f"CXX is no command ({error})") from error
    for command in commands:
        if command and shutil.which(command[0]):
            return command
    raise BuildError(f"no C++ compiler found ({chosen or ', '.join(COMPILERS)})")


def _flag_sets() -> list[list[str]]:
    """Return the flags for this very processor, then none, for compilers that don't know it."""
    # Compilers prefer half of a wide vector unit by default; the kernel is written for the whole of it.
    wide = ["-mprefer-vector-width=512"] if platform.machine().lower() in ("x86_64", "amd64") else []
    return [["-march=native", *wide], []]


def _processor() -> str:
    """Return what tells this processor from others that may share the cache."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return " ".join((platform.machine(), platform.processor(), platform.node()))
    telling = ("model name", "flags", "Features", "CPU part")
    return platform.machine() + "\n".join(dict.fromkeys(line for line in lines if line.startswith(telling)))


def _sources() -> str:
    files = [SOURCE, *sorted(SOURCE.parent.glob("*.h"))]
    return "".join(file.read_text(encoding="utf-8") for file in files)


def _compile(command: list[str], folder: Path, stem: str) -> Path:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as build:
        made = Path(build, "kernel.so")
        _output([*command, str(SOURCE), "-o", str(made)])
        final = folder / _final_name(made, stem).name
        made.replace(final)
    return final


def _final_name(library: Path, stem: str) -> Path:
    return library.with_name(f"{stem}-{sha256(library.read_bytes()).hexdigest()[:16]}.so")


def _output(command: list[str]) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, errors="replace", timeout=COMPILE_SECONDS
    ).stdout
