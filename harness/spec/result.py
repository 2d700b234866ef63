"""What the result of a cell says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from harness.spec.cell import CellSpec
from harness.spec.latency import LatencyResult
from harness.spec.macs import MacsResult
from harness.spec.score import ScoreResult, TtaResult
from harness.spec.sitting import SittingResult, sitting_before_records
from harness.spec.strict import Strict


class ProtocolCard(Strict):
    """What a reader must know before comparing this number with another."""

    scoring_rule: str
    split: str
    trained_on: tuple[str, ...]
    tta: bool
    weights: Literal["last epoch", "as given"] = Field(
        default="last epoch", description="of a training by this harness, or whatever a file held"
    )
    engine: str
    engine_version: str
    device: str
    torch: str
    harness: str
    commit: str | None = Field(description="commit of the working copy the harness ran from; None when installed")


class TrainingResult(Strict):
    """What the training of a cell cost. Seconds are those of this machine, all interrupted sittings added up."""

    steps: int
    seconds: float
    peak_memory_mib: float
    devices: tuple[str, ...] = Field(description="device and threads of each sitting that made a checkpoint")
    final_terms: dict[str, float] = Field(description="loss terms, mean over the last epoch")
    weights_sha256: str
    teacher_weights_sha256: str | None
    micro_batch: int | None = Field(
        default=None, description="fewest scans that a forward pass was held to in any sitting; None: the whole batch"
    )
    processes: int = Field(default=1, description="most that shared each batch in any sitting")
    sittings: tuple[SittingResult, ...] = Field(
        default=(), description="that made a checkpoint, in order; none in a result of a version before 0.5"
    )

    def known_sittings(self) -> tuple[SittingResult, ...]:
        """Return the sittings; of an older result, which does not have them, all of them as one."""
        if self.sittings:
            return self.sittings
        return (sitting_before_records(self.devices, self.steps, self.seconds, self.micro_batch, self.processes),)


class Provenance(Strict):
    """Where a result comes from and what it cost: what an auditor asks first. Nothing here decides a number."""

    spec_hash: str
    manifest_hash: str
    seeds: dict[str, int] = Field(description="of the student, and of the teacher where there is one")
    commit: str | None = Field(description="of the working copy that wrote the result; None when installed")
    dirty: bool | None = Field(description="that working copy had changes of its own; None when installed")
    packages: dict[str, str] = Field(description="version of each package that computes, by name")
    python: str
    platform: str
    device: str
    processes: int = Field(default=1, description="that evaluated together, or failed together")
    phase_seconds: dict[str, float] = Field(
        description="wall time by phase: train (all sittings), evaluate, ...; of a failed cell train has the earlier "
        "attempts as far as the newest checkpoint tells of them, and 'failed attempt' all of the last one"
    )
    wall_hours: float = Field(description="of all phases")
    device_hours: float = Field(description="each sitting's seconds times its processes, all else times `processes`")
    peak_memory_mib: float | None = Field(description="largest of all sittings of the training; None before any")
    disk_mib: float = Field(description="of the cell's folder")
    preemptions: int = Field(default=0, description="times a scheduler took the machine and the cell went on later")
    memory_retries: int = Field(default=0, description="times it began again with a smaller micro-batch")


class CellResult(Strict):
    """`result.json`: a finished cell with its numbers, or a failed one with its reason."""

    schema_version: Literal[1] = 1
    spec: CellSpec
    status: Literal["finished", "failed"]
    reason: str | None = Field(default=None, description="present when failed")
    protocol: ProtocolCard | None = Field(default=None, description="when finished, as all below but latency")
    parameters: int | None = None
    score: ScoreResult | None = Field(default=None, description="None of a network that was trained on the split, too")
    tta: TtaResult | None = Field(default=None, description="when the spec asks for it")
    macs: MacsResult | None = None
    latency: LatencyResult | None = None
    training: TrainingResult | None = None
    provenance: Provenance | None = Field(default=None, description="None in a result of a version before 0.5")

    def repeatable(self) -> dict[str, Any]:
        """Return the part that another run of the same cell on the same kind of machine repeats bit for bit.

        Left out is what a clock, a memory gauge or an interruption decides: latency, provenance, and of the training
        its seconds, its peak memory and its sittings. Which version did it is said too, and is no outcome.
        """
        unrepeatable: dict[str, bool | set[str]] = {
            "latency": True,
            "provenance": True,
            "protocol": {"harness", "commit"},
            "training": {"seconds", "peak_memory_mib", "devices", "sittings"},
        }
        return self.model_dump(mode="json", exclude=unrepeatable)

    @model_validator(mode="after")
    def _complete(self) -> CellResult:
        measured = (self.protocol, self.parameters, self.macs, self.training)
        if self.status == "finished" and None in measured:
            raise ValueError("a finished cell has protocol, parameters, macs and training")
        if self.protocol is not None and self.protocol.split in {*self.protocol.trained_on, *self.spec.train_on}:
            if self.score is not None or self.tta is not None:
                raise ValueError(f"a network that was trained on {self.protocol.split} has no score on it")
        elif self.status == "finished" and self.score is None:
            raise ValueError("a finished cell has a score, unless it was trained on what it would be scored on")
        if self.status == "failed" and self.reason is None:
            raise ValueError("a failed cell has a reason")
        return self
