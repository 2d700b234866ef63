import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from official_validator import official_validator_accepts

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.errors import HarnessError
from harness.export import semantickitti
from harness.export.check import check_submission
from harness.export.semantickitti import Description, Submission, write_submission

Predictions = list[tuple[str, np.ndarray]]


def write(predictions, out: Path, expected=None, **more) -> Submission:
    expected = expected or {scan_id: len(train) for scan_id, train in predictions}
    return write_submission(predictions, out, expected, SEMANTICKITTI, **more)


def test_the_official_validator_accepts_the_archive(archive: Path, dataset: SemanticKitti) -> None:
    assert official_validator_accepts(archive, dataset.root)


def test_an_archive_without_folder_entries_is_what_the_validator_rejects(archive: Path, dataset: SemanticKitti) -> None:
    bare = archive.with_name("bare.zip")
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(bare, "w") as target:
        for entry in source.infolist():
            if not entry.is_dir():
                target.writestr(entry, source.read(entry))
    assert not official_validator_accepts(bare, dataset.root)


scans = st.dictionaries(
    st.builds("{}/{:06d}".format, st.integers(11, 21), st.integers(0, 999_999)),
    st.lists(st.integers(1, 19), min_size=1, max_size=20),
    min_size=1,
    max_size=8,
)


@given(scans, st.booleans())
@settings(max_examples=40, deadline=None)
def test_round_trip(labels: dict[str, list[int]], described: bool) -> None:
    predictions = [(scan_id, np.array(labels[scan_id])) for scan_id in sorted(labels)]
    expected = {scan_id: len(ids) for scan_id, ids in labels.items()}
    description = Description("PVD", "https://example.org/pvd.pdf") if described else None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "round.zip"
        submission = write(predictions, out, expected, description=description)
        findings = check_submission(out, expected, SEMANTICKITTI, rehearsal=True)
        assert [finding.level for finding in findings] == ["warning"]
        with zipfile.ZipFile(out) as bundle:
            names = [name for name in bundle.namelist() if name.endswith(".label")]
            for scan_id, ids in labels.items():
                sequence, frame = scan_id.split("/")
                words = np.frombuffer(bundle.read(f"sequences/{sequence}/predictions/{frame}.label"), dtype="<u4")
                assert [SEMANTICKITTI.raw_to_train[word] for word in words.tolist()] == ids
            assert ("description.txt" in bundle.namelist()) == described
    assert len(names) == submission.scans == len(labels)
    assert submission.points == sum(expected.values())


def test_the_same_predictions_give_the_same_bytes(tmp_path: Path, predictions: Predictions) -> None:
    first, second = write(predictions, tmp_path / "a.zip"), write(predictions[:], tmp_path / "b.zip")
    assert first.path.read_bytes() == second.path.read_bytes()
    with zipfile.ZipFile(first.path) as bundle:
        assert {entry.date_time for entry in bundle.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_predictions_are_taken_one_at_a_time(tmp_path: Path, predictions: Predictions) -> None:
    sizes: list[int] = []

    def stream() -> Iterator[tuple[str, np.ndarray]]:
        for scan_id, train in predictions:
            sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield scan_id, np.resize(np.repeat(train, 7), 200_000)

    write(stream(), tmp_path / "a.zip", {scan_id: 200_000 for scan_id, _ in predictions})
    assert sizes[0] < sizes[-1], "earlier predictions are on the disk when a later one is asked for"


def test_description(tmp_path: Path, predictions: Predictions) -> None:
    about = Description("PVD 0.5", "https://example.org/p.pdf", "https://example.org/code")
    with zipfile.ZipFile(write(predictions, tmp_path / "a.zip", description=about).path) as bundle:
        text = bundle.read("description.txt").decode()
    assert text == "name: PVD 0.5\npdf url: https://example.org/p.pdf\ncode url: https://example.org/code\n"


@pytest.mark.parametrize("about", [Description(""), Description("a\nname: b"), Description("a", "http://x\n")])
def test_description_has_one_line_per_field(tmp_path: Path, predictions: Predictions, about: Description) -> None:
    with pytest.raises(HarnessError, match="one line"):
        write(predictions, tmp_path / "a.zip", description=about)


def refused(predictions, expected: dict[str, int], match: str, name: str = "a.zip") -> None:
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(HarnessError, match=match):
            write(predictions, Path(folder) / name, expected)
        assert not list(Path(folder).iterdir()), "nothing may be left of a refused archive"


GOOD = {"11/000000": np.array([1, 2]), "11/000001": np.array([3]), "12/000000": np.array([4])}
SIZES = {"11/000000": 2, "11/000001": 1, "12/000000": 1}


def some(*scan_ids: str) -> Predictions:
    return [(scan_id, GOOD[scan_id]) for scan_id in scan_ids]


def test_class_zero_is_refused() -> None:
    refused(
        [("11/000000", np.array([1, 0])), *some("11/000001", "12/000000")], SIZES, "scan 11/000000: found train ids 0"
    )


def test_an_id_beyond_the_classes_is_refused() -> None:
    refused([("11/000000", np.array([1, 20])), *some("11/000001", "12/000000")], SIZES, "train ids 20")


def test_scores_instead_of_ids_are_refused() -> None:
    refused([("11/000000", np.array([0.5, 2.0]))], SIZES, "one integer id per point")


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_wrong_length_is_refused(length: int) -> None:
    refused([("11/000000", np.ones(length, int))], SIZES, f"scan 11/000000: found {length} labels; expected 2")


def test_a_missing_last_scan_is_refused() -> None:
    refused(some("11/000000", "11/000001"), SIZES, "no prediction for 1 of 3 scans, first 12/000000")


def test_a_missing_scan_between_is_refused() -> None:
    refused(some("11/000000", "12/000000"), SIZES, "found scan 12/000000 next; expected scan 11/000001 next")


def test_a_repeated_scan_is_refused() -> None:
    refused(some("11/000000", "11/000000"), SIZES, "second time or late")


def test_an_unknown_scan_is_refused() -> None:
    refused([("13/000000", np.array([1]))], SIZES, "13/000000, which the data set doesn't hold")


def test_a_scan_too_many_is_refused() -> None:
    refused([*some(*GOOD), ("12/000000", np.array([1]))], SIZES, "expected no further scan")


def test_the_name_has_to_end_with_zip() -> None:
    refused(some(*GOOD), SIZES, "ending '.tar'", name="a.tar")


def test_an_interrupted_run_leaves_the_old_archive_alone(tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    before = write(some(*GOOD), out, SIZES).path.read_bytes()

    def stopped() -> Iterator[tuple[str, np.ndarray]]:
        yield "11/000000", GOOD["11/000000"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(stopped(), out, SIZES)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert out.read_bytes() == before


def test_a_large_archive_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert write(some(*GOOD), tmp_path / "a.zip", SIZES).warnings == ()
    monkeypatch.setattr(semantickitti, "LARGE_BYTES", 100)
    [warning] = write(some(*GOOD), tmp_path / "a.zip", SIZES).warnings
    assert "242 MB" in warning
