"""The networks that a verb of `harness measure` is asked about, and the options that choose them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import FiniteRange, read_settings, refuse_beside, setting_option

if TYPE_CHECKING:
    from harness.spec import BackboneSpec, DatasetName

WIDTHS = FiniteRange(1 / 32, 8)


@dataclass(frozen=True)
class NetworkChoice:
    """Networks as a user chose them: one for each width, alike in all else.

    Attributes:
        backbone: name.
        widths: factors on every channel count, in the user's order.
        classes: scored classes; None for those of the data set.
        voxel_size_m: None for the published one, or for a grid of its own.
        settings: pairs KEY=VALUE.
        weights: file of `harness convert` that says all of the above, or None.
        engine: as asked for, perhaps ``auto``.
    """

    backbone: str
    widths: tuple[float, ...]
    classes: int | None
    voxel_size_m: float | None
    settings: tuple[str, ...]
    weights: Path | None
    engine: str

    def specs(self, dataset: DatasetName) -> list[BackboneSpec]:
        """Return the networks, each once, complete, with the grid that is published for the data set.

        Raises:
            HarnessError: the backbone is unknown, a setting is wrong, or the file of weights is broken.
            click.UsageError: the file of weights says what another option says.
        """
        from harness.config.grids import backbone_on
        from harness.config.models import BackboneConfig
        from harness.config.resolve import resolve_backbone
        from harness.data.open import class_count
        from harness.train.converted import read_card

        if self.weights is not None:
            refuse_beside("--weights", "backbone", "widths", "classes", "settings", "voxel_size")
            return [read_card(self.weights).backbone]
        config = BackboneConfig(
            name=self.backbone, voxel_size_m=self.voxel_size_m, settings=read_settings(self.settings)
        )
        classes = class_count(dataset) if self.classes is None else self.classes
        placed = backbone_on(dataset, config)
        return [resolve_backbone(placed, width, classes, "--backbone") for width in dict.fromkeys(self.widths)]

    def engine_name(self) -> str:
        """Return the engine's name, ``auto`` resolved.

        Raises:
            click.UsageError: there is no such engine here.
        """
        from backbones.sparse.engine import get_engine

        try:
            return get_engine(self.engine).name
        except ValueError as error:
            raise click.UsageError(str(error)) from error


def network_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that choose networks; it takes them as one argument, ``networks``."""

    @functools.wraps(verb)
    def chosen(
        backbone: str,
        widths: tuple[float, ...],
        classes: int | None,
        voxel_size: float | None,
        settings: tuple[str, ...],
        weights: Path | None,
        engine: str,
        **others: Any,
    ) -> None:
        verb(networks=NetworkChoice(backbone, widths, classes, voxel_size, settings, weights, engine), **others)

    wrapped: Callable[..., None] = chosen
    for option in (
        click.option("--engine", default="auto", show_default=True, help="See `harness ls engines`."),
        click.option(
            "--weights",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="A file of `harness convert`, which says backbone, width, classes and settings; else fresh weights.",
        ),
        setting_option,
        click.option("--classes", type=click.IntRange(2, 1000), help="Scored classes. Default: those of the data set."),
        click.option(
            "--voxel-size",
            type=FiniteRange(0.005, 10),
            help="Edge of a voxel in metres; the published one unless given. None for cylinder3d.",
        ),
        click.option(
            "--width",
            "widths",
            type=WIDTHS,
            multiple=True,
            default=(1.0,),
            show_default="1.0",
            help="Factor on every channel count; repeatable, for several networks on the same scans.",
        ),
        click.option("--backbone", default="minkowskinet", show_default=True, help="See `harness ls backbones`."),
    ):
        wrapped = option(wrapped)
    return wrapped
