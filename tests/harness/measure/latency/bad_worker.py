"""A worker that ends otherwise than it should; the pass count of its order says how. It starts without torch."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

KILLED, RAISES, FAULT, SILENT, HANGS = 1, 2, 3, 4, 5


def main(order_path: str, result_path: str) -> int:
    order = json.loads(Path(order_path).read_text())
    sys.stdout.write(json.dumps({"done": 1, "total": 2}) + "\n")
    sys.stdout.flush()
    sys.stderr.write("a word before\n")
    sys.stderr.flush()
    if order["passes"] == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if order["passes"] == RAISES:
        raise MemoryError("CUDA out of memory")
    if order["passes"] == FAULT:
        sys.stdout.write(json.dumps({"fault": ["scan 7", "half a point", "whole points", "Fetch it again."]}) + "\n")
        return 1
    if order["passes"] == HANGS:
        sys.stdout.write(json.dumps({"done": os.getpid(), "total": 0}) + "\n")
        sys.stdout.flush()
        time.sleep(600)
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
