from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.data.fault import Fault
from harness.data.labels import SEMANTICKITTI
from harness.data.scan_check import (
    Findings,
    HashedFiles,
    LabelCounts,
    check_files,
    column_bounds,
    count_classes,
    count_values,
    told,
    unused,
)
from harness.errors import HarnessError

ROWS = st.tuples(st.integers(1, 900), st.integers(1, 5))


@given(hnp.arrays(np.float32, ROWS, elements=st.floats(-1000, 1000, width=32)))
def test_bounds_are_those_of_each_column(rows: np.ndarray) -> None:
    columns = list(zip(*rows.tolist(), strict=True))
    assert column_bounds(rows) == (tuple(map(min, columns)), tuple(map(max, columns)))


@given(hnp.arrays(np.uint32, st.integers(1, 200), elements=st.sampled_from([0, 1, 40, 70, 1 << 16 | 10, 2**32 - 1])))
def test_values_are_counted(values: np.ndarray) -> None:
    distinct, counts = count_values(values)
    assert list(distinct) == sorted(set(values.tolist()))
    assert dict(zip(distinct.tolist(), counts.tolist(), strict=True)) == Counter(values.tolist())


def test_classes_are_counted_and_unknown_ids_named_with_their_points() -> None:
    raw, counts = np.array([0, 10, 5 << 16 | 252, 70], np.uint32), np.array([4, 3, 2, 1])
    totals = count_classes(raw, counts, SEMANTICKITTI, Path("x"))
    assert [totals[i] for i in (0, 1, 15)] == [4, 5, 1]
    assert sum(totals) == 10
    with pytest.raises(HarnessError, match=r"x: found raw ids 7 \(6 points\), 300 \(1 points\)"):
        count_classes(np.array([7, 10, 300, 9 << 16 | 7]), np.array([2, 3, 1, 4]), SEMANTICKITTI, Path("x"))


def test_a_file_that_was_read_has_its_hash_though_its_values_are_bad(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")

    def bad_points(files: HashedFiles) -> np.ndarray:
        files.read(tmp_path / "a", 4)
        raise HarnessError("a", "bad", "good", "mend")

    seen = []

    def labels(files: HashedFiles, points: int) -> LabelCounts:
        seen.append(points)
        raise HarnessError("b", "worse", "good", "mend")

    check = check_files(tmp_path, bad_points, labels)
    assert seen == [0]
    assert check.digests == {"a": hashlib.sha256(b"1234").hexdigest()}
    assert [fault.found for fault in check.faults] == ["bad", "worse"]
    assert (check.points, check.bounds, check.class_points) == (0, None, ())


def test_findings_are_joined_in_order_and_told_once() -> None:
    first, second = (Fault(file=name, found="", expected="", remedy="") for name in "ab")
    parts = [Findings((first,), (second,)), Findings((second,)), Findings((first,), (second,))]
    assert Findings.joined(parts) == Findings((first, second), (second,))


def test_an_error_that_ends_a_look_is_its_fault() -> None:
    def fails() -> Findings:
        raise HarnessError("a", "bad", "good", "mend")

    assert told(fails) == Findings((Fault(file="a", found="bad", expected="good", remedy="mend"),))
    assert told(Findings) == Findings()


def test_many_unused_files_make_one_note() -> None:
    assert unused(Path("f"), [], "files", "none") == ()
    assert unused(Path("f"), ["a", "b", "c", "d"], "files", "none")[0].found == "4 files (a, b, c, …)"
    name = b"\xff.label".decode("utf-8", "surrogateescape")
    assert unused(Path("f"), [name], "files", "none")[0].found == "1 files (\\udcff.label)"
