"""A real terminal for a program: what it wrote there, and how it ended."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parents[3]


def run_in_terminal(
    arguments: list[str],
    size: tuple[int, int] = (80, 24),
    interrupt_at: str | None = None,
    meanwhile: Callable[[str], None] = lambda seen: None,
    **variables: str,
) -> tuple[str, int]:
    """Run Python with `arguments` in a terminal of (columns, lines).

    Args:
        interrupt_at: what is on the screen when Ctrl-C is pressed.
        meanwhile: called with all that was written, again and again.
        variables: of the environment.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    environment |= {"TERM": "xterm-256color", "PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", **variables}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    seen: list[bytes] = []

    def read() -> None:
        while True:
            try:
                chunk = os.read(ours, 1 << 16)
            except OSError:  # the other end was closed
                return
            if not chunk:
                return
            seen.append(chunk)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        text = b"".join(seen).decode()
        meanwhile(text)
        if interrupt_at is not None and interrupt_at in text:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
        time.sleep(0.05)
    process.kill()
    code = process.wait()
    reader.join()
    os.close(ours)
    return b"".join(seen).decode(), code


def without_escapes(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
