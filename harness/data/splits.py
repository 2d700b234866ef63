"""SemanticKITTI's official splits: which sequences belong to one, and how many scans each sequence has."""

from __future__ import annotations

from typing import Literal, get_args

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

# fmt: off
OFFICIAL_SCANS: dict[Split, dict[str, int]] = {
    "train": {
        "00": 4541, "01": 1101, "02": 4661, "03": 801, "04": 271, "05": 2761, "06": 1101, "07": 1101, "09": 1591,
        "10": 1201,
    },
    "val": {"08": 4071},
    "test": {
        "11": 921, "12": 1061, "13": 3281, "14": 631, "15": 1901, "16": 1731, "17": 491, "18": 1801, "19": 4981,
        "20": 831, "21": 2721,
    },
}
# fmt: on
"""Scans by split and sequence. Frames are numbered from 000000 without a gap."""

SPLIT_OF_SEQUENCE: dict[str, Split] = {sequence: split for split in SPLITS for sequence in OFFICIAL_SCANS[split]}
