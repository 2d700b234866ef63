"""One of the processes that share a cell; torchrun starts it as ``python -m harness.matrix.rank ADDRESS``."""

from __future__ import annotations

import faulthandler
import os
import pickle
import sys
import threading
import traceback
from dataclasses import replace
from multiprocessing.connection import Client, Connection

from harness.heap import keep_freed_memory
from harness.matrix.cell import assist, run_cell
from harness.matrix.data import prepare_data
from harness.matrix.order import CellOrder
from harness.matrix.out_of_memory import out_of_memory
from harness.matrix.working_copy import working_copy
from harness.store import Store
from harness.train.fabric import FabricProcesses
from harness.train.loop import TrainingStep
from harness.train.processes import FailedElsewhere
from harness.train.sitting import Sitting, Stopped, never


class LinkProgress:
    """Tells the process that watches; one that isn't the first says nothing.

    Args:
        link: to it, None to say nothing.
    """

    def __init__(self, link: Connection | None) -> None:
        self._link = link

    def cell(self, name: str, number: int, cells: int) -> None:
        """Say that a cell begins."""
        self._tell("cell", name, number, cells)

    def step(self, step: TrainingStep) -> None:
        """Say that a training step is done."""
        self._tell("step", step)

    def phase(self, name: str, done: int, total: int) -> None:
        """Say how far a phase after training has come."""
        self._tell("phase", name, done, total)

    def note(self, sentence: str) -> None:
        """Say something worth telling."""
        self._tell("note", sentence)

    def _tell(self, name: str, *arguments: object) -> None:
        if self._link is not None:
            self._link.send(("progress", name, arguments))


def main(address: str) -> int:
    """Take an order from the socket, run this process's share of it, and tell how it went."""
    faulthandler.enable()
    link = Client(address, "AF_UNIX")
    link.send(("here", os.getpid()))
    order, micro_batch = link.recv()
    leave = threading.Event()
    threading.Thread(target=_listen, args=(link, leave), daemon=True).start()
    try:
        _run(order, micro_batch, link, leave)
    except FailedElsewhere:
        pass
    except Stopped:
        if os.environ["RANK"] == "0":  # the others have left before the checkpoint is on the disk
            link.send(("stopped",))
    except BaseException as error:
        lack = out_of_memory(error)
        if lack is not None:
            link.send(("memory", lack))
        else:
            link.send(("fault", _portable(error), "".join(traceback.format_exception(error))))
        return 1
    link.send(("farewell",))
    return 0


def _run(order: CellOrder, micro_batch: int | None, link: Connection, leave: threading.Event) -> None:
    working_copy()  # asked before the training: a commit made meanwhile has no part in it
    keep_freed_memory()
    processes = FabricProcesses(order.resources.device.type, order.resources.processes)
    store = Store(order.out)
    folder = store.find(order.cell)
    data = prepare_data(order.copy, store.path, order.resources.workers)
    resources = replace(order.resources, device=processes.device)
    cell = folder.spec(), folder, store, data, resources
    if processes.is_first:
        sitting = Sitting(micro_batch, processes, leave.is_set)
        link.send(("result", run_cell(*cell, LinkProgress(link), sitting)))
    else:
        assist(*cell, LinkProgress(None), Sitting(micro_batch, processes, never))
    processes.leave()


def _listen(link: Connection, leave: threading.Event) -> None:
    """Wait for the word to leave; when the process that watches is gone, however it went, end at once."""
    try:
        while link.recv() == "leave":
            leave.set()
    except (EOFError, OSError):
        os._exit(1)


def _portable(error: BaseException) -> BaseException:
    """Return an error that can be sent."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = None
    return error if type(copy) is type(error) else RuntimeError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
