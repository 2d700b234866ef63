"""The histogram of pairs against a loop over points."""

from __future__ import annotations

import io
from io import FileIO
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.labels import SEMANTICKITTI, SEMANTICKITTI_MULTISCAN
from harness.evaluate import pair_counter
from harness.evaluate.pair_counter import LabelCoding, PairCounter

WORDS = LabelCoding("<u4", SEMANTICKITTI.raw_to_train, SEMANTICKITTI.raw_to_train, 19)
MOVING = LabelCoding("<u4", SEMANTICKITTI_MULTISCAN.raw_to_train, SEMANTICKITTI_MULTISCAN.raw_to_train, 25)
BYTES = LabelCoding("u1", {i: i for i in range(1, 17)}, {i: (7 * i) % 17 for i in range(32)}, 16)
CODINGS = {"words": WORDS, "moving": MOVING, "bytes": BYTES}


def file_of(ids: list[int], coding: LabelCoding, instances: int = 0) -> FileIO:
    words = np.array(ids, dtype=np.uint32) | np.uint32(instances << 16) * (coding.item == "<u4")
    return cast(FileIO, io.BytesIO(words.astype(coding.item).tobytes()))


def runs_of(ids: list[int], points: int) -> st.SearchStrategy[list[int]]:
    """Runs of equal ids, most of them long."""
    lengths = st.lists(st.tuples(st.sampled_from(ids), st.integers(1, 40)), min_size=points, max_size=points)
    return lengths.map(lambda runs: [i for i, length in runs for _ in range(length)][:points])


@st.composite
def scans(draw: st.DrawFn) -> tuple[str, list[int], list[int], list[int], int]:
    name = draw(st.sampled_from(list(CODINGS)))
    coding, points, in_runs = CODINGS[name], draw(st.integers(1, 60)), draw(st.booleans())
    predicted, true = (
        draw(
            runs_of(sorted(ids), points)
            if in_runs
            else st.lists(st.sampled_from(sorted(ids)), min_size=points, max_size=points)
        )
        for ids in (coding.predicted, coding.true)
    )
    layers = draw(st.lists(st.integers(0, 5), min_size=points, max_size=points))
    return name, predicted, true, layers, draw(st.sampled_from([0, 1, 65535]))


@given(scans(), st.booleans())
def test_counts_equal_a_loop_over_points(
    scan: tuple[str, list[int], list[int], list[int], int], in_layers: bool
) -> None:
    name, predicted, true, layers, instances = scan
    coding = CODINGS[name]
    expected = [[[0] * (coding.classes + 1) for _ in range(coding.classes + 1)] for _ in range(6 if in_layers else 1)]
    for p, t, layer in zip(predicted, true, layers, strict=True):
        expected[layer if in_layers else 0][coding.predicted[p]][coding.true[t]] += 1
    counter = PairCounter(coding, 6 if in_layers else 1)
    layer = np.array(layers, dtype=np.uint8) if in_layers else None
    for _ in range(2):  # the buffers keep nothing of the scan before
        files = file_of(predicted, coding, instances), file_of(true, coding, instances)
        counts = counter.count(*files, len(true), layer)
        assert counts is not None
        assert counter.by_class(counts).tolist() == expected


@pytest.mark.parametrize("coding", CODINGS.values(), ids=list(CODINGS))
def test_a_scan_of_several_blocks(coding: LabelCoding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_counter, "BLOCK_POINTS", 512)
    monkeypatch.setattr(pair_counter, "PIECE_POINTS", 200)
    draw, points = np.random.default_rng(4), 1700
    ids = [draw.choice(sorted(known), points) for known in (coding.predicted, coding.true)]
    layer = draw.integers(0, 3, points).astype(np.uint8)
    for name, values in zip("pt", ids, strict=True):
        values.astype(coding.item).tofile(tmp_path / name)
    counter = PairCounter(coding, 3)
    with (tmp_path / "p").open("rb", buffering=0) as p, (tmp_path / "t").open("rb", buffering=0) as t:
        counts = counter.count(p, t, points, layer)
    expected = np.zeros((3, coding.classes + 1, coding.classes + 1), dtype=int)
    for place, (p_id, t_id) in enumerate(zip(*ids, strict=True)):
        expected[layer[place], coding.predicted[int(p_id)], coding.true[int(t_id)]] += 1
    assert counts is not None
    assert np.array_equal(counter.by_class(counts), expected)


@pytest.mark.parametrize(
    ("coding", "predicted", "true"),
    [
        (WORDS, 2, 10),
        (WORDS, 10, 2),
        (WORDS, 260, 10),
        (WORDS, 10, 260),
        (WORDS, 65535, 65535),
        (WORDS, 251, 10),
        (WORDS, 100, 10),
        (WORDS, 107, 10),
        (WORDS, 152, 10),
        (WORDS, 162, 10),
        (BYTES, 0, 3),
        (BYTES, 17, 3),
        (BYTES, 255, 3),
        (BYTES, 3, 32),
    ],
)
def test_an_unknown_id_is_never_counted_as_another(coding: LabelCoding, predicted: int, true: int) -> None:
    known = max(coding.predicted), max(coding.true)
    files = [file_of([good, wrong], coding) for good, wrong in zip(known, (predicted, true), strict=True)]
    assert PairCounter(coding).count(files[0], files[1], 2) is None


def test_an_unknown_id_in_the_gap_is_found_among_moving_ones() -> None:
    for unknown in set(range(260)) - set(MOVING.predicted):
        files = file_of([252, unknown, 259], MOVING), file_of([10, 10, 10], MOVING)
        assert PairCounter(MOVING).count(*files, 3) is None


def test_a_gap_smaller_than_the_ids_below_it_is_kept() -> None:
    ids = {0: 0, 10: 1, 20: 2, 30: 3, 45: 4}
    coding = LabelCoding("<u4", ids, ids, 4)
    counter, every = PairCounter(coding), list(ids)
    counts = counter.count(file_of(every, coding), file_of(every, coding), len(every))
    assert counts is not None
    assert np.array_equal(counter.by_class(counts)[0], np.eye(5))


def test_more_pairs_than_sixteen_bits_are_refused() -> None:
    with pytest.raises(ValueError, match="257 x 256 pairs"):
        PairCounter(LabelCoding("<u4", dict.fromkeys(range(257), 1), {255: 1}, 1))


def test_a_file_that_ends_early_is_told() -> None:
    with pytest.raises(EOFError):
        PairCounter(WORDS).count(file_of([10], WORDS), file_of([10, 10], WORDS), 2)
