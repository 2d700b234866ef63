import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from official_validator import official_validator_accepts

from harness.data.labels import SEMANTICKITTI
from harness.data.semantickitti import SemanticKitti
from harness.data.splits import OFFICIAL_SCANS
from harness.export.check import Finding, check_submission
from harness.export.labels import expected_points

LABEL = "sequences/11/predictions/000000.label"
Contents = dict[str, bytes]


@pytest.fixture
def rebuild(archive: Path) -> Callable[..., Path]:
    """Write the good archive again with changed contents; None drops an entry."""

    def build(compression: int = zipfile.ZIP_DEFLATED, **changes: bytes | None) -> Path:
        with zipfile.ZipFile(archive) as source:
            contents: dict[str, bytes | None] = {name: source.read(name) for name in source.namelist()}
        out = archive.with_name("changed.zip")
        with zipfile.ZipFile(out, "w", compression) as target:
            for name, data in {**contents, **changes}.items():
                if data is not None:
                    target.writestr(name, data)
        return out

    return build


@pytest.fixture
def errors(dataset: SemanticKitti) -> Callable[[Path], list[Finding]]:
    """Errors of an archive against the copy; the warning that it is a rehearsal is left out."""
    expected = expected_points(dataset, "test")

    def check(path: Path) -> list[Finding]:
        findings = check_submission(path, expected, SEMANTICKITTI, rehearsal=True)
        assert findings[0].level == "warning"
        assert "not the 20351 of the test split" in findings[0].message
        return [finding for finding in findings if finding.level == "error"]

    return check


def test_the_test_split_has_its_frozen_counts() -> None:
    counts = [921, 1061, 3281, 631, 1901, 1731, 491, 1801, 4981, 831, 2721]
    assert OFFICIAL_SCANS["test"] == {str(11 + i): count for i, count in enumerate(counts)}
    assert sum(counts) == 20351


def test_a_good_archive_has_no_error(archive: Path, errors) -> None:
    assert errors(archive) == []


def test_progress_counts_the_scans(archive: Path, dataset: SemanticKitti) -> None:
    steps: list[tuple[int, int]] = []
    check_submission(archive, expected_points(dataset, "test"), SEMANTICKITTI, True, lambda *step: steps.append(step))
    assert steps == [(done, 22) for done in range(1, 23)]


def test_an_incomplete_copy_is_an_error_but_in_a_rehearsal(archive: Path, dataset: SemanticKitti) -> None:
    findings = check_submission(archive, expected_points(dataset, "test"), SEMANTICKITTI)
    assert len(findings) == 11
    assert findings[0] == Finding(
        "error", "sequence 11", "2 scans, the test split has 921; the server needs all 20351, and no other"
    )


def test_scans_of_another_split_are_an_error_but_in_a_rehearsal(archive: Path) -> None:
    findings = check_submission(archive, {"08/000000": 4}, SEMANTICKITTI)
    [message] = [finding.message for finding in findings if finding.where == "sequence 08"]
    assert message.startswith("1 scans, the test split has 0")


