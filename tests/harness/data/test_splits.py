from __future__ import annotations

from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE


def test_the_official_numbers_add_up() -> None:
    totals = {split: sum(sequences.values()) for split, sequences in OFFICIAL_SCANS.items()}
    assert totals == {"train": 19130, "val": 4071, "test": 20351}


def test_every_sequence_is_in_one_split() -> None:
    assert sorted(SPLIT_OF_SEQUENCE) == [f"{sequence:02d}" for sequence in range(22)]
    assert SPLIT_OF_SEQUENCE["08"] == "val"
    assert {s for s, split in SPLIT_OF_SEQUENCE.items() if split == "test"} == {str(n) for n in range(11, 22)}
