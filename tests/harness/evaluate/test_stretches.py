from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evaluate.scoring import official_scores
from harness.evaluate.stretches import STRETCH_SCANS, sequence_scores, stretch_starts
from harness.spec import ScoringRule, Stretch

NAMES = ("car", "road", "pole")


def scans_of(lengths: dict[str, int]) -> list[str]:
    return [f"{sequence}/{frame:06d}" for sequence, scans in lengths.items() for frame in range(scans)]


@given(st.dictionaries(st.sampled_from(["00", "01", "08", "scene-0003"]), st.integers(1, 450), min_size=1, max_size=4))
def test_stretches_are_few_equal_and_of_one_sequence(lengths: dict[str, int]) -> None:
    scan_ids = scans_of(lengths)
    starts = stretch_starts(scan_ids)
    pieces = [scan_ids[a:b] for a, b in zip(starts, [*starts[1:], len(scan_ids)], strict=True)]
    assert [scan for piece in pieces for scan in piece] == scan_ids
    for sequence, scans in lengths.items():
        own = [len(piece) for piece in pieces if piece[0].startswith(f"{sequence}/")]
        assert sum(own) == scans, "no stretch reaches into another sequence"
        assert max(own) - min(own) <= 1
        assert max(own) <= STRETCH_SCANS
        assert scans > (len(own) - 1) * STRETCH_SCANS, "one stretch less would not do"


def test_the_validation_sequence_has_41() -> None:
    starts = stretch_starts(scans_of({"08": 4071}))
    assert len(starts) == 41
    assert set(np.diff([*starts, 4071])) == {99, 100}


@given(st.integers(0, 2**32 - 1), st.sampled_from(["semantickitti-official", "nuscenes-official"]))
def test_a_sequence_scores_as_the_confusion_of_its_scans(seed: int, rule: ScoringRule) -> None:
    draw = np.random.default_rng(seed)
    whole: dict[str, np.ndarray] = {}
    stretches = []
    for sequence in ("00", "00", "08", "00"):
        counts = draw.integers(0, 50, (4, 4)) * draw.integers(0, 2, (4, 4))
        counts[0] = 0  # the devkit of nuScenes refuses predictions of no class
        counts[:, 3] *= sequence == "00"
        counts[3] *= sequence == "00"
        whole[sequence] = whole.get(sequence, 0) + counts
        correct = tuple(int(counts[c, c]) for c in (1, 2, 3))
        predicted = tuple(int(sum(counts[c, t] for t in (1, 2, 3))) for c in (1, 2, 3))
        true = tuple(int(sum(counts[p, c] for p in range(4))) for c in (1, 2, 3))
        stretches.append(
            Stretch(sequence=sequence, first="f", scans=7, correct=correct, predicted=predicted, true=true)
        )
    found = sequence_scores(rule, stretches, NAMES)
    assert {name: score.scans for name, score in found.items()} == {"00": 21, "08": 7}
    for sequence, counts in whole.items():
        expected = official_scores(rule, counts)
        assert list(found[sequence].iou) == list(NAMES)
        values = [found[sequence].miou, *found[sequence].iou.values()]
        told = [np.nan if value is None else value for value in values]
        np.testing.assert_array_equal(told, [expected.miou, *expected.iou])


def test_a_sequence_without_scored_points_has_no_score_by_the_rule_that_leaves_out() -> None:
    nothing = Stretch(sequence="s", first="s/0", scans=1, correct=(0,) * 3, predicted=(0,) * 3, true=(0,) * 3)
    assert sequence_scores("nuscenes-official", [nothing], NAMES)["s"].miou is None
    assert sequence_scores("semantickitti-official", [nothing], NAMES)["s"].miou == 0


def test_names_have_to_be_those_of_the_scored_classes() -> None:
    one = Stretch(sequence="s", first="s/0", scans=1, correct=(1,) * 3, predicted=(1,) * 3, true=(1,) * 3)
    with pytest.raises(ValueError, match="shorter"):
        sequence_scores("semantickitti-official", [one], ("ignored", *NAMES))
