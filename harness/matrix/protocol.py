"""The protocol card of a result: how it came about, and with what."""

from __future__ import annotations

import torch

from backbones.sparse.engine import get_engine
from harness.data.open import dataset_kind
from harness.matrix.working_copy import working_copy
from harness.measure.device import describe_device
from harness.spec import CellSpec, ProtocolCard
from harness.version import VERSION


def protocol_card(spec: CellSpec, device: torch.device) -> ProtocolCard:
    """Return the card of a cell that was trained on the training split and evaluated on the validation split."""
    copy = working_copy()
    return ProtocolCard(
        scoring_rule=dataset_kind(spec.dataset.name).scoring_rule,
        split="val",
        trained_on=("train",),
        tta=False,
        engine=spec.engine,
        engine_version=get_engine(spec.engine).version,
        device=describe_device(device),
        torch=torch.__version__,
        harness=VERSION,
        commit=None if copy is None else copy.description,
    )
