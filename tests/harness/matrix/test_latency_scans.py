from __future__ import annotations

import numpy as np
from tiny_matrix import Notes

from harness.data.open import open_dataset
from harness.matrix.latency_scans import CANDIDATES, choose_scans


class Watch(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.counted = 0

    def phase(self, name: str, done: int, total: int) -> None:
        assert (name, done) == ("count voxels", self.counted + 1)
        self.counted = done


def test_all_scans_are_taken_where_there_are_no_more(write_sequences) -> None:
    dataset, watch = open_dataset("semantickitti", write_sequences({"08": 2})), Watch()
    source = choose_scans(dataset, dataset.scan_ids("val"), 2, watch)
    assert (source.scans, watch.counted) == (("08/000000", "08/000001"), 0)
    assert source.synthetic


def test_scans_are_chosen_by_voxels_among_candidates_of_every_size(write_sequences) -> None:
    """Every other scan has all its points in one place: sizes alone would not tell them from the rest."""
    dataset = open_dataset("semantickitti", write_sequences({"08": 100}, points=30))
    ids = dataset.scan_ids("val")
    for scan_id in ids[::2]:
        path = dataset.points_path(scan_id)
        np.zeros_like(points := np.fromfile(path, "<f4"), shape=(len(points) // 4, 4)).__iadd__(1).tofile(path)
    watch = Watch()
    chosen = choose_scans(dataset, ids, 10, watch).scans
    assert (len(set(chosen)), watch.counted) == (10, CANDIDATES * 10)
    assert chosen == choose_scans(dataset, list(reversed(ids)), 10, Watch()).scans, "the order of a list says nothing"
    flat = [scan_id for scan_id in chosen if scan_id in ids[::2]]
    assert len(flat) == 5, "half of the deciles have one voxel"
