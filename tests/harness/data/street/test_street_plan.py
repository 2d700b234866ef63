import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.splits import SPLIT_OF_SEQUENCE
from harness.data.street.plan import SEMANTICKITTI_SEQUENCES, plan, stretches
from harness.errors import HarnessError


@given(st.integers(3, 20_000))
def test_every_split_has_its_share_of_the_scans(scans):
    plans = plan(scans)
    size = {split: sum(item.scans for item in plans if item.split == split) for split in ("train", "val", "test")}
    assert sum(size.values()) == scans
    assert min(size.values()) >= 1
    assert abs(size["val"] - 0.25 * scans) <= 1
    assert abs(size["test"] - 0.15 * scans) <= 1
    assert {item.sequence for item in plans if item.split != "train"} == {"08", "11"}


@given(st.data())
def test_named_sequences_get_a_scan_or_more_each(data):
    names = data.draw(st.lists(st.sampled_from(sorted(SPLIT_OF_SEQUENCE)), min_size=1, unique=True))
    scans = data.draw(st.integers(len(names), 500))
    plans = plan(scans, names)
    assert sorted(item.sequence for item in plans) == sorted(names)
    assert sum(item.scans for item in plans) == scans
    assert all(item.scans >= 1 and item.split == SPLIT_OF_SEQUENCE[item.sequence] for item in plans)


@given(st.integers(3, 2000))
def test_stretches_cover_every_scan_once(scans):
    plans = plan(scans)
    seen = [(work.sequence, frame) for work in stretches(plans) for frame in range(work.first, work.last)]
    assert seen == [(item.sequence, frame) for item in plans for frame in range(item.scans)]


@pytest.mark.parametrize(
    "scans, names, found",
    [(2, None, "2"), (9, ["22"], "22"), (1, ["00", "08"], "1 scans"), (9, ["00", "00"], "00, 00"), (9, [], "0 seq"),
     (SEMANTICKITTI_SEQUENCES.longest + 1, ["00"], "a drive of")],
)  # fmt: skip
def test_a_wrong_wish_is_refused(scans, names, found):
    with pytest.raises(HarnessError, match=found):
        plan(scans, names)
