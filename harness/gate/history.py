"""The measurements of one network in one night: the first, and those that a doubt asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.gate.finding import Verdict
from harness.gate.slower import Comparison, compare
from harness.measure.latency.records import name_of
from harness.spec import LatencyRecord


@dataclass(frozen=True)
class History:
    """A record of the reference, and what was measured since.

    Attributes:
        reference: stable.
        records: in the order of their making, all of the reference's name.
        refusal: why there is no further one although it was asked for.
    """

    reference: LatencyRecord
    records: tuple[LatencyRecord, ...]
    refusal: str = ""

    @property
    def name(self) -> str:
        """What says of what the records are."""
        return name_of(self.reference)

    @property
    def outcome(self) -> Verdict | None:
        """The verdict; None where one more measurement is asked for.

        An unstable record tells nothing and is made again, once. A stable one that is no slower acquits; a slower one
        condemns when a second one is slower too. What can't be made stays undecided.
        """
        stable = self.stable
        if stable and not self.comparison.slower:
            return "better" if self.comparison.faster else "pass"
        if len(stable) > 1:
            return "regression"
        unstable = len(self.records) - len(stable)
        undecided = self.refusal or unstable > 1 or (stable and self.records[-1].verdict == "unstable")
        return "could not measure" if undecided else None

    @property
    def stable(self) -> Sequence[LatencyRecord]:
        """The records that count."""
        return [record for record in self.records if record.verdict == "stable"]

    @cached_property
    def comparison(self) -> Comparison:
        """That of the newest record, of those that count if there are any."""
        return compare(self.reference, (self.stable or self.records)[-1])

    @property
    def note(self) -> str:
        """What a reader of the verdict must know."""
        unstable = [record for record in self.records if record.verdict == "unstable"]
        told = [f"unstable: {'; '.join(record.reasons)}" for record in unstable]
        told += ["slower once, not when measured again"] * (len(self.stable) > 1 and self.outcome != "regression")
        told += ["renew the reference?"] * (self.outcome == "better")
        told += [f"unconfirmed: {self.refusal}"] * bool(self.refusal)
        return "; ".join(told)