def edit(archive: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(archive.read_bytes())
    change(data)
    out = archive.with_name("edited.zip")
    out.write_bytes(data)
    return out


RAW = np.array([10, 10, 10, 10, 10, 10], dtype="<u4")  # scan 11/000000 has 6 points


@pytest.mark.parametrize(
    "changes, where, message",
    [
        ({"sequences/": None}, "sequences/", "no entry for this folder"),
        ({"sequences/13/": None}, "sequences/13/", "no entry for this folder"),
        ({"sequences/21/predictions/": None}, "sequences/21/predictions/", "no entry for this folder"),
        ({LABEL: None}, "sequences/11/predictions/", "1 label files are missing"),
        ({LABEL: RAW[:5].tobytes()}, LABEL, "20 bytes; 6 points need 24"),
        ({LABEL: RAW.astype("<u2").tobytes()}, LABEL, "looks like 16-bit ids"),
        ({LABEL: RAW.astype("<u8").tobytes()}, LABEL, "looks like 64-bit ids"),
        ({LABEL: RAW.astype("u1").tobytes()}, LABEL, "looks like 8-bit ids"),
    ],
)
def test_what_the_official_validator_rejects_is_an_error(rebuild, errors, dataset, changes, where, message) -> None:
    path = rebuild(**changes)
    assert not official_validator_accepts(path, dataset.root)
    assert any(finding.where == where and message in finding.message for finding in errors(path))


@pytest.mark.parametrize(
    "changes, where, message",
    [
        ({LABEL: (RAW * 0).tobytes()}, LABEL, "ids 0 (6 points) are none of the scored raw ids"),
        ({LABEL: (RAW + 1 << 20).tobytes()}, LABEL, "none of the scored raw ids"),
        ({LABEL: (RAW // 10).tobytes()}, LABEL, "these look like train ids"),
        ({LABEL: (RAW | 1 << 16).tobytes()}, LABEL, "high 16 bits"),
        ({LABEL: RAW.astype("<f4").tobytes()}, LABEL, "these look like float32"),
        (
            {LABEL: (RAW + 242).tobytes()},
            LABEL,
            "ids 252 (6 points) are none of the scored raw ids; ids of moving objects belong to the",
        ),
        ({LABEL: (RAW * 0 + 99).tobytes()}, LABEL, "ids 99 (6 points)"),
        ({"sequences/11/predictions/000001.label": b""}, "sequences/11/predictions/000001.label", "stray"),
        ({"__MACOSX/": b""}, "__MACOSX/", "stray"),
        ({"sequences/11/predictions/.DS_Store": b"x"}, "sequences/11/predictions/.DS_Store", "stray"),
        ({"description.txt": bytes(70_000)}, "description.txt", "70000 bytes"),
        ({"../evil.label": b"x"}, "../evil.label", "outside the folder"),
        ({"/etc/evil": b"x"}, "/etc/evil", "outside the folder"),
        ({"C:evil": b"x"}, "C:evil", "outside the folder"),
        ({"a\\..\\b": b"x"}, "a\\..\\b", "outside the folder"),
    ],
)
def test_what_the_official_validator_overlooks_is_an_error(rebuild, errors, dataset, changes, where, message) -> None:
    path = rebuild(**changes)
    assert official_validator_accepts(path, dataset.root)
    assert any(finding.where == where and message in finding.message for finding in errors(path))


def test_another_ending_is_an_error(archive: Path, errors) -> None:
    renamed = archive.rename(archive.with_suffix(".ZIP"))
    assert "end with .zip" in errors(renamed)[0].message


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", bytes(100)])
def test_what_is_no_archive_is_an_error(tmp_path: Path, errors, data: bytes) -> None:
    path = tmp_path / "broken.zip"
    path.write_bytes(data)
    assert "not a readable zip archive" in errors(path)[0].message
    assert "not a readable zip archive" in errors(tmp_path / "nowhere.zip")[0].message


def test_an_entry_twice_is_an_error(archive: Path, errors) -> None:
    with zipfile.ZipFile(archive, "a") as bundle, pytest.warns(UserWarning, match="Duplicate"):
        bundle.writestr(LABEL, RAW.tobytes())
    assert Finding("error", LABEL, "2 entries with this name") in errors(archive)


def test_a_flipped_bit_is_found_by_the_checksum(rebuild, errors) -> None:
    path = rebuild(zipfile.ZIP_STORED)

    def flip(data: bytearray) -> None:
        data[data.index(LABEL.encode()) + len(LABEL)] ^= 60  # the first byte of the first label

    [finding] = errors(edit(path, flip))
    assert finding.where == LABEL
    assert "damaged" in finding.message


def test_a_symbolic_link_is_an_error(archive: Path, errors) -> None:
    with zipfile.ZipFile(archive, "a") as bundle:
        link = zipfile.ZipInfo("description.txt")
        link.external_attr = 0o120777 << 16
        bundle.writestr(link, "/etc/passwd")
    assert errors(archive)[0].where == "description.txt"


def test_an_encrypted_entry_is_an_error(archive: Path, errors) -> None:
    def encrypt(data: bytearray) -> None:
        central = data.rindex(LABEL.encode()) - 46
        data[central + 8] |= 1

    assert any(finding.where == LABEL and "encrypted" in finding.message for finding in errors(edit(archive, encrypt)))


def test_an_archive_larger_than_its_labels_is_not_opened(archive: Path, errors) -> None:
    def bloat(data: bytearray) -> None:
        data[:0] = bytes(200_000)

    [finding] = errors(edit(archive, bloat))
    assert "more than all labels take uncompressed" in finding.message


def test_a_bomb_that_lies_about_its_size_is_read_no_further_than_declared(rebuild, errors) -> None:
    bomb = rebuild(**{LABEL: bytes(50_000_000)})

    def lie(data: bytearray) -> None:
        central = data.rindex(LABEL.encode()) - 46
        struct.pack_into("<I", data, central + 24, 24)

    [finding] = errors(edit(bomb, lie))
    assert finding.where == LABEL
    assert "damaged" in finding.message
