"""Whether the networks of a matrix can be built and put on its engine, asked before any data is prepared."""

from __future__ import annotations

import torch

from backbones.build import build_backbone
from backbones.sparse.engine import EngineError, get_engine
from backbones.sparse.layers import set_engine
from harness.config import MatrixConfig, resolve_backbone
from harness.errors import HarnessError


def check_networks(matrix: MatrixConfig) -> None:
    """Build every network of a matrix without memory for its weights, and put it on the engine.

    Raises:
        HarnessError: the engine can't express a layer, or a width leaves a layer without channels.
    """
    engine = get_engine(matrix.engine)
    for index, config in enumerate(matrix.backbones):
        key = f"matrix {matrix.name}, key backbones.{index}"
        for width in (config.teacher_width, config.student_width):
            spec = resolve_backbone(config, width, 1, key)
            try:
                with torch.device("meta"):
                    network = build_backbone(spec.name, spec.width, spec.classes, spec.settings)
                set_engine(network, engine)
            except EngineError as error:
                found, expected = f"{spec.name} on the engine {engine.name!r}", "an engine that has all of its layers"
                remedy = f"{error} Choose another engine, or leave {spec.name} to a matrix of its own."
                raise HarnessError(key, found, expected, remedy) from error
            except ValueError as error:
                expected = "a network that can be built"
                raise HarnessError(key, str(error), expected, "Choose another width or other settings.") from error
