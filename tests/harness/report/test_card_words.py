from __future__ import annotations

from harness.report.card import card_of_cell
from harness.report.card_words import TOPICS, card_lines


def test_a_card_reads_as_a_line_for_each_topic(spec, result) -> None:
    lines = dict(line.split(": ", 1) for line in card_lines(card_of_cell(result(spec("kd", seed=4), 0.5))))
    assert lines.keys() == set(TOPICS.values())
    assert lines["data"].startswith("semantickitti, manifest a1b2c3d4e5f6a7b8, label map 0123456789ab, synthetic no")
    assert lines["network"] == "minkowskinet, width 0.5, voxel size 0.05 m"
    assert lines["training"].startswith("on train, seeds 4, spec ")
    assert lines["score"] == "scoring rule semantickitti-official, split val, test-time augmentation no"
    assert "rotate [0, 360] degrees" in lines["augmentation"]
    assert "augmentation" not in lines["recipe"]


def test_every_key_is_told_with_its_value() -> None:
    card = {"data": "nuscenes", "network.voxel_size_m": "of its own", "macs.scan_list": "ab12", "latency.threads": "2"}
    assert list(card_lines(card)) == [
        "data: nuscenes",
        "network: voxel size of its own",
        "MACs: list ab12",
        "latency: threads 2",
    ]
