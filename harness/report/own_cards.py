"""The protocol cards of numbers that are no cell's: of `harness evaluate` and `harness measure macs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.data.dataset import DataDescription
from harness.report.cost_card import card_of_macs, hash_of_list
from harness.report.flat import as_text, flat_network, flatten
from harness.spec import BackboneSpec, MacsResult, ProtocolCard, ScoringRule
from harness.version import VERSION

UNKNOWN = "unknown"
OF_THE_MAKER = ("trained_on", "tta", "engine", "engine_version", "device", "torch")
"""Facts that only whoever made a folder of predictions could tell."""


def card_of_folder(
    data: DataDescription, split: str, rule: ScoringRule, commit: str | None, hashes: Mapping[str, str]
) -> dict[str, str]:
    """Return the card of a folder of predictions, of whose network nothing is known.

    Args:
        data: the copy, with the split's scans.
        split: that was scored.
        rule: by which.
        commit: of the working copy that scored, None when installed.
        hashes: of the files that were compared, by key; empty where nobody asked.
    """
    return {
        **_data(data),
        "network": f"{UNKNOWN}, of a folder of predictions",
        **dict.fromkeys(OF_THE_MAKER, UNKNOWN),
        "split": split,
        "scoring_rule": rule,
        "harness": VERSION,
        "commit": as_text(commit),
        **hashes,
    }


def card_of_weights(data: DataDescription, backbone: BackboneSpec, protocol: ProtocolCard) -> dict[str, str]:
    """Return the card of a network that was scored from its file."""
    return _data(data) | flat_network(backbone) | dict(flatten(protocol.model_dump(mode="json")))


def card_of_count(
    macs: MacsResult,
    backbone: BackboneSpec,
    data: DataDescription | None,
    points_sha256: Sequence[str],
    written_by: Mapping[str, str | None],
) -> dict[str, str]:
    """Return the card of a count of MACs, which needs no weights.

    Args:
        macs: the count.
        backbone: what was counted.
        data: the copy whose scans were counted; None for files.
        points_sha256: of each scan.
        written_by: engine, torch and commit, by the keys of a card.
    """
    return {
        **({"data": "files of scans"} if data is None else _data(data)),
        **flat_network(backbone),
        "harness": VERSION,
        **dict(flatten(written_by)),
        **card_of_macs(macs),
        "macs.points": hash_of_list(points_sha256),
    }


def _data(data: DataDescription) -> dict[str, str]:
    """Flatten a copy that was not hashed, by the keys of one that was."""
    return {
        "data": data.name,
        "data.label_map": data.label_map,
        "data.synthetic": str(data.synthetic),
        "data.partial": str(data.partial),
        **{f"data.scans.{split}": f"{count} of {data.official_scans[split]}" for split, count in data.scans.items()},
        **dict(flatten(data.settings, "data.settings.")),
    }
