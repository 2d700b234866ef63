"""The contract of the harness: what a cell is, and what its result says. Typed, strict and versioned."""

from harness.spec.cell import (
    BackboneSpec,
    CellSpec,
    DatasetName,
    DatasetSpec,
    MeasureSpec,
    MethodSpec,
    ScoringRule,
    TrainingSplit,
    TtaSpec,
)
from harness.spec.family import seedless
from harness.spec.latency import (
    DeviceKind,
    LatencyFit,
    LatencyRecord,
    LatencyResult,
    MachineState,
    ProcessRun,
    SpanResult,
    WarmUp,
)
from harness.spec.macs import MacsResult
from harness.spec.recipe import PUBLISHED_RATES, Augmentation, Flip, Mixing, MixKind, RecipeSpec
from harness.spec.result import CellResult, ProtocolCard, Provenance, TrainingResult
from harness.spec.score import BandScore, ScoreResult, Stretch, TtaResult
from harness.spec.sitting import SittingResult, plain_device, sitting_before_records
from harness.spec.strict import Strict

__all__ = [
    "PUBLISHED_RATES",
    "SCHEMA_VERSION",
    "Augmentation",
    "BackboneSpec",
    "BandScore",
    "CellResult",
    "CellSpec",
    "DatasetName",
    "DatasetSpec",
    "DeviceKind",
    "Flip",
    "LatencyFit",
    "LatencyRecord",
    "LatencyResult",
    "MachineState",
    "MacsResult",
    "MeasureSpec",
    "MethodSpec",
    "MixKind",
    "Mixing",
    "ProcessRun",
    "ProtocolCard",
    "Provenance",
    "RecipeSpec",
    "ScoreResult",
    "ScoringRule",
    "SittingResult",
    "SpanResult",
    "Stretch",
    "Strict",
    "TrainingResult",
    "TrainingSplit",
    "TtaResult",
    "TtaSpec",
    "WarmUp",
    "plain_device",
    "seedless",
    "sitting_before_records",
]

SCHEMA_VERSION = 1
"""Version of `spec.json` and `result.json`; a file of another version is refused, never guessed at."""
