"""Whether the parts of a matrix can be planned: everything known, nothing twice."""

from __future__ import annotations

from harness.config.models import MatrixConfig, method_label
from harness.config.parts import MatrixPart, can_be_submitted
from harness.config.recipes import resolve_recipe
from harness.config.resolve import resolve_backbone, resolve_method
from harness.errors import HarnessError
from harness.spec import BackboneSpec, MethodSpec


def check_parts(matrix: MatrixConfig, made: tuple[MatrixPart, ...], where: object) -> None:
    """Refuse a network, method, recipe or submission that is wrong on one of the data sets.

    Args:
        matrix: that the parts were made of.
        made: its parts.
        where: its file, for messages.

    Raises:
        HarnessError: names the key.
    """
    for part in made:
        on = f" on {part.dataset.name}" if len(made) > 1 else ""
        _check_backbones(part, on, where)
        methods = _check_methods(part, on, where)
        for backbone in part.backbones:
            resolve_recipe(part.recipe, backbone.name, part.dataset.name, where)
    _check_submission(matrix, [spec.label for spec in methods], where)


def _check_backbones(part: MatrixPart, on: str, where: object) -> None:
    """Refuse unknown networks, wrong settings, and the same pair of networks twice."""
    networks: list[tuple[BackboneSpec, float]] = []
    for index, backbone in enumerate(part.backbones):
        key = f"{where}, key backbones.{index}"
        network = (resolve_backbone(backbone, backbone.teacher_width, 1, key), backbone.student_width)
        if network in networks:
            found = f"the same networks as backbones.{networks.index(network)}{on}"
            raise HarnessError(key, found, "other widths, voxels or settings", "Remove one of them.")
        networks.append(network)


def _check_methods(part: MatrixPart, on: str, where: object) -> list[MethodSpec]:
    """Return the methods, all of them known and different."""
    specs: list[MethodSpec] = []
    for index, method in enumerate(part.methods):
        key = f"{where}, key methods.{index}"
        spec = resolve_method(method, key)
        if spec in specs:
            found = f"the same method and settings as methods.{specs.index(spec)}{on}"
            raise HarnessError(key, found, "another name or other settings", "Remove one of them.")
        specs.append(spec)
    return specs


def _check_submission(matrix: MatrixConfig, labels: list[str], where: object) -> None:
    """Refuse the export of a method that is not there, or of a data set that has no archive."""
    if matrix.submission is None:
        return
    if method_label(matrix.submission) not in labels:
        expected = f"the method whose first cell is exported, one of {', '.join(labels)}"
        raise HarnessError(f"{where}, key submission", repr(matrix.submission), expected, "Mend the name.")
    if not any(map(can_be_submitted, matrix.datasets)):
        remedy = "Remove the key; score such a matrix by its tables."
        raise HarnessError(f"{where}, key submission", "a nuScenes matrix", "one of SemanticKITTI", remedy)
