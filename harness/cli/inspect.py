"""`harness inspect`: what a method does with a scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.cli.data_options import DataChoice, dataset_options
from harness.cli.options import (
    FiniteRange,
    json_option,
    png_path,
    print_json,
    progress_bar,
    read_settings,
    refuse_beside,
)

if TYPE_CHECKING:
    from backbones.points import PointBatch
    from baselines.pvd.settings import PVDSettings
    from harness.config.models import BackboneConfig
    from harness.data.dataset import Dataset
    from harness.inspect.view import SamplingView, TrainingMoment
    from harness.spec import DatasetName


class _Recipe(NamedTuple):
    """A recipe as a matrix has it, and where it stands."""

    content: Any
    where: str


@click.group("inspect")
def command() -> None:
    """Look into what a method does with a scan.

    \b
    Examples:
      harness inspect sampling 00/000000 --semantickitti /data/semantickitti
    """


@command.command("sampling")
@click.argument("scan")
@dataset_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=png_path,
    help="The picture to write. Default: sampling-SEQUENCE-FRAME.png here.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training run.")
@click.option("--epoch", type=click.IntRange(0), default=0, show_default=True, help="The epoch shown, from 0.")
@click.option(
    "--draws",
    type=click.IntRange(1, 100_000),
    default=1,
    show_default=True,
    metavar="N",
    help="Count the draws of N epochs, from --epoch on, from the scan as it is shown.",
)
@click.option(
    "--augment/--no-augment",
    default=True,
    show_default=True,
    help="Show the scan as training sees it in this epoch, or as it is in its file.",
)
@click.option(
    "--matrix",
    metavar="NAME|FILE",
    help="Take the data set, the augmentation and the backbone's voxels or grid from this matrix, not the usual ones.",
)
@click.option("--backbone", default="minkowskinet", show_default=True, help="Whose voxels; see `harness ls backbones`.")
@click.option(
    "--voxel-size",
    type=FiniteRange(0.005, 10),
    help="Edge of a voxel in metres; the published one unless given. None for cylinder3d.",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of pvd, for example sampler=distance or block_size=[60,60,8]; repeatable.",
)
@click.option(
    "--workers", type=click.IntRange(0, 64), default=2, show_default=True, help="Processes that count classes."
)
@json_option
def sampling_command(
    scan: str,
    data: DataChoice,
    out: Path | None,
    seed: int,
    epoch: int,
    draws: int,
    augment: bool,
    matrix: str | None,
    backbone: str,
    voxel_size: float | None,
    settings: tuple[str, ...],
    workers: int,
    as_json: bool,
) -> None:
    """Draw the supervoxels of SCAN from above, with the chance of each and those that PVD samples.

    They are the ones that a training run with this seed, grid, augmentation and these settings of pvd samples from the
    scan in this epoch. A run that caps, mixes or rotates scans in its own way is named by --matrix.
    Which classes are rare is counted over the training split, as every run does: that reads its label files once.

    \b
    Examples:
      harness inspect sampling 00/000000 --semantickitti /data/semantickitti
      harness inspect sampling 00/000000 --semantickitti /data/part --partial --setting sampler=distance --json
      harness inspect sampling 00/000000 --no-augment --draws 1000 --setting blocks=8
    """
    from harness.report.sampling.picture import draw_sampling
    from harness.report.sampling.text import sampling_text

    chosen, config, recipe = _run_of(matrix, backbone, voxel_size, augment, data)
    moment = _moment(seed, epoch, config, recipe, chosen.name)
    points, view = _view(scan, chosen.open(), moment, _pvd(settings, chosen.name), draws, workers)
    picture = draw_sampling(view, points, out or Path(f"sampling-{scan.replace('/', '-')}.png"))
    if as_json:
        print_json({"picture": picture, **view.model_dump(mode="json")})
        return
    click.echo(sampling_text(view))
    click.echo(f"picture: {picture}")


def _run_of(
    matrix: str | None, backbone: str, voxel_size_m: float | None, augment: bool, data: DataChoice
) -> tuple[DataChoice, BackboneConfig, _Recipe | None]:
    """Return what a run trains on and with: as the matrix has it, or as usual; no recipe for a scan as in its file.

    Raises:
        click.UsageError: a matrix is named whose augmentation is not to be used, or that is of another data set.
        HarnessError: the matrix is wrong.
    """
    from harness.config.matrix_file import load_matrix
    from harness.config.models import BackboneConfig
    from harness.config.recipes import COMMON

    if not augment:
        refuse_beside("--no-augment", "matrix")
    config, recipe = BackboneConfig(name=backbone), _Recipe(COMMON, "the usual recipe")
    if matrix is not None:
        loaded = load_matrix(matrix)
        of_name = (dataset for dataset in loaded.datasets if dataset.name == data.name)
        data, recipe = data.of_matrix(next(of_name, loaded.datasets[0])), _Recipe(loaded.recipe, matrix)
        config = next((other for other in loaded.backbones if other.name == backbone), config)
    if voxel_size_m is not None:
        config = config.model_copy(update={"voxel_size_m": voxel_size_m})
    return data, config, recipe if augment else None


def _moment(
    seed: int, epoch: int, config: BackboneConfig, recipe: _Recipe | None, dataset: DatasetName
) -> TrainingMoment:
    """Return how training meets the scan.

    Raises:
        HarnessError: the backbone, its voxel size or the recipe is wrong.
    """
    from harness.config.grids import backbone_on
    from harness.config.recipes import resolve_recipe
    from harness.config.resolve import resolve_backbone
    from harness.inspect.view import TrainingMoment

    config = backbone_on(dataset, config)
    network = resolve_backbone(config, 1.0, 1, "--backbone")
    return TrainingMoment(
        seed=seed,
        epoch=epoch,
        backbone=network.name,
        voxel_size_m=network.voxel_size_m,
        settings=config.settings,
        augmentation=recipe and resolve_recipe(recipe.content, network.name, dataset, recipe.where).augmentation,
    )


def _view(
    scan: str, dataset: Dataset, moment: TrainingMoment, pvd: PVDSettings, draws: int, workers: int
) -> tuple[PointBatch, SamplingView]:
    """Read the scan as training meets it and the class counts, and return its points and what the sampler makes of it.

    Raises:
        HarnessError: no such scan, or the data or the settings are at fault.
    """
    from harness.inspect.sampling import view_sampling
    from harness.inspect.training_scan import training_set, training_voxels

    batch = training_voxels(dataset, scan, moment)
    with progress_bar("class counts") as progress:
        counted = training_set(dataset, workers, progress)
    return batch.points, view_sampling(batch, pvd, counted, moment, draws)


def _pvd(pairs: tuple[str, ...], dataset: DatasetName) -> PVDSettings:
    """Return the settings of pvd.

    Raises:
        HarnessError: one is unknown or has a wrong value.
    """
    from baselines.pvd.settings import PVDSettings
    from harness.config.grids import method_on
    from harness.config.models import MethodConfig
    from harness.config.resolve import resolve_method

    given = method_on(dataset, MethodConfig(name="pvd", settings=read_settings(pairs)))
    method = resolve_method(given, "--setting")
    return PVDSettings.model_validate(method.settings)
