"""The contract of the harness: what a cell is, and what its result says. Typed, strict and versioned."""

from harness.spec.cell import (
    BackboneSpec,
    CellSpec,
    DatasetName,
    DatasetSpec,
    MeasureSpec,
    MethodSpec,
    ScoringRule,
    TtaSpec,
)
from harness.spec.recipe import PUBLISHED_RATES, Augmentation, Flip, Mixing, MixKind, RecipeSpec
from harness.spec.result import (
    CellResult,
    LatencyFit,
    LatencyResult,
    MacsResult,
    ProtocolCard,
    Provenance,
    ScoreResult,
    SpanResult,
    TrainingResult,
    TtaResult,
)
from harness.spec.sitting import SittingResult, plain_device, sitting_before_records
from harness.spec.strict import Strict

__all__ = [
    "PUBLISHED_RATES",
    "SCHEMA_VERSION",
    "Augmentation",
    "BackboneSpec",
    "CellResult",
    "CellSpec",
    "DatasetName",
    "DatasetSpec",
    "Flip",
    "LatencyFit",
    "LatencyResult",
    "MacsResult",
    "MeasureSpec",
    "MethodSpec",
    "MixKind",
    "Mixing",
    "ProtocolCard",
    "Provenance",
    "RecipeSpec",
    "ScoreResult",
    "ScoringRule",
    "SittingResult",
    "SpanResult",
    "Strict",
    "TrainingResult",
    "TtaResult",
    "TtaSpec",
    "plain_device",
    "sitting_before_records",
]

SCHEMA_VERSION = 1
"""Version of `spec.json` and `result.json`; a file of another version is refused, never guessed at."""
