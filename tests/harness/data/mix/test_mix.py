from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mixed_scans import rng

from harness.config.recipes import resolve_recipe
from harness.data.mix.mix import mix
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.spec import Mixing

WriteSequences = Callable[..., Path]
RECIPE = resolve_recipe("mix", "minkowskinet", "semantickitti", "test")


def mixing(**changes: object) -> Mixing:
    assert RECIPE.augmentation.mix is not None
    return Mixing.model_validate({**RECIPE.augmentation.mix.model_dump(), **changes})


def test_every_scan_may_be_the_partner_and_all_are_as_likely(write_sequences: WriteSequences) -> None:
    """Scans of 50, 53, 56 and 59 points: pasting nothing but ground tells the partner by the number of points."""
    dataset = SemanticKitti(write_sequences({"00": 4}, raw_ids=(40,)))
    settings = mixing(kinds=["polarmix"], swap_probability=0, instance_classes=["road"])
    ids = dataset.scan_ids("train")
    scan = dataset.read(ids[1])
    sizes = [len(mix(scan, dataset, ids, settings, rng(epoch))) for epoch in range(400)]
    counts = [sizes.count(53 + 3 * partner) for partner in (50, 53, 56, 59)]
    assert sum(counts) == 400
    assert min(counts) > 70


def test_both_kinds_are_as_likely_and_a_scan_may_stay_as_it_is(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2}, raw_ids=(10,)))
    scan = dataset.read("00/000000")
    settings = mixing(swap_probability=0, probability=0.8)
    mixed = [mix(scan, dataset, ["00/000001"], settings, rng(epoch)) for epoch in range(500)]
    as_it_is, pasted = sum(one is scan for one in mixed), sum(len(one) == 50 + 3 * 53 for one in mixed)
    assert 70 < as_it_is < 150
    assert 150 < pasted < 250
    assert 150 < 500 - as_it_is - pasted < 250


def test_things_are_named_by_class(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 2}, raw_ids=(10, 40, 30)))
    scan, partner = dataset.read("00/000000"), dataset.read("00/000001")
    settings = mixing(kinds=["polarmix"], swap_probability=0, instance_classes=["person"])
    mixed = mix(scan, dataset, ["00/000001"], settings, rng())
    assert mixed.labels is not None
    assert partner.labels is not None
    assert set(mixed.labels[len(scan) :].tolist()) == {dataset.class_names.index("person")}
    assert len(mixed) - len(scan) == 3 * np.count_nonzero(partner.labels == 6)


def test_the_name_and_the_draws_are_those_of_the_scan(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 3}))
    ids = dataset.scan_ids("train")
    scan = dataset.read(ids[0])
    mixed = [mix(scan, dataset, ids, mixing(), rng(epoch)) for epoch in (0, 0, 1)]
    assert [one.scan_id for one in mixed] == [ids[0]] * 3
    assert mixed[0].xyz.tobytes() == mixed[1].xyz.tobytes() != mixed[2].xyz.tobytes()


def test_scans_without_labels_are_refused(write_sequences: WriteSequences) -> None:
    dataset = SemanticKitti(write_sequences({"00": 1, "11": 1}))
    scan, bare = dataset.read("00/000000"), dataset.read("11/000000")
    for one, partner in ((scan, "11/000000"), (bare, "00/000000")):
        with pytest.raises(HarnessError, match="scan 11/000000: found no labels"):
            mix(one, dataset, [partner], mixing(), rng())


def test_a_damaged_partner_is_named(write_sequences: WriteSequences) -> None:
    root = write_sequences({"00": 2})
    (root / "sequences/00/velodyne/000001.bin").write_bytes(bytes(7))
    dataset = SemanticKitti(root)
    with pytest.raises(HarnessError, match=r"000001\.bin"):
        mix(dataset.read("00/000000"), dataset, ["00/000001"], mixing(), rng())
