"""Keep what matters of a benchmark run: `python ci/keep_bench.py bench.json results/measured/bench/cpu.json`.

Leaves out what names the machine beyond its processor.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def keep(run: dict[str, Any]) -> dict[str, Any]:
    """Return processor, commit, date and, by benchmark, median and extra figures of a pytest-benchmark record."""
    benchmarks = [
        {
            "benchmark": benchmark["fullname"],
            "median_ms": round(1e3 * benchmark["stats"]["median"], 4),
            "rounds": benchmark["stats"]["rounds"],
            **{key: round(v, 6) if isinstance(v, float) else v for key, v in benchmark["extra_info"].items()},
        }
        for benchmark in run["benchmarks"]
    ]
    return {
        "cpu": run["machine_info"]["cpu"]["brand_raw"],
        "commit": run["commit_info"]["id"][:12],
        "date": run["datetime"][:10],
        "benchmarks": benchmarks,
    }


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(json.dumps(keep(json.loads(source.read_text())), indent=1) + "\n")
