"""How a number of scans is spread over the drives of a data set, and the drives over pieces of work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, SPLITS, Split
from harness.errors import HarnessError

_SHARE: dict[Split, float] = {"train": 0.6, "val": 0.25, "test": 0.15}
_LEAST_SCANS: dict[Split, int] = {"train": 8, "val": 1, "test": 1}
_SCANS_PER_STRETCH = 32


@dataclass(frozen=True)
class Roster:
    """The drives that a data set knows.

    Attributes:
        unit: what it calls them.
        split_of: the official split of each.
        defaults: those that are written unless some are named: the first of each split, as many as get eight scans or
            more in training, and one or more in validation and testing.
        longest: scans that a drive may have at most, as instance ids are 16 bits wide.
        expected: what its names look like, for messages.
    """

    unit: str
    split_of: Mapping[str, Split]
    defaults: Mapping[Split, tuple[str, ...]]
    longest: int
    expected: str


SEMANTICKITTI_SEQUENCES = Roster(
    "sequences",
    SPLIT_OF_SEQUENCE,
    {"train": tuple(OFFICIAL_SCANS["train"]), "val": ("08",), "test": ("11",)},
    longest=20_000,
    expected="two digits from 00 to 21",
)


@dataclass(frozen=True)
class SequencePlan:
    """A drive to write: the name of its sequence or scene, its split and its number of scans."""

    sequence: str
    split: Split
    scans: int


@dataclass(frozen=True)
class Stretch:
    """A piece of work: scans `first` to `last` - 1 of a sequence of `scans` scans."""

    sequence: str
    labelled: bool
    scans: int
    first: int
    last: int


def plan(
    scans: int, names: Sequence[str] | None = None, roster: Roster = SEMANTICKITTI_SEQUENCES
) -> tuple[SequencePlan, ...]:
    """Spread the scans over the drives of a data set.

    60 % of them are for training, 25 % for validation and 15 % for testing, at least one each. By default they go to
    the roster's defaults. With `names`, the splits that occur among them share the scans in the same proportion, at
    least one a drive.

    Raises:
        HarnessError: fewer than three scans or fewer than names, more scans in a drive than it may have, a repeated or
            an unknown name.
    """
    if names is None and scans < 3:
        raise HarnessError("scans", str(scans), "at least 3", "Ask for one scan or more for each split.")
    names = _default_names(scans, roster) if names is None else tuple(names)
    _check(scans, names, roster)
    members: dict[Split, list[str]] = {
        split: [name for name in names if roster.split_of[name] == split] for split in SPLITS
    }
    counts = _split_counts(scans, {split: len(found) for split, found in members.items() if found})
    plans = [
        SequencePlan(name, split, size)
        for split, count in counts.items()
        for name, size in zip(members[split], _even(count, len(members[split])), strict=True)
    ]
    if (longest := max(item.scans for item in plans)) > roster.longest:
        remedy = f"Instance ids would run out: ask for fewer scans or name more {roster.unit}."
        raise HarnessError("scans", f"a drive of {longest}", f"at most {roster.longest}", remedy)
    return tuple(sorted(plans, key=lambda item: item.sequence))


def _default_names(scans: int, roster: Roster) -> tuple[str, ...]:
    counts = _split_counts(scans, dict.fromkeys(SPLITS, 1))
    return tuple(
        name for split in SPLITS for name in roster.defaults[split][: max(1, counts[split] // _LEAST_SCANS[split])]
    )


def _check(scans: int, names: Sequence[str], roster: Roster) -> None:
    if unknown := [name for name in names if name not in roster.split_of]:
        raise HarnessError(roster.unit, ", ".join(unknown), roster.expected, f"Name official {roster.unit}.")
    if not names or len(set(names)) != len(names) or scans < len(names):
        found = f"{scans} scans for {len(names)} {roster.unit} ({', '.join(names)})"
        remedy = f"Ask for more scans or name fewer {roster.unit}."
        raise HarnessError(roster.unit, found, "distinct names with a scan or more each", remedy)


def _split_counts(scans: int, sequences: Mapping[Split, int]) -> dict[Split, int]:
    """Scans of each split, none with fewer scans than sequences; the sum is `scans`."""
    total = sum(_SHARE[split] for split in sequences)
    counts = {split: max(number, round(scans * _SHARE[split] / total)) for split, number in sequences.items()}
    while excess := sum(counts.values()) - scans:
        spare = max(sequences, key=lambda split: counts[split] - sequences[split])
        counts[spare] -= 1 if excess > 0 else -1
    return counts


def _even(count: int, parts: int) -> list[int]:
    return [count // parts + (index < count % parts) for index in range(parts)]


def stretches(plans: Sequence[SequencePlan]) -> list[Stretch]:
    """Cut every sequence into stretches of at most 32 scans, whatever the number of workers."""
    return [
        Stretch(item.sequence, item.split != "test", item.scans, first, min(first + _SCANS_PER_STRETCH, item.scans))
        for item in plans
        for first in range(0, item.scans, _SCANS_PER_STRETCH)
    ]
