"""The training of a cell in a process that may have so much address space and no more; prints what came out."""

from __future__ import annotations

import dataclasses
import json
import re
import resource
import sys
from pathlib import Path
from typing import Any

from tiny_matrix import Notes, orders_of

from harness.config.matrix_file import parse_matrix
from harness.config.models import MatrixConfig
from harness.matrix.attempt import attempt
from harness.matrix.data import prepare_data
from harness.store import Store
from harness.train.sitting import never


def matrix_of(
    method: str, settings: dict[str, Any], epochs: int = 1, width: float = 0.0625, voxel_size_m: float = 4.0
) -> MatrixConfig:
    """A teacher and one student, four scans a step."""
    content = {
        "name": "memory",
        "backbones": [{"teacher_width": width, "student_width": width, "voxel_size_m": voxel_size_m}],
        "methods": [{"name": method, "settings": settings}],
        "recipe": {"epochs": epochs, "batch_size": 4, "optimizer": "adam", "learning_rate": 0.01},
        "measure": {"macs_scans": 1, "latency_scans": 0},
    }
    return parse_matrix(content, "test")


def main(root: Path, out: Path, micro_batch: int, limit_kib: int) -> dict[str, Any]:
    """Run the teacher."""
    store = Store(out)
    order = orders_of(matrix_of("none", {}, width=0.25, voxel_size_m=0.25), root, store)[0]
    resources = dataclasses.replace(order.resources, micro_batch=micro_batch or None)
    data, folder = prepare_data(order.copy, store.path, 0), store.find(order.cell)
    if limit_kib:
        resource.setrlimit(resource.RLIMIT_AS, (limit_kib << 10, limit_kib << 10))
    result = attempt(dataclasses.replace(order, resources=resources), folder, store, data, Notes(), never)
    [peak] = re.findall(r"VmPeak:\s+(\d+) kB", Path("/proc/self/status").read_text())
    training, origin = result.training, result.provenance
    return {
        "status": result.status,
        "reason": result.reason,
        "micro_batch": training and training.micro_batch,
        "weights": training and training.weights_sha256,
        "retries": origin and origin.memory_retries,
        "peak_kib": int(peak),
    }


if __name__ == "__main__":
    [_, root_folder, out_folder, scans, limit] = sys.argv
    sys.stdout.write(json.dumps(main(Path(root_folder), Path(out_folder), int(scans), int(limit))) + "\n")
