"""torchrun for the processes of a cell: ``python -m harness.matrix.launch ADDRESS PROCESSES``."""

from __future__ import annotations

import sys
from contextlib import suppress
from multiprocessing.connection import Client

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun


def main(address: str, processes: str) -> int:
    """Run `harness.matrix.rank` in so many processes; where some fail, tell whoever listens how each of them ended.

    Args:
        address: of the socket that `harness.matrix.ranks` listens at.
        processes: how many.
    """
    try:
        torchrun(["--standalone", "--nproc-per-node", processes, "-m", "harness.matrix.rank", address])
    except ChildFailedError as error:
        with suppress(OSError), Client(address, "AF_UNIX") as link:
            link.send(("ended", {rank: failure.exitcode for rank, failure in error.failures.items()}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
