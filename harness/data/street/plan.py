"""How a number of scans is spread over sequences, and the sequences over pieces of work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.data.splits import OFFICIAL_SCANS, SPLIT_OF_SEQUENCE, SPLITS, Split
from harness.errors import HarnessError

TRAIN_SEQUENCES = tuple(OFFICIAL_SCANS["train"])
_SHARE: dict[Split, float] = {"train": 0.6, "val": 0.25, "test": 0.15}
_SCANS_PER_TRAIN_SEQUENCE = 8
_SCANS_PER_STRETCH = 32
MAX_SCANS_PER_SEQUENCE = 20_000


@dataclass(frozen=True)
class SequencePlan:
    """A sequence to write: its two-digit name, its split and its number of scans."""

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


def plan(scans: int, sequences: Sequence[str] | None = None) -> tuple[SequencePlan, ...]:
    """Spread the scans over sequences.

    60 % of them are for training, 25 % for validation and 15 % for testing, at least one each. By default they go to
    as many training sequences as get eight scans or more each (one to ten), to sequence 08 and to sequence 11. With
    `sequences`, the splits that occur among them share the scans in the same proportion, at least one a sequence.

    Raises:
        HarnessError: fewer than three scans or fewer than sequences, more than 20 000 scans in a sequence, a repeated
            or an unknown name.
    """
    if sequences is None and scans < 3:
        raise HarnessError("scans", str(scans), "at least 3", "Ask for one scan or more for each split.")
    names = _default_sequences(scans) if sequences is None else tuple(sequences)
    _check(scans, names)
    members: dict[Split, list[str]] = {
        split: [name for name in names if SPLIT_OF_SEQUENCE[name] == split] for split in SPLITS
    }
    counts = _split_counts(scans, {split: len(found) for split, found in members.items() if found})
    plans = [
        SequencePlan(name, split, size)
        for split, count in counts.items()
        for name, size in zip(members[split], _even(count, len(members[split])), strict=True)
    ]
    if (longest := max(item.scans for item in plans)) > MAX_SCANS_PER_SEQUENCE:
        remedy = "Instance ids would run out: ask for fewer scans or name more sequences."
        raise HarnessError("scans", f"a sequence of {longest}", f"at most {MAX_SCANS_PER_SEQUENCE}", remedy)
    return tuple(sorted(plans, key=lambda item: item.sequence))


def _default_sequences(scans: int) -> tuple[str, ...]:
    train = _split_counts(scans, dict.fromkeys(SPLITS, 1))["train"]
    return (*TRAIN_SEQUENCES[: max(1, train // _SCANS_PER_TRAIN_SEQUENCE)], "08", "11")


def _check(scans: int, names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in SPLIT_OF_SEQUENCE]:
        raise HarnessError("sequences", ", ".join(unknown), "two digits from 00 to 21", "Name official sequences.")
    if not names or len(set(names)) != len(names) or scans < len(names):
        found = f"{scans} scans for {len(names)} sequences ({', '.join(names)})"
        remedy = "Ask for more scans or name fewer sequences."
        raise HarnessError("sequences", found, "distinct names with a scan or more each", remedy)


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
