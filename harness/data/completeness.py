"""Which scans of a split are there, and which should be."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.data.input_file import AGAIN, read_input_text, unreadable
from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, Split
from harness.errors import HarnessError

DECLARATION = "synthetic.json"
"""A synthetic set names its scans by sequence in this file, under the key ``sequences``: {"00": 40, "08": 10}."""
MOST_BYTES = 1 << 20
"""Of a declaration, which has a few hundred."""
AGAIN_SYNTHESIZE = "Synthesize the set again."
MOST_NAMED = 12
"""Sequences that a message names: all that a split of SemanticKITTI has, and the first of the scenes of nuScenes."""
_FRAME = re.compile("[0-9]{6}[.]bin")


@dataclass(frozen=True)
class SequenceListing:
    """The scans of one sequence, or scene.

    Attributes:
        sequence: its name; two digits in SemanticKITTI.
        official: number of scans that the split has by definition (or by declaration, when synthetic).
        found: frame names, ascending, of those scans that are there.
        strays: names of other ``.bin`` files beside them.
        folder: of the scans; None when there is none.
        unread: why the folder can't be listed; None when it can.
        absent: what a copy may well be without, all of this; None when it may not.
        first_missing: the first file, or the folder, whose absence makes it lack scans; None when none is missing.
    """

    sequence: str
    official: int
    found: tuple[str, ...]
    strays: tuple[str, ...]
    folder: Path | None
    unread: HarnessError | None = None
    absent: HarnessError | None = None
    first_missing: Path | None = None

    @property
    def missing(self) -> int:
        """Number of scans that are not there."""
        return self.official - len(self.found)

    @property
    def fault(self) -> HarnessError | None:
        """What no copy may have, complete or not: a scan folder without scans, or with scans of something else."""
        if self.unread is not None or self.folder is None:
            return self.unread
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
    """Look into a sequence's folder of scans. One that can't be listed is a fault of the listing, not an error here."""
    folder = root / "sequences" / sequence / "velodyne"
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".bin")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not (folder.is_symlink() or folder.parent.is_symlink()):
            return SequenceListing(sequence, official, (), (), None, first_missing=folder / "000000.bin")
        return SequenceListing(sequence, official, (), (), folder, unreadable(folder, error))
    frames = [name for name in names if _FRAME.fullmatch(name) and int(name[:6]) < official]
    strays = sorted(set(names).difference(frames))
    present = tuple(name[:6] for name in frames)
    gap = next((place for place, frame in enumerate(present) if int(frame) != place), len(present))
    missing = folder / f"{gap:06d}.bin" if len(present) < official else None
    return SequenceListing(sequence, official, present, tuple(strays), folder, first_missing=missing)


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
        lacking = [s for s in self.sequences if s.missing]
        named = [f"{s.sequence} lacks {s.missing} of {s.official}" for s in lacking[:MOST_NAMED]]
        more = [f"and {len(lacking) - MOST_NAMED} more"] if len(lacking) > MOST_NAMED else []
        return ", ".join(named + more)


def declared_scans(root: Path) -> dict[Split, dict[str, int]] | None:
    """Read how many scans a synthetic set says it has, by split and sequence; None for a set that is not synthetic.

    Raises:
        HarnessError: the declaration can't be read, or names what is no sequence or no count.
    """
    path = root / DECLARATION
    if not os.path.lexists(path):
        return None
    try:
        record = json.loads(read_input_text(path, MOST_BYTES, AGAIN_SYNTHESIZE), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        found = f"no JSON ({str(error)[:200]})"
        raise HarnessError(path, found, "the record of a synthetic set", AGAIN_SYNTHESIZE) from error
    scans = record.get("sequences") if isinstance(record, dict) else None
    if not isinstance(scans, Mapping) or not scans or not all(_is_count(*item) for item in scans.items()):
        expected = 'a key "sequences" with a number from 1 to 999999 for each sequence, 00 to 21'
        raise HarnessError(path, f"sequences: {str(scans)[:80]}", expected, AGAIN_SYNTHESIZE)
    return {
        split: {sequence: scans[sequence] for sequence in sequences if sequence in scans}
        for split, sequences in OFFICIAL_SCANS.items()
    }


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object of JSON whose keys must differ: of two counts for a sequence, neither is the right one."""
    record = dict(pairs)
    if len(record) < len(pairs):
        raise ValueError("a key that occurs twice")
    return record


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
