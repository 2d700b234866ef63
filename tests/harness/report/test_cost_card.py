from __future__ import annotations

from typing import Any

import pytest
from made_up_record import process, record

from harness.report.cost_card import card_of_latency, card_of_macs, hash_of_list
from harness.spec import MacsResult


def macs(scan_ids: tuple[str, ...] = ()) -> MacsResult:
    return MacsResult(scans=2, gmacs_mean=1, gmacs_min=1, gmacs_max=1, voxels_mean=9, scan_ids=scan_ids)


def test_macs_are_told_by_the_list_of_scans() -> None:
    assert card_of_macs(macs()) == {"macs.protocol": "macs-v1", "macs.scans": "2"}
    lists = [("a", "b"), ("b", "a"), ("ab",)]
    assert len({card_of_macs(macs(ids))["macs.scan_list"] for ids in lists}) == 3
    assert hash_of_list(("a", "b")) == "911169ddaaf1"  # printf 'a\nb\n' | sha256sum


def test_a_record_says_what_the_protocol_leaves_open() -> None:
    assert card_of_latency(record()) == {
        "data": "semantickitti",
        "data.synthetic": "False",
        "network": "minkowskinet",
        "network.width": "0.5",
        "network.voxel_size_m": "0.05",
        "engine": "portable",
        "engine_version": "1",
        "precision": "fp32",
        "torch": "2.13.0",
        "harness": "0.6.0",
        "commit": "c0ffee",
        "latency.protocol": "latency-v1",
        "latency.machine": "GPU H200",
        "latency.driver": "550.1",
        "latency.threads": "4",
        "latency.scans": "2",
        "latency.scan_list": hash_of_list(("08/000000", "08/000010")),
        "latency.points": "abababababab",
        "latency.passes": "10",
        "latency.processes": "3",
        "latency.timed_together": "[semantickitti-minkowskinet-w0.5, semantickitti-minkowskinet-w1]",
        "latency.verdict": "stable",
    }


@pytest.mark.parametrize(
    "key, changes, value",
    [
        ("latency.verdict", {"verdict": "unstable", "reasons": ("throttled", "hot")}, "unstable: throttled; hot"),
        ("latency.driver", {"processes": (process(0, "550.1"), process(1, "560.2"))}, "550.1 or 560.2"),
        ("latency.driver", {"processes": (process(0, None),)}, "none"),
        ("latency.points", {"scans_sha256": "cd" * 32}, "cdcdcdcdcdcd"),
        ("commit", {"commit": None}, "none"),
    ],
)
def test_what_differs_is_told(key: str, changes: dict[str, Any], value: str) -> None:
    assert card_of_latency(record(**changes))[key] == value
