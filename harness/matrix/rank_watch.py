"""What a process hears of those that it has started for a cell, and what it tells them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from harness.errors import HarnessError
from harness.matrix.order import CellOrder
from harness.matrix.out_of_memory import OutOfMemory
from harness.matrix.progress import Progress
from harness.spec import CellResult

POLL_S = 0.1
PATIENCE_S = 10.0
"""That the processes get to end by themselves, once nobody listens to them any more."""


class _InProcess(Exception):
    """The traceback of an error, as text, from the process that it was raised in."""


@dataclass
class RankWatch:
    """The links to the processes of a cell, until one of them has a result or all have ended.

    A process says first that it is here and gets the order, and last that it goes. One whose link ends without that
    will not come back, and the others, which would wait for it, end with it.

    Attributes:
        order: the cell.
        micro_batch: most scans in one forward pass.
        progress: told of every step.
        stop: asked all the time whether they shall save a checkpoint and leave.
        server: where they connect.
        launcher: the process that starts them.
        result: of the cell, once the first of them has told it.
        stopped: they have left with a checkpoint.
        lack: of memory, in one of them.
        faults: what else they have told.
        exit_codes: by rank, of those that failed; told by the launcher when all have ended.
    """

    order: CellOrder
    micro_batch: int | None
    progress: Progress
    stop: Callable[[], bool]
    server: socket.socket
    launcher: subprocess.Popen[bytes]
    result: CellResult | None = None
    stopped: bool = False
    lack: OutOfMemory | None = None
    faults: list[BaseException] = field(default_factory=list)
    exit_codes: dict[int, int] = field(default_factory=dict)
    _links: list[Connection] = field(default_factory=list)
    _pids: dict[Connection, int] = field(default_factory=dict)
    _parted: set[Connection] = field(default_factory=set)
    _told: bool = False
    _dismissed: bool = False

    def until_the_end(self) -> None:
        """Pass messages on, both ways."""
        while not self._settled():
            ended = self.launcher.poll() is not None
            ready = wait([self.server, *self._links], 0 if ended else POLL_S)
            if ended and not ready:
                return
            for source in ready:
                if source is self.server:
                    self._links.append(Connection(self.server.accept()[0].detach()))
                elif isinstance(source, Connection):
                    self._hear(source)
            if self.stop() and not self._told:
                self._told = True
                for link in self._pids:
                    _say(link, "leave")

    def hang_up(self) -> None:
        """Close the links, which ends the processes that are still there; return when they are gone."""
        self.server.close()
        self._dismiss()
        until = time.monotonic() + PATIENCE_S
        open_links = {link.fileno(): link for link in self._links}
        while open_links and (left := until - time.monotonic()) > 0:
            for number in wait(list(open_links), left):
                if isinstance(number, int) and _at_end(number):
                    del open_links[number]
        for link in open_links.values():
            if link in self._pids:
                with suppress(ProcessLookupError):
                    os.kill(self._pids[link], signal.SIGKILL)
        for link in self._links:
            link.close()

    def _settled(self) -> bool:
        named = any(isinstance(fault, HarnessError) for fault in self.faults)
        return self.result is not None or self.stopped or self.lack is not None or named

    def _dismiss(self) -> None:
        """Let all processes find that nothing more will be said to them; what they have to say can still be heard."""
        self._dismissed = True
        for link in self._links:
            with suppress(OSError), socket.socket(fileno=os.dup(link.fileno())) as own_end:
                own_end.shutdown(socket.SHUT_WR)

    def _hear(self, link: Connection) -> None:
        try:
            message: tuple[Any, ...] = link.recv()
        except (EOFError, OSError):
            self._lose(link)
            return
        match message:
            case ("here", pid):
                self._welcome(link, pid)
            case ("progress", name, arguments):
                getattr(self.progress, name)(*arguments)
            case ("result", result):
                self.result = result
            case ("stopped",):
                self.stopped = True
            case ("memory", lack):
                self.lack = lack
            case ("fault", error, trace):
                error.__cause__ = _InProcess(trace)
                self.faults.append(error)
            case ("farewell",):
                self._parted.add(link)
            case ("ended", codes):
                self.exit_codes = codes

    def _lose(self, link: Connection) -> None:
        self._links.remove(link)
        link.close()
        if self._pids.pop(link, None) is not None and link not in self._parted:
            self._dismiss()

    def _welcome(self, link: Connection, pid: int) -> None:
        self._pids[link] = pid
        _say(link, (self.order, self.micro_batch))
        if self._told:
            _say(link, "leave")
        if self._dismissed:
            self._dismiss()


def _say(link: Connection, message: object) -> None:
    with suppress(OSError):  # it has ended, which its link will tell
        link.send(message)


def _at_end(number: int) -> bool:
    """Read what there is, whole messages or not, and tell whether it was the end."""
    try:
        return not os.read(number, 1 << 16)
    except OSError:
        return True
