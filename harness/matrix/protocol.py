"""The protocol card of a result: how it came about, and with what."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from backbones.sparse.engine import get_engine
from harness.data.open import dataset_kind
from harness.data.splits import Split
from harness.matrix.working_copy import working_copy
from harness.measure.device import describe_device
from harness.spec import CellSpec, DatasetName, ProtocolCard
from harness.version import VERSION

SCORED_SPLIT: Split = "val"
"""Where cells are scored, unless they were trained on it."""


def is_scored(spec: CellSpec) -> bool:
    """Whether a cell has a score: not when its network has seen the scans that it would be scored on."""
    return SCORED_SPLIT not in spec.train_on


def cell_card(spec: CellSpec, device: torch.device) -> ProtocolCard:
    """Return the card of a cell."""
    return protocol_card(spec.dataset.name, SCORED_SPLIT, spec.train_on, spec.engine, device)


def protocol_card(
    dataset: DatasetName, split: Split, trained_on: Sequence[str], engine: str, device: torch.device
) -> ProtocolCard:
    """Return the card of a network on a split, by the official rule of a data set, without test-time augmentation."""
    copy = working_copy()
    return ProtocolCard(
        scoring_rule=dataset_kind(dataset).scoring_rule,
        split=split,
        trained_on=tuple(trained_on),
        tta=False,
        engine=engine,
        engine_version=get_engine(engine).version,
        device=describe_device(device),
        torch=torch.__version__,
        harness=VERSION,
        commit=None if copy is None else copy.description,
    )
