from __future__ import annotations

import pytest

from harness.gate.place import slug


@pytest.mark.parametrize(
    "name, expected",
    [
        ("NVIDIA H200", "nvidia-h200"),
        ("NVIDIA GeForce RTX 4090", "nvidia-geforce-rtx-4090"),
        ("Intel(R) Xeon(R) Processor @ 2.10GHz", "intel-r-xeon-r-processor-2-10ghz"),
        ("", "unknown"),
    ],
)
def test_a_device_is_named_as_folders_are(name: str, expected: str) -> None:
    assert slug(name) == expected
