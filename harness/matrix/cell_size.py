"""How much disk a cell's folder takes in the end, counted from its network."""

from __future__ import annotations

import json
from functools import cache

import torch

from backbones.build import build_backbone
from harness.matrix.standing import MIB, training_steps
from harness.spec import BackboneSpec, CellSpec, RecipeSpec
from harness.train.checkpoint import KEPT

FLOAT_BYTES = 4
LOG_BYTES = 250
"""Of a line of metrics.jsonl with a few terms."""


def cell_size_mib(spec: CellSpec) -> float:
    """Return the size of the weights, of the checkpoints that are kept and of the log of every step.

    What a method trains beside the network and what the files have besides numbers are left out: both are small.
    """
    numbers = network_numbers(spec.backbone)
    checkpoint = (1 + _moments(spec.recipe)) * numbers
    return (FLOAT_BYTES * (numbers + KEPT * checkpoint) + LOG_BYTES * training_steps(spec)) / MIB


def network_numbers(backbone: BackboneSpec) -> int:
    """Return how many numbers the state of a network has: its weights and running statistics."""
    return _numbers(backbone.name, backbone.width, backbone.classes, json.dumps(backbone.settings))


@cache
def _numbers(name: str, width: float, classes: int, settings: str) -> int:
    with torch.device("meta"):
        network = build_backbone(name, width, classes, json.loads(settings))
    return sum(tensor.numel() for tensor in network.state_dict().values())


def _moments(recipe: RecipeSpec) -> int:
    """Return the numbers that the optimiser keeps for each weight."""
    return 2 if recipe.optimizer == "adam" else int(recipe.momentum > 0)
