"""Whether the networks and methods of a matrix can be built, asked before any data is prepared."""

from __future__ import annotations

import torch

from backbones.backbone import Backbone
from backbones.build import build_backbone
from backbones.sparse.engine import EngineError, get_engine
from backbones.sparse.layers import set_engine
from harness.config.models import BackboneConfig, MatrixConfig
from harness.config.parts import MatrixPart, parts
from harness.config.resolve import resolve_backbone, resolve_method
from harness.data.open import class_count
from harness.errors import HarnessError
from harness.train.methods import build_method, method_context


def check_matrix(matrix: MatrixConfig) -> None:
    """Build every network of a matrix without memory for its weights, put it on the engine, and build every method.

    Raises:
        HarnessError: the engine can't express a layer, a width leaves a layer without channels, or a method's setting
            does not fit a backbone, on one of the data sets.
    """
    made = parts(matrix)
    for part in made:
        on = f" on {part.dataset.name}" if len(made) > 1 else ""
        _check_part(part, f"matrix {matrix.name}{on}")


def _check_part(part: MatrixPart, where: str) -> None:
    classes = class_count(part.dataset.name)
    for index, config in enumerate(part.backbones):
        teacher, student = (
            _network(config, width, classes, part.engine, f"{where}, key backbones.{index}")
            for width in (config.teacher_width, config.student_width)
        )
        _check_methods(part, config.name, teacher, student, classes, where)


def _network(config: BackboneConfig, width: float, classes: int, engine_name: str, key: str) -> Backbone:
    engine = get_engine(engine_name)
    spec = resolve_backbone(config, width, classes, key)
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
    return network


def _check_methods(
    part: MatrixPart, backbone: str, teacher: Backbone, student: Backbone, classes: int, where: str
) -> None:
    # Points by class that a method is told of here, common classes and rare ones: the data has not been read yet.
    counts = (0, *(10 ** (6 - place // 5) for place in range(classes)))
    context = method_context(student, teacher, counts)
    for index, config in enumerate(part.methods):
        key = f"{where}, key methods.{index}"
        spec = resolve_method(config, key)
        try:
            build_method(spec, context, seed=0)
        except (Exception, SystemExit) as error:  # the method may be the user's: whatever it raises, it does not fit
            found = str(error) if isinstance(error, ValueError) else repr(error)
            expected = f"a method that can be built for {backbone}"
            remedy = "Mend its settings, or leave this backbone to a matrix of its own; see `harness ls backbones`."
            raise HarnessError(f"{key}, method {spec.label}", found, expected, remedy) from error
