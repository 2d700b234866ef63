"""Which scans of a split are there, and which should be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.kitti_files import AGAIN, unreadable
from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, Split
from harness.errors import HarnessError

DECLARATION = "synthetic.json"
"""A synthetic set names its scans by sequence in this file, under the key ``sequences``: {"00": 40, "08": 10}."""


@dataclass(frozen=True)
class SequenceListing:
    """The scans of one sequence.

    Attributes:
        sequence: two digits.
        official: number of scans that the split has by definition (or by declaration, when synthetic).
        found: frame names, ascending, of those scans that are there.
        strays: names of other ``.bin`` files beside them.
        folder: of the scans; None when there is none.
    """

    sequence: str
    official: int
    found: tuple[str, ...]
    strays: tuple[str, ...]
    folder: Path | None

    @property
    def fault(self) -> HarnessError | None:
        """What no copy may have, complete or not: a scan folder without scans, or with scans of something else."""
        if self.folder is None:
            return None
        if self.strays:
            named = ", ".join(self.strays[:3])
            expected = f"000000.bin to {self.official - 1:06d}.bin only"
            return HarnessError(
                self.folder, f"{len(self.strays)} other scans ({named})", expected, "Move them elsewhere."
            )
        if not self.found:
            return HarnessError(
                self.folder, "no scan", f"up to {self.official} .bin files", "Fetch the sequence again."
            )
        return None


def list_sequence(root: Path, sequence: str, official: int) -> SequenceListing:
    """Look into a sequence's folder of scans."""
    folder = root / "sequences" / sequence / "velodyne"
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".bin")
    except FileNotFoundError:
        return SequenceListing(sequence, official, (), (), None)
    except OSError as error:
        raise unreadable(folder, error) from error
    frames = {f"{frame:06d}.bin" for frame in range(official)}
    found = tuple(name.removesuffix(".bin") for name in names if name in frames)
    return SequenceListing(sequence, official, found, tuple(name for name in names if name not in frames), folder)


@dataclass(frozen=True)
class Completeness:
    """Scans of one split, sequence by sequence."""

    split: Split
    sequences: tuple[SequenceListing, ...]

    @property
    def found(self) -> int:
        """Number of scans that are there."""
        return sum(len(sequence.found) for sequence in self.sequences)

    @property
    def official(self) -> int:
        """Number of scans that the split has."""
        return sum(sequence.official for sequence in self.sequences)

    @property
    def missing(self) -> str:
        """The sequences that lack scans, for a message; empty when none does."""
        lacking = [s for s in self.sequences if len(s.found) < s.official]
        return ", ".join(f"{s.sequence} lacks {s.official - len(s.found)} of {s.official}" for s in lacking)


def declared_scans(root: Path) -> dict[Split, dict[str, int]] | None:
    """Read how many scans a synthetic set says it has, by split and sequence; None for a set that is not synthetic.

    Raises:
        HarnessError: the declaration can't be read, or names what is no sequence or no count.
    """
    path = root / DECLARATION
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:
        raise HarnessError(path, f"no JSON ({error})", "the record of a synthetic set", AGAIN) from error
    scans = record.get("sequences") if isinstance(record, dict) else None
    if not isinstance(scans, Mapping) or not all(_is_count(*item) for item in scans.items()):
        expected = 'a key "sequences" with a number from 1 to 999999 for each sequence, 00 to 21'
        raise HarnessError(path, f"sequences: {str(scans)[:80]}", expected, "Synthesize the set again.")
    return {
        split: {sequence: scans[sequence] for sequence in sequences if sequence in scans}
        for split, sequences in OFFICIAL_SCANS.items()
    }


def _is_count(sequence: object, count: object) -> bool:
    return sequence in SPLIT_OF_SEQUENCE and type(count) is int and 0 < count < 1_000_000


def split_scan_id(scan_id: str) -> tuple[str, str]:
    """Cut ``08/000004`` into sequence and frame.

    Raises:
        HarnessError: not a scan of SemanticKITTI.
    """
    sequence, _, frame = scan_id.partition("/")
    if sequence not in SPLIT_OF_SEQUENCE or not re.fullmatch("[0-9]{6}", frame):
        raise HarnessError(
            f"scan {scan_id[:40]!r}", "no such name", "a sequence 00 to 21 and a frame, as 08/000004", AGAIN
        )
    return sequence, frame
